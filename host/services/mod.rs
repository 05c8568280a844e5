//! HTTP to the services that the spec names.
//!
//! A step's request is parsed (`request`, `path`, `header`), checked against what the step may send (`permit`,
//! `grant`), and sent by `service` with a token (`session`, `login`, `token`, `token_file`) as often as it may be (`delivery`, `retry`).
//! `client` owns the wire, `resolver` and `proxy` the way there, `redirect` where an answer leads, `tls` whom it trusts; `masks` (`spelling`, `reading`) keeps
//! every `secret` out of every text, `platform` knows the second address of a service of IBM Cloud, `version` (`probe`) explains why a cluster that is too old fails; `observer` sees each exchange; `plain` lends the wire to fetches that are no service's.

mod call_error;
mod client;
mod config;
mod delivery;
mod grant;
mod header;
mod login;
mod masks;
mod method;
mod observer;
mod path;
mod permit;
pub(crate) mod plain;
mod platform;
mod probe;
mod proxy;
mod reading;
mod redirect;
mod request;
mod resolver;
mod retry;
mod secret;
mod service;
mod session;
mod spelling;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod token_file;
mod version;

pub use call_error::CallError;
pub use config::{Auth, ClientCertificate, Credential, ServiceConfig, ServiceError};
pub use delivery::Limits;
pub use grant::{Grant, GrantError, Grants, Pattern};
pub use masks::{Masks, Trail};
pub use method::Method;
pub use observer::{Exchange, Observer};
pub use path::{PathError, RequestPath, encode_segment};
pub use permit::Permit;
pub use platform::platform_url;
pub use proxy::Proxies;
pub use request::{Repeat, Request, Response};
pub use secret::{Secret, is_masked};
pub use service::Services;
