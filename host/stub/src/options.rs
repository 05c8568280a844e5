//! `Options`: what a stub is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::dialect::Dialect;

/// The `OpenScale` instance that every Cloud Pak for Data has.
pub(crate) const DEFAULT_INSTANCE: &str = "00000000-0000-0000-0000-000000000000";

/// What a stub is started with; `..Options::default()` gives the rest.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one. The platform of IBM Cloud takes a free port of the same address.
    pub listen: SocketAddr,
    /// Which product's protocol it speaks.
    pub dialect: Dialect,
    /// Whether it speaks https with a certificate that it makes for itself.
    pub tls: bool,
    /// The only user.
    pub username: String,
    /// That user's password.
    pub password: String,
    /// That user's api key.
    pub api_key: String,
    /// How long a token is good for. The official client 1.0.370 cannot bear less than 50 minutes.
    pub token_lifetime: Duration,
    /// How long everything asynchronous takes: deployments, subscriptions, monitors, records, runs, deletions.
    pub settle: Duration,
    /// Names of the deployment spaces; the first is the one that `Stub::space_id` tells.
    pub spaces: Vec<String>,
    /// The `OpenScale` service instance, which is also the id of its data mart. On IBM Cloud every instance has an id
    /// of its own: the default, which is that of Cloud Pak for Data, stands for a new one there.
    pub instance_id: String,
    /// The largest body of one records request, beyond which it answers 413. The real limit is not known; the
    /// official client's own limits hint at this one.
    pub records_limit: usize,
    /// An ONNX file that answers for the deployed models of all kinds that the stub does not run itself, such as pickles.
    /// Without one such a deployment fails.
    pub twin: Option<PathBuf>,
    /// A file to which every request is appended as a line of JSON, secrets masked.
    pub request_log: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            dialect: Dialect::default(),
            tls: false,
            username: "stepwise".into(),
            password: "stepwise-password".into(),
            api_key: "stepwise-api-key".into(),
            token_lifetime: Duration::from_hours(1),
            settle: Duration::from_millis(150),
            spaces: vec!["stepwise".into()],
            instance_id: DEFAULT_INSTANCE.into(),
            records_limit: 1 << 20,
            twin: None,
            request_log: None,
        }
    }
}
