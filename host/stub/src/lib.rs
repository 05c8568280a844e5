//! The stub HTTP host: Watson Machine Learning and Watson `OpenScale` as the protocol pages describe them, strictly.
//!
//! [`Stub::start`] takes [`Options`] and serves until it is dropped; [`Fault`]s make it fail, [`Recorded`] requests
//! tell what it was asked. It shares no type with the host and the steps, so that they cannot agree by accident.
//!
//! [`Dialect`] says which product's protocol it speaks; on IBM Cloud that takes two addresses, with a port each.
//!
//! A request passes `server` (record, faults), `route` (to a plain function), `call` (strict reading) and a handler of
//! `wml` or `openscale`, which works on the `world` under one lock; `answer` is what comes back. `life` and the `world`'s
//! `advance` make asynchronous states take time without any timer. `metrics` is pure.
//!
//! Where the protocol pages say that something is unverified, the stub chooses what finds more mistakes in a client, and
//! the handler's comment says so.

mod answer;
mod call;
mod dialect;
mod door;
mod faults;
mod faults_file;
mod life;
mod login;
mod metrics;
mod moment;
mod openscale;
mod options;
mod platform;
mod request_log;
mod route;
mod server;
mod site;
mod stub;
mod table;
mod tls;
mod wml;
mod world;

pub use dialect::Dialect;
pub use faults::{Fault, FaultKind, Nth};
pub use faults_file::{FaultsError, read_faults};
pub use options::Options;
pub use request_log::Recorded;
pub use stub::{Stub, StubError};
