//! What fetches from elsewhere share with the services: whom they trust, the way there, and how long to wait before
//! another try. No login, and no grant: the spec itself names the address.

use std::path::Path;
use std::time::{Duration, SystemTime};

use ureq::http::{HeaderMap, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Error};

use super::client::{self, is_of_trust, new_agent};
use super::config::is_loopback;
use super::retry;
use super::tls::Trust;
use super::{Proxies, Secret, ServiceError};

/// Whom a fetch trusts.
#[derive(Clone, Debug, Default)]
pub(crate) struct FetchTrust<'a> {
    /// PEM file of authorities beside the public ones.
    pub(crate) ca_file: Option<&'a Path>,
    /// Anybody.
    pub(crate) insecure: bool,
}

/// Connections to an address, and the variable that names the proxy on the way.
pub(crate) struct Line {
    pub(crate) agent: Agent,
    pub(crate) proxy: Option<&'static str>,
}

/// Connections to an address. The answer to an unknown status is the caller's to judge, as is a redirect.
pub(crate) fn line(url: &str, trust: &FetchTrust<'_>) -> Result<Line, String> {
    let tls = settings(trust)?;
    let way = proxies().way("", url).map_err(|error| match error {
        ServiceError::Proxy { variable, why, .. } => format!("the proxy of `{variable}`: {why}"),
        other => other.to_string(),
    })?;
    let config = client::config(tls, concat!("stepwise/", env!("CARGO_PKG_VERSION")), &way);
    Ok(Line { agent: new_agent(config), proxy: way.variable })
}

/// Why a trust cannot be had, if so.
pub(crate) fn check(trust: &FetchTrust<'_>) -> Result<(), String> {
    settings(trust).map(drop)
}

fn settings(trust: &FetchTrust<'_>) -> Result<TlsConfig, String> {
    let trust = Trust::of_fetch(trust.ca_file, trust.insecure);
    // These name a service, and here is none.
    trust.and_then(|trust| trust.settings("")).map_err(|error| match error {
        ServiceError::CaFileUnused { .. } => {
            "`ca_file` has no effect beside `insecure: true`; remove one of them".into()
        }
        ServiceError::PemFile { file, source, .. } => format!("cannot read the CA file `{}`: {source}", file.display()),
        ServiceError::Pem { file, why, .. } => format!("the CA file `{}` is not PEM: {why}", file.display()),
        ServiceError::PemEmpty { file, .. } => format!("the CA file `{}` has no certificate in it", file.display()),
        other => other.to_string(),
    })
}

/// What must be masked of the way to an address.
pub(crate) fn secrets(url: &str) -> Vec<Secret> {
    proxies().way("", url).map(|way| way.secrets()).unwrap_or_default()
}

fn proxies() -> Proxies {
    Proxies::of(|name| std::env::var(name).ok())
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
pub(crate) fn pause(attempt: u32, retry_after: Option<Duration>) -> Duration {
    retry::pause(attempt, fastrand::f64(), retry_after)
}

/// How long a server asks to wait, in seconds or by its own clock.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry::asked(text("retry-after"), text("date"), SystemTime::now())
}
