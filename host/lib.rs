//! The host: runs the steps of a spec, each a WebAssembly component, against the services that the spec names.
//!
//! The flow is spec → plan → run → report:
//!
//! - [`spec`]: the YAML file as typed (a crate of its own), with the place of every value
//! - [`plan`]: the spec resolved and checked against the components, before anything runs
//! - [`engine`]: components compiled, described and executed under limits; what they may import
//! - [`services`]: HTTP with logins, grants, retries and limits
//! - [`data`]: where data sets come from
//! - [`run`]: steps driven in order; the record, the ledger, events and artifacts
//! - [`console`]: stderr, while a run is under way
//! - [`report`]: a run as tables for people
//! - [`cli`]: the commands
//! - [`error`] and [`exit`]: what can go wrong, and the exit code of each

pub mod cli;
pub mod console;
pub mod data;
pub mod deadline;
pub mod engine;
pub mod error;
pub mod exit;
pub mod plan;
pub mod report;
pub mod run;
pub mod services;
pub mod signal;

pub use stepwise_spec as spec;
