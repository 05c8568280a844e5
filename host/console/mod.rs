//! stderr: what a person or a machine sees of a command while it is under way.
//!
//! `lines` is for logs, `live` for a terminal (`row` is a line of it, `wrap` breaks log lines), `json` writes events; `colour` decides on colours.
//! Nothing else writes to stderr.

mod colour;
mod json;
mod lines;
mod live;
mod row;
mod story;
mod wrap;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use serde_json::Value;

use crate::error::Error;
use crate::run::{LogLevel, StepOutcome};

pub use colour::{Colour, Style};
pub use story::{FailedRequest, Story};
pub use wrap::wrapped;

use lines::Lines;
use live::Live;

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Started,
    /// A try failed, another follows.
    Retried,
    /// It is over.
    Ended(StepOutcome),
    /// Its turn came, and it did not run.
    Skipped,
    /// What it did in an earlier call still stands.
    Unchanged,
}

impl Stage {
    /// The event's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "step_started",
            Self::Retried => "step_retried",
            Self::Ended(_) => "step_ended",
            Self::Skipped => "step_skipped",
            Self::Unchanged => "step_unchanged",
        }
    }
}

/// The way to stderr. Clones share it.
#[derive(Debug, Clone)]
pub struct Console {
    view: Arc<View>,
    style: Style,
}

#[derive(Debug)]
enum View {
    Silent,
    Json,
    Lines(Lines),
    Live(Live),
}

impl Console {
    /// Says nothing: for components that only describe themselves.
    pub fn silent() -> Self {
        Self::new(View::Silent, Style::new(false))
    }

    /// The run's events as JSON lines.
    pub fn json() -> Self {
        Self::new(View::Json, Style::new(false))
    }

    /// For people: live on a terminal, lines elsewhere. `quiet` leaves warnings and errors.
    pub fn text(colour: Colour, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let style = Style::new(colour.is_on(terminal));
        let live = terminal && !quiet && !is_watched_by_no_one();
        Self::new(if live { View::Live(Live::new(style)) } else { View::Lines(Lines::new(style, quiet)) }, style)
    }

    fn new(view: View, style: Style) -> Self {
        Self { view: Arc::new(view), style }
    }

    /// These steps are to run.
    pub fn begin(&self, steps: &[&str]) {
        if let View::Live(live) = &*self.view {
            live.begin(steps);
        }
    }

    /// No step runs any more: what is shown stays as it is, and others may write to the terminal.
    pub fn end(&self) {
        if let View::Live(live) = &*self.view {
            live.end();
        }
    }

    /// An event of the run, as it stands in `events.jsonl`.
    pub fn event(&self, event: &Value) {
        if matches!(*self.view, View::Json) {
            write(&event.to_string());
        }
    }

    /// Where a step is now.
    pub fn step(&self, step: &str, stage: Stage, text: &str) {
        match &*self.view {
            View::Silent | View::Json => {}
            View::Lines(lines) => lines.step(step, stage, text),
            View::Live(live) => live.step(step, stage, text),
        }
    }

    /// A line of a step's log.
    pub fn log(&self, step: &str, level: LogLevel, message: &str) {
        match &*self.view {
            View::Silent | View::Json => {}
            View::Lines(lines) => lines.log(step, level, message),
            View::Live(live) => live.log(step, level, message),
        }
    }

    /// How far a step is.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        match &*self.view {
            View::Silent | View::Json => {}
            View::Lines(lines) => lines.progress(step, done, total, unit),
            View::Live(live) => live.progress(step, done, total, unit),
        }
    }

    /// Why a step failed, and what led to it.
    pub fn failure(&self, step: &str, story: &Story) {
        match &*self.view {
            View::Silent | View::Json => {}
            View::Lines(lines) => lines.failure(step, story),
            View::Live(live) => live.failure(step, story),
        }
    }

    /// Something that the command itself has to say; `event` is `warning` or what happened.
    pub fn note(&self, event: &str, message: &str, hint: Option<&str>) {
        let text = match event {
            "warning" => format!("{} {message}", self.style.warning("warning:")),
            _ => message.to_owned(),
        };
        let hint_line = hint.map(|hint| format!("\n{} {hint}", self.style.hint("hint:"))).unwrap_or_default();
        self.tell(&json::note(event, message, hint), &(text + &hint_line));
    }

    /// Why the command failed.
    pub fn error(&self, error: &Error) {
        let event = json::note("error", &error.to_string(), error.hint().as_deref());
        self.tell(&event, &error.render(self.style.is_coloured()));
    }

    fn tell(&self, event: &Value, text: &str) {
        match &*self.view {
            View::Silent => {}
            View::Json => write(&event.to_string()),
            View::Lines(_) => write(text),
            View::Live(live) => live.above(text),
        }
    }
}

/// Whether the terminal is one of a build, or cannot move its cursor.
fn is_watched_by_no_one() -> bool {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    variable("TERM") == "dumb" || !matches!(variable("CI").as_str(), "" | "false" | "0")
}

fn write(text: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
