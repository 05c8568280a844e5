//! WebAssembly: components compiled, checked, described and run.
//!
//! `bindings` is the WIT in Rust, `contract` its version and check, `component` a loaded step, `cache` keeps compiled code, `state` is what an instance
//! has, `imports` what it may call, `execute` one try of a step under its `limits`, which `meter` holds it to.

mod bindings;
mod cache;
mod component;
mod contract;
mod error;
mod execute;
mod imports;
mod limits;
mod meter;
mod output;
mod schema;
mod state;

pub use cache::Cache;
pub(crate) use cache::{check_private, user_cache};
pub use component::{Component, Engine, Info, names};
pub use contract::{Announced, Announcement, Failure, FailureCategory, Lookup, State, VERSION as CONTRACT};
pub use error::{ComponentError, StepError};
pub use execute::execute;
pub use limits::{ENTRY, Hit, Limit, Limits, RULES, Rule};
pub use meter::Meter;
pub use schema::{Format, Schema, ShardInputs, may_fit, types};
pub use state::{Kept, Places, StepContext, Waited};
