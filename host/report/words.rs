//! What every report says in the same words.

use crate::run::{Outcome, RunRecord, StepOutcome, StepRecord};

use super::grid::{Cell, Grid, Tone};
use super::number::seconds;

/// Steps that have not run and are told one by one.
const MAX_NOT_RUN: usize = 6;

/// How a run ended.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unfinished => "unfinished",
        Outcome::Succeeded => "succeeded",
        Outcome::GateMissed => "missed a gate",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

/// How a step ended, as tables have it.
pub(super) fn step_outcome(outcome: StepOutcome) -> &'static str {
    outcome.verb().trim_start_matches("was ")
}

/// The pipeline, and whether it ran against the stub.
pub(super) fn pipeline(record: &RunRecord) -> String {
    format!("{}{}", record.pipeline, if record.dry_run { " (dry run)" } else { "" })
}

/// Why a step did not do its work, and what to do about it. That one was interrupted, the table says.
pub(super) fn complaint(step: &StepRecord) -> Option<(String, Option<&str>)> {
    let failure = step.failure.as_ref().filter(|_| step.outcome != StepOutcome::Interrupted)?;
    let text = format!("step `{}` {}: {}", step.id, step.outcome.verb(), failure.message);
    Some((text, failure.hint.as_deref()))
}

/// That a step was interrupted, which is no complaint.
pub(super) fn interruption(step: &StepRecord) -> Option<String> {
    (step.outcome == StepOutcome::Interrupted).then(|| format!("step `{}` {}", step.id, step.outcome.verb()))
}

/// Which steps have not run, though none before them has failed.
pub(super) fn not_run(record: &RunRecord) -> Option<String> {
    let ids: Vec<_> = record.not_run().map(|id| format!("`{id}`")).collect();
    let more = ids.len().saturating_sub(MAX_NOT_RUN);
    let told = ids.iter().take(MAX_NOT_RUN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match (ids.len(), more) {
        (0, _) => None,
        (1, _) => Some(format!("{told} has not run")),
        (_, 0) => Some(format!("{told} have not run")),
        _ => Some(format!("{told} and {more} more have not run")),
    }
}

/// How the steps ended.
pub(super) fn steps<'a>(steps: impl IntoIterator<Item = &'a StepRecord>) -> Grid {
    let steps: Vec<_> = steps.into_iter().collect();
    let tone = |step: &&StepRecord| match step.outcome {
        StepOutcome::Succeeded | StepOutcome::Skipped | StepOutcome::Interrupted => Tone::Plain,
        StepOutcome::GateMissed => Tone::Missed,
        StepOutcome::Failed => Tone::Failed,
    };
    let tones: Vec<_> = steps.iter().map(tone).collect();
    let row = |step: &StepRecord| {
        vec![
            Cell::text(&step.id),
            Cell::text(step_outcome(step.outcome)),
            Cell::number(step.duration_ms / 1000.0, seconds(step.duration_ms)),
            Cell::number(step.attempts.into(), step.attempts.to_string()),
        ]
    };
    Grid::new(&["step", "outcome", "time", "tries"], steps.into_iter().map(row)).toned(tones)
}
