//! A run: steps executed in order, and everything that is kept of it.
//!
//! `run` drives the plan, `lend` brings files to a step, `folder` says where things lie, `record` is what is known of
//! each step, `ledger` what the run created, `events` what happened when.

mod artifacts;
mod events;
mod folder;
mod ledger;
mod lend;
mod record;
mod runner;

pub use artifacts::ArtifactError;
pub use events::{Events, LogLevel};
pub use folder::{FolderError, RunFolder, RunId};
pub use ledger::{Ledger, LedgerEntry, LedgerError};
pub use lend::{LendError, LentFile};
pub use record::{Outcome, RunRecord, StepOutcome, StepRecord};
pub use runner::{Choice, RunError, Runner};

/// Now, as it is written everywhere: RFC 3339 in UTC, with milliseconds.
pub(crate) fn now() -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // The format has only parts that every UTC time has.
    time::OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
