//! Why a run cannot begin or go on.

use crate::data::DataError;
use crate::services::ServiceError;

use super::folder::FolderError;
use super::ledger::LedgerError;
use super::step_record::StepOutcome;

/// Why a run cannot go on. A step's failure is none of these: it is in the record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A signal came before it began.
    #[error("interrupted")]
    Interrupted,
    /// The services.
    #[error(transparent)]
    Services(#[from] ServiceError),
    /// A data set or a model.
    #[error("{noun} `{name}`: {message}")]
    Data {
        /// Which of the two.
        noun: &'static str,
        /// Its name in the spec.
        name: String,
        /// Why it cannot be had. What a server says is in it, so it is masked.
        message: String,
        /// The same as it is known to the program, never shown.
        error: Box<DataError>,
    },
    /// A run of that name is there already.
    #[error("run `{0}` has run already")]
    Exists(String),
    /// A run of another pipeline.
    #[error("run `{run}` is one of pipeline `{pipeline}`")]
    Pipeline {
        /// The run.
        run: String,
        /// Its pipeline.
        pipeline: String,
    },
    /// A dry run's services ended with it.
    #[error("run `{0}` was a dry run, and its services ended with it")]
    DryRun(String),
    /// What removed lost runs' leftovers is no run.
    #[error("`{0}` is no run of the pipeline: it removed what lost ones have left")]
    Sweep(String),
    /// A run of the same services elsewhere.
    #[error("run `{run}` has {what} at {then}, not at {now}")]
    Elsewhere {
        /// The run.
        run: String,
        /// The service, or its platform.
        what: String,
        /// Where it was when the run began.
        then: String,
        /// Where the spec has it now.
        now: String,
    },
    /// Another process runs steps of the run, or a sweep has it.
    #[error("run `{run}` is held by another process, which runs it or removes what it has left")]
    Alive {
        /// The run.
        run: String,
        /// Whether this is a cleanup, which can wait.
        can_wait: bool,
    },
    /// Another process runs the step.
    #[error("step `{step}` of run `{run}` is running in another process")]
    Busy {
        /// The step.
        step: String,
        /// The run.
        run: String,
    },
    /// Its work was begun in other parts.
    #[error("step `{step}` of run `{run}` was begun {}, not {}", in_shards(*.begun), in_shards(*.now))]
    Split {
        /// The step.
        step: String,
        /// The run.
        run: String,
        /// In how many shards, 0 if it is not split.
        begun: usize,
        /// In how many it would go on.
        now: usize,
    },
    /// A step that the plan does not have.
    #[error("the spec has no step `{step}`")]
    Step {
        /// What was asked for.
        step: String,
        /// A step that is there, with an id much like it.
        nearest: Option<String>,
    },
    /// A shard that the step does not have.
    #[error(
        "step `{step}` has no shard {index}: {}",
        if *.of == 0 { "it is not split".to_owned() } else { format!("its `shards` are 0 to {}", .of - 1) }
    )]
    Shard {
        /// The step.
        step: String,
        /// The shard.
        index: u32,
        /// How many it has.
        of: u32,
    },
    /// A step of the spec that no run runs.
    #[error("step `{0}` is not of a run: only `stepwise cleanup --stale` runs it")]
    Stale(String),
    /// A run cannot go on from a step while one before it has not succeeded.
    #[error(
        "run `{run}` cannot go on from `{first}`: step `{step}` before it {}",
        .outcome.map_or("has not run", StepOutcome::verb)
    )]
    Before {
        /// The run.
        run: String,
        /// The step to go on from.
        first: String,
        /// The step before it.
        step: String,
        /// How that one ended, if it has run.
        outcome: Option<StepOutcome>,
    },
    /// A run cannot go on with what is gone.
    #[error("run `{run}` cannot go on from `{first}`: the {kind} that step `{step}` created was removed")]
    Gone {
        /// The run.
        run: String,
        /// The step to go on from.
        first: String,
        /// The step before it.
        step: String,
        /// The kind of the resource.
        kind: String,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn in_shards(count: usize) -> String {
    match count {
        0 => "in one piece".to_owned(),
        1 => "in 1 shard".to_owned(),
        count => format!("in {count} shards"),
    }
}

impl RunError {
    /// Whether a signal ended what goes before a run.
    pub fn is_interrupted(&self) -> bool {
        match self {
            Self::Data { error, .. } => matches!(**error, DataError::Interrupted { .. }),
            Self::Interrupted => true,
            _ => false,
        }
    }
}
