//! `events.jsonl`: what happened when, for machines; and the lines that a person follows on stderr.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::services::{Exchange, Masks};

use super::folder::{FolderError, failed};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the step's author; only in `events.jsonl`.
    Debug,
    /// For who follows the run.
    Info,
    /// Something that may need a look.
    Warn,
    /// Something that went wrong.
    Error,
}

/// The shortest time between two progress lines of one step: a log in Jenkins is read, not watched.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

/// Longest log line that is kept, in bytes.
const MAX_LINE: usize = 8 << 10;

/// Where events go. Every text is masked.
#[derive(Debug)]
pub struct Events {
    masks: Masks,
    sink: Mutex<Sink>,
    quiet: bool,
}

#[derive(Debug)]
struct Sink {
    file: Option<File>,
    /// The last progress line: of which step, and when.
    progress: Option<(String, Instant)>,
}

impl Events {
    /// Appends to a run's `events.jsonl`.
    pub fn open(folder: &Path, masks: Masks) -> Result<Self, FolderError> {
        let path = folder.join("events.jsonl");
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed("open", &path))?;
        Ok(Self { masks, sink: Mutex::new(Sink { file: Some(file), progress: None }), quiet: false })
    }

    /// Keeps nothing and says nothing: for components that only describe themselves.
    pub fn none() -> Self {
        Self { masks: Masks::default(), sink: Mutex::new(Sink { file: None, progress: None }), quiet: true }
    }

    /// A line of a step's log.
    pub fn log(&self, step: &str, level: LogLevel, message: &str) {
        let message = self.masked(message);
        let name = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        self.write(&json!({"event": "log", "step": step, "level": name, "message": message}));
        match level {
            LogLevel::Debug => {}
            LogLevel::Info => self.say(step, &message),
            LogLevel::Warn | LogLevel::Error => self.say(step, &format!("{name}: {message}")),
        }
    }

    /// How far a step is.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        let unit = self.masked(unit);
        self.write(&json!({"event": "progress", "step": step, "done": done, "total": total, "unit": unit}));
        let whole = total == Some(done);
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |(last, at): &(String, Instant)| last == step && at.elapsed() < PROGRESS_PAUSE;
        if !whole && sink.progress.as_ref().is_some_and(recent) {
            return;
        }
        sink.progress = Some((step.to_owned(), Instant::now()));
        drop(sink);
        match total {
            Some(total) => self.say(step, &format!("{done} of {total} {unit}")),
            None => self.say(step, &format!("{done} {unit}")),
        }
    }

    /// One exchange with a service.
    pub fn request(&self, step: &str, exchange: &Exchange<'_>) {
        self.write(&json!({
            "event": "request",
            "step": step,
            "service": exchange.service,
            "method": exchange.method.as_str(),
            "path": exchange.path,
            "attempt": exchange.attempt,
            "status": exchange.outcome.as_ref().ok(),
            "error": exchange.outcome.err().map(|error| self.masked(&error.to_string())),
            "ms": exchange.duration.as_secs_f64() * 1000.0,
            "transaction": exchange.transaction_id,
            "sent": exchange.sent,
            "received": exchange.received,
        }));
    }

    /// A step begins, ends, is skipped, or is tried again.
    pub fn step(&self, step: &str, what: &str, text: &str) {
        let text = self.masked(text);
        self.write(&json!({"event": what, "step": step, "message": text}));
        self.say(step, &text);
    }

    /// A text without any secret in it.
    pub fn masked(&self, text: &str) -> String {
        // Cut first, a secret could lose its end and be known no more.
        let text = self.masks.mask(text);
        let end = (0..=text.len().min(MAX_LINE)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let cut = if end < text.len() { " …" } else { "" };
        text[..end].replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}") + cut
    }

    fn write(&self, event: &Value) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut sink.file {
            let mut line = json!({"at": super::now()});
            if let (Value::Object(line), Value::Object(event)) = (&mut line, event) {
                line.extend(event.clone());
            }
            // Events are for looking back: a full disk must not stop the run, the ledger and the record do that.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    fn say(&self, step: &str, text: &str) {
        if self.quiet {
            return;
        }
        let mut err = std::io::stderr().lock();
        for line in text.lines() {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(err, "{step:<10} {line}");
        }
    }
}
