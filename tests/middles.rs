//! Where a step is interrupted.

/// A request in the middle of each step, which is acted on and never answered.
pub(crate) const MIDDLES: [(&str, &str, &str); 5] = [
    ("store", "PUT", "/ml/v4/models/*/content"),
    ("deploy", "GET", "/ml/v4/deployments/*"),
    ("subscribe", "POST", "/openscale/*/v2/subscriptions"),
    ("score", "POST", "/ml/v4/deployments/*/predictions"),
    ("evaluate", "POST", "/openscale/*/v2/monitor_instances/*/runs"),
];
