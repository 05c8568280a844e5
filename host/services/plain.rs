//! What fetches from elsewhere share with the services: whom they trust, the way there, and how long to wait before
//! another try. No login, and no grant: the spec itself names the address.

use std::path::Path;
use std::time::{Duration, SystemTime};

use ureq::http::Uri;
use ureq::{Agent, Error};

use super::client::{self, is_of_trust, new_agent};
use super::config::is_loopback;
use super::retry;
use super::tls::Trust;
use super::{Proxies, ServiceError};

/// Whom a fetch trusts.
#[derive(Clone, Debug, Default)]
pub(crate) struct FetchTrust<'a> {
    /// PEM file of authorities beside the public ones.
    pub(crate) ca_file: Option<&'a Path>,
    /// Anybody.
    pub(crate) insecure: bool,
}

/// Connections to an address. The answer to an unknown status is the caller's to judge, as is a redirect.
pub(crate) fn agent(url: &str, trust: &FetchTrust<'_>) -> Result<Agent, String> {
    let tls = Trust::of_fetch(trust.ca_file, trust.insecure).settings("").map_err(|error| match error {
        ServiceError::PemFile { file, .. } => format!("cannot read the CA file `{}`", file.display()),
        ServiceError::Pem { file, why, .. } => format!("the CA file `{}` is not PEM: {why}", file.display()),
        ServiceError::PemEmpty { file, .. } => format!("the CA file `{}` has no certificate in it", file.display()),
        other => other.to_string(),
    })?;
    let way = Proxies::of(|name| std::env::var(name).ok()).way("", url).map_err(|error| match error {
        ServiceError::Proxy { variable, why, .. } => format!("the proxy of `{variable}`: {why}"),
        other => other.to_string(),
    })?;
    let config = client::config(tls, concat!("stepwise/", env!("CARGO_PKG_VERSION")), &way);
    Ok(new_agent(config))
}

/// Whether an address is one of this machine, where nobody listens in and no proxy is of use.
pub(crate) fn is_of_this_machine(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback))
}

/// What went wrong, in plain words, and whether it was that the other side is not trusted.
pub(crate) fn explain(error: &Error) -> (String, bool) {
    (client::plain(error), is_of_trust(error))
}

/// How long to wait after attempt number `attempt`, and no less than the server asks for.
pub(crate) fn pause(attempt: u32, retry_after: Option<&str>) -> Duration {
    retry::pause(attempt, fastrand::f64(), retry::asked(retry_after, None, SystemTime::now()))
}
