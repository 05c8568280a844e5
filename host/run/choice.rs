//! Which steps of a plan a run is to run.

use std::collections::BTreeSet;

use crate::plan::{ContinueOn, Plan, PlannedStep, When};
use crate::spec::nearest;

use super::error::RunError;
use super::folder::RunId;
use super::ledger::Ledger;
use super::record::RunRecord;
use super::step_record::StepOutcome;

/// Which steps of the plan to run.
#[derive(Debug)]
pub struct Choice {
    which: Which,
    keep: bool,
    alone: bool,
}

#[derive(Debug)]
enum Which {
    /// All, as their `when` says.
    All,
    /// These, whatever happened before.
    Only(Vec<String>),
    /// These shards, but those whose work is done and still stands.
    Shard(Vec<String>),
    /// The last ones of the plan, as their `when` says; those before have succeeded.
    From { first: String, steps: Vec<String> },
    /// All, as their `when` says, but those whose work is done and still stands; a run that is not there is started, or not.
    Resume { or_start: bool },
}

impl Choice {
    /// All steps.
    pub fn all() -> Self {
        Self { which: Which::All, keep: false, alone: false }
    }

    /// These steps.
    pub fn only(plan: &Plan, steps: &[String]) -> Result<Self, RunError> {
        steps.iter().try_for_each(|step| find(plan, step).map(|_| ()))?;
        let chosen = plan.steps.iter().filter(|step| steps.iter().any(|id| id == step.spec_id()));
        Ok(Self { which: Which::Only(chosen.map(|step| step.id.clone()).collect()), keep: false, alone: false })
    }

    /// One shard of these steps.
    pub fn shard(plan: &Plan, steps: &[String], index: u32) -> Result<Self, RunError> {
        let mut shards = Vec::new();
        for step in steps {
            let whole = &plan.steps[find(plan, step)?];
            let found = plan.steps.iter().find(|step| {
                step.spec_id() == whole.spec_id() && step.shard().is_some_and(|shard| shard.index == index)
            });
            let of = whole.shards().unwrap_or(0);
            shards.push(found.ok_or_else(|| RunError::Shard { step: step.clone(), index, of })?.id.clone());
        }
        Ok(Self { which: Which::Shard(shards), keep: false, alone: false })
    }

    /// This step and all after it.
    pub fn from(plan: &Plan, first: String) -> Result<Self, RunError> {
        find(plan, &first)?;
        let steps = plan.steps.iter().skip_while(|step| step.spec_id() != first).map(|step| step.id.clone()).collect();
        Ok(Self { which: Which::From { first, steps }, keep: false, alone: false })
    }

    /// All steps whose work is not done or does not stand any more, of a run that may have to be started.
    pub fn resume(or_start: bool) -> Self {
        Self { which: Which::Resume { or_start }, keep: false, alone: false }
    }

    /// The same without the steps that remove what the run created.
    #[must_use]
    pub fn keeping(self, keep: bool) -> Self {
        Self { keep, ..self }
    }

    /// The same while no other process runs any step of the run.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Whether no other process may run any step of the run.
    pub(super) fn is_alone(&self) -> bool {
        self.alone || self.resumes()
    }

    /// The error of who finds another process in the way.
    pub(super) fn kept_out(&self, run: &RunId) -> RunError {
        RunError::Alive { run: run.as_str().to_owned(), can_wait: self.alone }
    }

    /// Whether what the run created is left where it is.
    pub fn keeps(&self) -> bool {
        self.keep
    }

    /// Whether a step is one of those.
    pub fn includes(&self, id: &str) -> bool {
        match &self.which {
            Which::All | Which::Resume { .. } => true,
            Which::Only(steps) | Which::Shard(steps) | Which::From { steps, .. } => steps.iter().any(|step| step == id),
        }
    }

    /// Whether it makes a whole run, whose name must be new.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.which, Which::All)
    }

    /// Whether it goes on with a run that must be there.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.which, Which::From { .. } | Which::Resume { or_start: false } | Which::Shard(_))
    }

    /// Whether what is done and still stands is not done again.
    pub(super) fn skips_done(&self) -> bool {
        matches!(self.which, Which::Resume { .. } | Which::Shard(_))
    }

    /// Whether it takes up a whole run, which then nobody else may be running.
    pub(super) fn resumes(&self) -> bool {
        matches!(self.which, Which::Resume { .. })
    }

    /// Whether the steps run whatever their `when` says.
    pub(super) fn ignores_when(&self) -> bool {
        matches!(self.which, Which::Only(_) | Which::Shard(_))
    }

    /// The steps before the first must have succeeded, and what they created must still be there.
    pub(super) fn check(&self, plan: &Plan, record: &RunRecord, ledger: &Ledger) -> Result<(), RunError> {
        let Which::From { first, .. } = &self.which else { return Ok(()) };
        let before: Vec<_> = plan.steps.iter().take_while(|step| step.spec_id() != first).collect();
        for step in &before {
            let outcome = record.steps.iter().find(|known| known.id == step.id).map(|known| known.outcome);
            let is_well = match outcome {
                Some(StepOutcome::Succeeded) => true,
                Some(StepOutcome::Skipped) => step.when == When::Failure,
                Some(StepOutcome::GateMissed) => step.continue_on == Some(ContinueOn::Gate),
                _ => false,
            };
            if !is_well {
                let (run, step, first) = (record.run.clone(), step.id.clone(), first.clone());
                return Err(RunError::Before { run, step, first, outcome });
            }
        }
        let before: BTreeSet<_> = before.iter().map(|step| step.id.as_str()).collect();
        if let Some(gone) = ledger.gone(&before)? {
            let (run, first) = (record.run.clone(), first.clone());
            return Err(RunError::Gone { run, first, step: gone.step, kind: gone.announcement.kind });
        }
        Ok(())
    }
}

fn find(plan: &Plan, id: &str) -> Result<usize, RunError> {
    plan.steps.iter().position(|step| step.id == id && step.shard().is_none()).ok_or_else(|| {
        if plan.stale.iter().any(|step| step.id == id) {
            return RunError::Stale(id.to_owned());
        }
        let nearest = nearest(id, plan.steps.iter().map(PlannedStep::spec_id)).map(str::to_owned);
        RunError::Step { step: id.to_owned(), nearest }
    })
}
