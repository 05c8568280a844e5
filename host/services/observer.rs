//! Who watches the exchanges of the host with a service.

use std::time::{Duration, Instant};

use super::{CallError, Method};

/// One request sent and its answer, or why there is none. Login is an exchange of the service that needed it.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The service's name in the spec.
    pub service: &'a str,
    /// The method.
    pub method: Method,
    /// The path, without the service's own prefix and without query.
    pub path: &'a str,
    /// The encoded query; empty when there is none.
    pub query: &'a str,
    /// 1 for the first time that the request is sent.
    pub attempt: u32,
    /// The status, or why there is none.
    pub outcome: Result<u16, &'a CallError>,
    /// When it began.
    pub started: Instant,
    /// How long it took, the answer's body included.
    pub duration: Duration,
    /// The `x-global-transaction-id` of all attempts.
    pub transaction_id: &'a str,
    /// Bytes of the body that was sent.
    pub sent: u64,
    /// Bytes of the answer's body, decompressed.
    pub received: u64,
    /// The answer's body if its status is 400 or more, else nothing; it may hold secrets.
    pub refusal: &'a [u8],
}

/// Gets every exchange once it is over, in the thread that made the call.
pub trait Observer {
    /// Takes note of an exchange.
    fn exchanged(&self, exchange: &Exchange<'_>);
}

/// Nobody watches.
impl Observer for () {
    fn exchanged(&self, _: &Exchange<'_>) {}
}
