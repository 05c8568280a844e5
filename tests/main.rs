//! End-to-end tests, by what the user sees: the real binary, the real components, the real stub.
#![allow(clippy::tests_outside_test_module, reason = "this whole crate is tests")]

mod harness;

mod failures;
mod gates;
mod logins;
mod pipeline;
mod readme;
mod score_data;
mod shapes;
