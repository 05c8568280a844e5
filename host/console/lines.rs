//! Plain lines, the step's id before each: for logs that are read afterwards, as Jenkins' are.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::run::{LogLevel, StepOutcome};

use super::story::prefix;
use super::{Stage, Story, Style, write};

/// The shortest time between two progress lines of one step: a log is read, not watched.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Lines {
    style: Style,
    quiet: bool,
    /// The last progress line: of which step, and when.
    progress: Mutex<Option<(String, Instant)>>,
}

impl Lines {
    pub(super) fn new(style: Style, quiet: bool) -> Self {
        Self { style, quiet, progress: Mutex::default() }
    }

    pub(super) fn step(&self, step: &str, stage: Stage, text: &str) {
        if self.quiet && stage != Stage::Retried {
            return;
        }
        let text = match stage {
            Stage::Started | Stage::Skipped | Stage::Unchanged => text.to_owned(),
            Stage::Retried => self.style.warning(text),
            Stage::Ended(outcome) => painted(outcome, text, self.style),
        };
        self.say(step, &text);
    }

    pub(super) fn log(&self, step: &str, level: LogLevel, message: &str) {
        if level >= if self.quiet { LogLevel::Warn } else { LogLevel::Info } {
            self.say(step, &format!("{}{message}", prefix(level, self.style)));
        }
    }

    pub(super) fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        if self.quiet {
            return;
        }
        let whole = total == Some(done);
        let mut last = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |(last, at): &(String, Instant)| last == step && at.elapsed() < PROGRESS_PAUSE;
        if !whole && last.as_ref().is_some_and(recent) {
            return;
        }
        *last = Some((step.to_owned(), Instant::now()));
        drop(last);
        match total {
            Some(total) => self.say(step, &format!("{done} of {total} {unit}")),
            None => self.say(step, &format!("{done} {unit}")),
        }
    }

    pub(super) fn failure(&self, step: &str, story: &Story) {
        for line in story.lines(self.style) {
            self.say(step, &line);
        }
    }

    fn say(&self, step: &str, text: &str) {
        for line in text.lines() {
            write(&format!("{} {line}", self.style.name(format_args!("{step:<10}"))));
        }
    }
}

/// In the colour of its outcome.
pub(super) fn painted(outcome: StepOutcome, text: &str, style: Style) -> String {
    match outcome {
        StepOutcome::Succeeded => style.good(text),
        StepOutcome::GateMissed | StepOutcome::Interrupted => style.warning(text),
        StepOutcome::Failed => style.error(text),
        StepOutcome::Skipped => style.faint(text),
    }
}
