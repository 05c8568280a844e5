//! The run in one line.

use crate::run::{Outcome, StepOutcome};

use super::number::count;
use super::summary::Summary;
use super::words;

/// Most characters of what a step says: the line is also a build's description.
const MAX_MESSAGE: usize = 240;

/// Missed gates that are told one by one.
pub(super) const MAX_MISSES: usize = 3;

impl Summary {
    /// How the run ended, why, and whether it left anything: in one line, whatever a step says.
    pub(super) fn headline(&self) -> String {
        let line = format!("{}: {}", words::pipeline(&self.record), self.verdict());
        // What a dry run leaves ends with the stub.
        if self.left.is_empty() || self.record.dry_run {
            return line;
        }
        format!("{line}; {} left", count(self.left.len(), "resource"))
    }

    fn verdict(&self) -> String {
        let outcome = words::outcome(self.record.outcome);
        let why = match self.record.outcome {
            Outcome::Succeeded => {
                return self.gates_words().map_or_else(|| outcome.to_owned(), |gates| format!("{outcome}, {gates}"));
            }
            Outcome::Unfinished => words::not_run(&self.record),
            Outcome::GateMissed => self.misses().or_else(|| self.message(StepOutcome::GateMissed)),
            Outcome::Failed => self.failures(),
            Outcome::Interrupted => self.first(StepOutcome::Interrupted).map(|id| format!("step `{id}`")),
        };
        why.map_or_else(|| outcome.to_owned(), |why| format!("{outcome}: {why}"))
    }

    fn misses(&self) -> Option<String> {
        let misses: Vec<_> =
            self.gates().filter_map(|(_, gate)| gate.complaint()).map(|text| one_line(&text)).collect();
        let more = misses.len().saturating_sub(MAX_MISSES);
        let more = (more > 0).then(|| format!("and {more} more"));
        let told: Vec<_> = misses.iter().take(MAX_MISSES).cloned().chain(more).collect();
        (!misses.is_empty()).then(|| told.join("; "))
    }

    /// What the first step that failed says, and which others did.
    fn failures(&self) -> Option<String> {
        let message = self.message(StepOutcome::Failed)?;
        let failed = self.record.steps.iter().filter(|step| step.outcome == StepOutcome::Failed);
        let others: Vec<_> = failed.skip(1).map(|step| format!("`{}`", step.id)).collect();
        let others = if others.is_empty() { String::new() } else { format!("; {} failed too", others.join(", ")) };
        Some(message + &others)
    }

    /// What the first step that ended so says.
    fn message(&self, outcome: StepOutcome) -> Option<String> {
        let step = self.record.steps.iter().find(|step| step.outcome == outcome)?;
        let message = one_line(step.failure.as_ref().map_or("", |failure| &failure.message));
        Some(format!("step `{}`: {message}", step.id))
    }

    fn first(&self, outcome: StepOutcome) -> Option<&str> {
        self.record.steps.iter().find(|step| step.outcome == outcome).map(|step| step.id.as_str())
    }
}

/// A text without line breaks, cut where it is too long.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_many_lines_is_one_line_and_not_endless() {
        assert_eq!(one_line("a\r\n  b\tc\u{2028}d\n"), "a b c d");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), MAX_MESSAGE + 1);
    }
}
