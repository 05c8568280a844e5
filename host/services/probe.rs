//! Requests of the host itself, after a failure that the version of a service may explain.

use super::client::{Client, Outgoing};
use super::delivery::Delivery;
use super::session::Asker;
use super::version::{self, Version};
use super::{Limits, Method, Repeat, Response, Secret};

/// What an answer may have at the most.
const MAX_ANSWER: u64 = 256 * 1024;

/// Who is asked, and for whom.
pub(super) struct Probe<'a> {
    pub(super) client: &'a Client,
    /// Scheme, host, port, and a prefix of paths if there is one.
    pub(super) address: &'a str,
    pub(super) asker: &'a Asker<'a>,
}

impl Probe<'_> {
    /// The version that the service tells, if it tells one.
    pub(super) fn version(&self) -> Option<Version> {
        version::PATHS.iter().find_map(|path| {
            let answer = self.get(path, "", None).filter(|answer| answer.status == 200)?;
            Version::read(&answer.body)
        })
    }

    /// Why a service that has answered a first request for something of its own with 404 is of no use, if it is of none:
    /// its protocol is older than those that are spoken.
    pub(super) fn too_old(&self, authorization: &Secret) -> Option<String> {
        let is = |path, query, status| {
            self.get(path, query, Some(authorization)).is_some_and(|answer| answer.status == status)
        };
        // What is not there may just be the thing that was asked for.
        if !is("/v2/spaces", "limit=1", 404) {
            return None;
        }
        let service = self.asker.service;
        match self.version() {
            Some(version) => version.is_too_old().then(|| version::too_old(service, &version.to_string())),
            None => is(version::OLD_SPACES, "", 200).then(|| version::too_old(service, "3.0 or before")),
        }
    }

    fn get(&self, path: &str, query: &str, authorization: Option<&Secret>) -> Option<Response> {
        let Asker { service, transaction_id, limits, observer } = *self.asker;
        let limits = Limits { max_response: MAX_ANSWER, ..limits.clone() };
        let mut delivery = Delivery {
            client: self.client,
            service,
            part: "",
            shown: (path, query),
            transaction_id,
            limits: &limits,
            observer,
            repeat: Repeat::Never,
            attempts: 0,
        };
        let mut headers = vec![("accept", "application/json"), ("x-global-transaction-id", transaction_id)];
        headers.extend(authorization.map(|authorization| ("authorization", authorization.expose())));
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.address);
        delivery.send(&Outgoing { method: Method::Get, url: &url, headers: &headers, body: None }).ok()
    }
}
