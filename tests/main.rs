//! End-to-end tests, by what the user sees: the real binary, the real components, the real stub.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

mod builds;
mod clock;
mod commands;
mod console;
mod contract;
mod custom;
mod damage;
mod dialects;
mod disk;
mod exported;
mod failures;
mod faults;
mod gates;
mod interrupts;
mod kills;
mod kinds;
mod limits;
mod logins;
mod middles;
mod networks;
mod order;
mod overrides;
mod parallel;
mod pipeline;
mod readme;
mod reports;
mod runs;
mod score_data;
mod secrets;
mod server;
mod shapes;
mod shards;
mod sources;
mod spec;
mod stale;
mod terminal;
#[path = "../host/scoring/tests/zoo/mod.rs"]
mod zoo;
