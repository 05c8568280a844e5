//! The stub over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod client;
mod deployments;
mod dialects;
mod evaluation;
#[path = "../../scoring/tests/zoo/mod.rs"]
mod exported;
mod faults;
mod login;
mod metrics;
mod models;
mod predictions;
mod providers;
mod records;
mod start;
mod strictness;
mod subscriptions;
mod zoo;
