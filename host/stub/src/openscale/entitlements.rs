//! The service instances of an account of IBM Cloud, and their plans.

use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::call::Call;
use crate::site::Site;

/// `GET /v1/entitlements`.
pub(super) fn list(site: &Site, call: &Call) -> Outcome {
    call.allow(&["nocache"])?;
    call.flag("nocache")?;
    let instance = json!({"id": site.options.instance_id, "plan_name": "standard"});
    Ok(Answer::ok(&json!({"entitlements": {"ai_openscale": [instance]}})))
}
