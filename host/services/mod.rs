//! HTTP to the services that the spec names.
//!
//! A step's request is parsed (`request`, `path`, `header`), checked against what the step may send (`permit`,
//! `grant`), and sent by `service` with a token (`session`, `token`) as often as it may be (`delivery`, `retry`).
//! `client` owns the wire, `resolver` the way there and `tls` whom it trusts; `secret` keeps credentials out of
//! every text, `observer` sees each exchange.

mod call_error;
mod client;
mod config;
mod delivery;
mod grant;
mod header;
mod method;
mod observer;
mod path;
mod permit;
mod request;
mod resolver;
mod retry;
mod secret;
mod service;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod token;

pub use call_error::CallError;
pub use config::{Auth, Credential, ServiceConfig, ServiceError};
pub use delivery::Limits;
pub use grant::{Grant, GrantError, Grants, Pattern};
pub use method::Method;
pub use observer::{Exchange, Observer};
pub use path::{PathError, RequestPath, encode_segment};
pub use permit::Permit;
pub use request::{Repeat, Request, Response};
pub use secret::{Masks, Secret};
pub use service::Services;
