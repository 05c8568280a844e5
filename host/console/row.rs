//! A step's line on a terminal: its state in a word, its time, and how far it is.

use std::time::{Duration, Instant};

use console::{measure_text_width, truncate_str};

use crate::run::StepOutcome;

use super::Style;
use super::lines::painted;

/// Longer ids are cut.
pub(super) const MAX_ID: usize = 20;
/// Longer units are cut.
const MAX_UNIT: usize = 12;
/// A shorter bar shows nothing.
const SHORTEST_BAR: usize = 8;
/// A longer one shows no more.
const LONGEST_BAR: usize = 60;

/// What is known of a step.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) progress: Option<Progress>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Waiting,
    Running(Instant),
    Ended(StepOutcome, Duration),
    Skipped,
    Unchanged,
}

/// How far it is, and how long that took since it began.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) unit: String,
    pub(super) took: Duration,
}

impl Row {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), state: State::Waiting, progress: None }
    }

    /// The line, no wider than the terminal; ids get a column of `id_width`.
    pub(super) fn line(&self, id_width: usize, width: usize, style: Style) -> String {
        let (word, time) = match self.state {
            State::Waiting => (style.faint("waiting"), None),
            State::Running(since) => (style.title("running"), Some(since.elapsed())),
            State::Ended(outcome, took) => (painted(outcome, &format!("{:<7}", word(outcome)), style), Some(took)),
            State::Skipped => (style.faint("skipped"), None),
            State::Unchanged => (style.faint("unchanged"), None),
        };
        let mut parts = vec![style.name(column(&self.id, id_width)), word];
        parts.extend(time.map(|time| format!("{:>8}", seconds(time))));
        if let Some(progress) = &self.progress {
            let running = matches!(self.state, State::Running(_));
            let text = progress.text(running);
            let used = measure_text_width(&parts.join("  ")) + measure_text_width(&text);
            // Beside the bar there are its ends and spaces. The end of the line is left free: what stands there makes some
            // terminals wrap.
            let left = width.saturating_sub(used + 7).min(width / 4).min(LONGEST_BAR);
            let total = progress.total.filter(|_| running && left >= SHORTEST_BAR);
            parts.extend(total.map(|total| format!("[{}]", bar(progress.done, total, left))));
            parts.push(text);
        }
        truncate_str(&parts.join("  "), width.saturating_sub(1), "…").into_owned()
    }
}

impl Progress {
    fn text(&self, running: bool) -> String {
        let Self { done, total, unit, took } = self;
        let count = match total {
            Some(total) if running => format!("{done} of {total}"),
            _ => done.to_string(),
        };
        let rate = *done as f64 / took.as_secs_f64().max(0.001);
        // A line break or a tab would tear the row apart.
        let unit = unit.replace(char::is_control, " ");
        format!("{count} {}, {rate:.0}/s", truncate_str(&unit, MAX_UNIT, "…"))
    }
}

/// A text in a column: cut, or filled up.
pub(super) fn column(text: &str, width: usize) -> String {
    let cut = truncate_str(text, width, "…");
    let fill = width.saturating_sub(measure_text_width(&cut));
    format!("{cut}{}", " ".repeat(fill))
}

fn bar(done: u64, total: u64, width: usize) -> String {
    let share = done as f64 / total.max(1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a terminal's width")]
    let full = ((share * width as f64) as usize).min(width);
    let tip = if full < width { ">" } else { "" };
    format!("{}{tip}{}", "=".repeat(full), " ".repeat(width - full - tip.len()))
}

fn word(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Succeeded => "done",
        StepOutcome::GateMissed => "missed",
        StepOutcome::Failed => "failed",
        StepOutcome::Interrupted => "stopped",
        StepOutcome::Skipped => "skipped",
    }
}

fn seconds(time: Duration) -> String {
    if time.as_secs() < 1000 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} min", time.as_secs() / 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scoring(id: &str, done: u64, total: u64, unit: &str) -> Row {
        let progress = Progress { done, total: Some(total), unit: unit.into(), took: Duration::from_secs(2) };
        Row { id: id.into(), state: State::Running(Instant::now()), progress: Some(progress) }
    }

    #[test]
    fn a_line_has_state_time_bar_and_rate() {
        let row = scoring("score", 500, 1000, "rows");

        assert_eq!(
            row.line(8, 80, Style::new(false)),
            "score     running     0.0 s  [==========>         ]  500 of 1000 rows, 250/s"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [1, 10, 40, 60, 80, 200] {
            for style in [Style::new(false), Style::new(true)] {
                let row = scoring(&"long".repeat(20), 9_999_999, 100_000_000, &"unit".repeat(20));
                let line = row.line(MAX_ID, width, style);
                assert!(measure_text_width(&line) < width.max(2), "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_unit_does_not_break_its_line() {
        let line = scoring("score", 500, 1000, "ro\tws\nno").line(8, 80, Style::new(false));
        assert!(line.ends_with("500 of 1000 ro ws no, 250/s"), "{line}");
    }

    #[test]
    fn a_whole_bar_has_no_tip_and_none_is_no_division() {
        assert_eq!(bar(10, 10, 8), "========");
        assert_eq!(bar(0, 0, 8), ">       ");
        assert_eq!(bar(20, 10, 8), "========");
    }
}
