//! A terminal: all steps with state and time at the bottom, log lines above them.
//!
//! Where the steps are too many for the terminal's height, only the one that runs is at the bottom.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::run::LogLevel;

use super::row::{MAX_ID, Progress, Row, State, column};
use super::story::prefix;
use super::wrap::{expanded, wrapped};
use super::{Stage, Story, Style};

/// How often the time that runs is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// Lines of the terminal that the list of steps leaves to the log.
const LEFT_TO_LOG: usize = 6;

#[derive(Debug)]
pub(super) struct Live {
    style: Style,
    multi: MultiProgress,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    rows: Vec<(Arc<Mutex<Row>>, ProgressBar)>,
    id_width: usize,
    /// Whether only the step that runs is at the bottom.
    narrow: bool,
}

impl Live {
    pub(super) fn new(style: Style) -> Self {
        Self { style, multi: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), shown: Mutex::default() }
    }

    pub(super) fn begin(&self, steps: &[&str]) {
        let id_width = steps.iter().map(|id| id.chars().count()).max().unwrap_or(0).clamp(8, MAX_ID);
        let narrow = steps.len() + LEFT_TO_LOG > usize::from(Term::stderr().size().0);
        let rows = steps.iter().map(|id| self.row(id, id_width)).collect::<Vec<_>>();
        self.multi.set_draw_target(ProgressDrawTarget::stderr());
        // Written over and not cleared first, it does not flicker; that needs a number of lines that stays.
        self.multi.set_move_cursor(!narrow);
        for (_, bar) in rows.iter().filter(|_| !narrow) {
            self.multi.add(bar.clone()).tick();
        }
        *self.shown() = Shown { rows, id_width, narrow };
    }

    fn row(&self, id: &str, id_width: usize) -> (Arc<Mutex<Row>>, ProgressBar) {
        let row = Arc::new(Mutex::new(Row::new(id)));
        let (drawn, style) = (Arc::clone(&row), self.style);
        let line = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let row = drawn.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = out.write_str(&row.line(id_width, width(), style));
        };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // The template has one key and no text: it is sound.
        let template = ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(template.with_key("line", line));
        (row, bar)
    }

    pub(super) fn end(&self) {
        let rows = std::mem::take(&mut self.shown().rows);
        if rows.is_empty() {
            return;
        }
        for (_, bar) in &rows {
            bar.abandon();
        }
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
        // The cursor stands behind the last line; a free line parts the steps from the result.
        super::write("\n");
    }

    pub(super) fn step(&self, step: &str, stage: Stage, text: &str) {
        if stage == Stage::Retried {
            self.say(step, &self.style.warning(text));
            return;
        }
        let Some((row, bar)) = self.find(step) else { return };
        let narrow = self.shown().narrow;
        {
            let mut row = row.lock().unwrap_or_else(PoisonError::into_inner);
            row.state = match (stage, row.state) {
                (Stage::Ended(outcome), State::Running(since)) => State::Ended(outcome, since.elapsed()),
                (Stage::Ended(_) | Stage::Skipped, _) => State::Skipped,
                (Stage::Unchanged, _) => State::Unchanged,
                (Stage::Started | Stage::Retried, _) => State::Running(Instant::now()),
            };
        }
        if stage == Stage::Started {
            if narrow {
                self.multi.add(bar.clone());
            }
            bar.enable_steady_tick(TICK);
        } else if narrow {
            bar.disable_steady_tick();
            self.multi.remove(&bar);
            // Taken out first: whoever holds the row may wait for nothing else.
            let row = row.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let line = row.line(self.id_width(), width(), self.style);
            self.above(&line);
        } else {
            bar.abandon();
        }
    }

    pub(super) fn log(&self, step: &str, level: LogLevel, message: &str) {
        if level >= LogLevel::Info {
            self.say(step, &format!("{}{message}", prefix(level, self.style)));
        }
    }

    pub(super) fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        let Some((row, bar)) = self.find(step) else { return };
        {
            let mut row = row.lock().unwrap_or_else(PoisonError::into_inner);
            let State::Running(since) = row.state else { return };
            row.progress = Some(Progress { done, total, unit: unit.to_owned(), took: since.elapsed() });
        }
        bar.tick();
    }

    pub(super) fn failure(&self, step: &str, story: &Story) {
        self.say(step, &story.lines(self.style).join("\n"));
    }

    /// Writes above the steps, or where the cursor is if none are shown.
    pub(super) fn above(&self, text: &str) {
        if self.shown().rows.is_empty() {
            super::write(text);
        } else {
            // Nobody is left to tell if the terminal is gone.
            let _ = self.multi.println(text);
        }
    }

    fn say(&self, step: &str, text: &str) {
        let id_width = self.id_width();
        let name = self.style.name(column(step, id_width));
        let room = width().saturating_sub(id_width + 3).max(20);
        let lines = text.lines().flat_map(|line| wrapped(&expanded(line), room));
        let lines: Vec<_> = lines.map(|line| format!("{name}  {line}")).collect();
        self.above(&lines.join("\n"));
    }

    fn find(&self, step: &str) -> Option<(Arc<Mutex<Row>>, ProgressBar)> {
        let shown = self.shown();
        let of = |(row, _): &&(Arc<Mutex<Row>>, _)| row.lock().unwrap_or_else(PoisonError::into_inner).id == step;
        shown.rows.iter().find(of).cloned()
    }

    fn id_width(&self) -> usize {
        self.shown().id_width
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn width() -> usize {
    usize::from(Term::stderr().size().1)
}
