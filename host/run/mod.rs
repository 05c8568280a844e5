//! A run: steps executed in order, and everything that is kept of it.
//!
//! `choice` says which steps run, `runner` drives them, `attempt` is one try of a step, `brought` has the data sets and
//! models that were fetched, `lend` brings it files, `folder` says where things lie,
//! `record` and `step_record` are what is known of the run and of each step, `chart` which outputs are drawn, `requests` how
//! many were sent, `ledger` what the run created, `events` what happened when, `trouble` why a step failed, `resume` what of
//! an earlier call still stands, `seal` tells a damaged file from a whole one, `local_runs` which other runs there are.

mod artifacts;
mod attempt;
mod brought;
mod chart;
mod choice;
mod error;
mod events;
mod folder;
mod ledger;
mod lend;
mod local_runs;
mod record;
mod requests;
mod resume;
mod runner;
mod seal;
mod step_record;
mod trouble;

pub use artifacts::ArtifactError;
pub use chart::{Chart, ChartKind};
pub use choice::Choice;
pub use error::RunError;
pub use events::{Events, LogLevel};
pub(crate) use folder::write_atomically;
pub use folder::{FolderError, RunFolder, RunId};
pub use ledger::{Ledger, LedgerEntry, LedgerError};
pub use lend::{LendError, LentFile, MadeOf};
pub use local_runs::LocalRuns;
pub use record::{Outcome, RunRecord};
pub use requests::{Counted, Requests};
pub use runner::Runner;
pub use step_record::{FailureRecord, StepOutcome, StepRecord};

/// Now, as it is written everywhere: RFC 3339 in UTC, with milliseconds.
pub(crate) fn now() -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // The format has only parts that every UTC time has.
    time::OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
