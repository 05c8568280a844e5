//! `events.jsonl`: what happened when, for machines. Each event also goes to the console.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::console::{Console, Stage};
use crate::services::{Exchange, Masks};

use super::folder::{FolderError, failed};
use super::step_record::StepRecord;
use super::trouble::Troubles;

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

/// Longest log line that is kept, in bytes.
const MAX_LINE: usize = 8 << 10;

/// Characters of an answer's body that explain why a request was refused.
const MAX_EXCERPT: usize = 300;

/// Where events go. Every text is masked.
#[derive(Debug)]
pub struct Events {
    masks: Masks,
    file: Option<Mutex<File>>,
    console: Console,
    troubles: Mutex<Troubles>,
}

impl Events {
    /// Appends to a run's `events.jsonl`.
    pub fn open(folder: &Path, masks: Masks, console: Console) -> Result<Self, FolderError> {
        let path = folder.join("events.jsonl");
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed("open", &path))?;
        Ok(Self { masks, file: Some(Mutex::new(file)), console, troubles: Mutex::default() })
    }

    /// Keeps nothing and says nothing: for components that only describe themselves.
    pub fn none() -> Self {
        Self { masks: Masks::default(), file: None, console: Console::silent(), troubles: Mutex::default() }
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
        self.console.log(step, level, &message);
        self.troubles().log(step, level, message);
    }

    /// How far a step is.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        let unit = self.masked(unit);
        self.write(&json!({"event": "progress", "step": step, "done": done, "total": total, "unit": unit}));
        self.console.progress(step, done, total, &unit);
    }

    /// One exchange with a service.
    pub fn request(&self, step: &str, exchange: &Exchange<'_>) {
        let error = exchange.outcome.err().map(|error| self.masked(&error.to_string()));
        let answer = (!exchange.refusal.is_empty()).then(|| self.excerpt(exchange.refusal));
        let mut event = json!({
            "event": "request",
            "step": step,
            "service": exchange.service,
            "method": exchange.method.as_str(),
            "path": exchange.path,
            "attempt": exchange.attempt,
            "status": exchange.outcome.as_ref().ok(),
            "error": error,
            "ms": exchange.duration.as_secs_f64() * 1000.0,
            "transaction": exchange.transaction_id,
            "sent": exchange.sent,
            "received": exchange.received,
        });
        if let Some(answer) = &answer {
            event["answer"] = answer.as_str().into();
        }
        self.write(&event);
        self.troubles().request(step, exchange, error.or(answer).unwrap_or_default());
    }

    /// A step begins, ends, is skipped, or is tried again.
    pub fn step(&self, step: &str, stage: Stage, text: &str) {
        let text = self.masked(text);
        self.write(&json!({"event": stage.name(), "step": step, "message": text}));
        self.console.step(step, stage, &text);
        if matches!(stage, Stage::Started | Stage::Retried) {
            self.troubles().begin(step);
        }
    }

    /// Why a step failed, if it did: what it says, and what led to it.
    pub(super) fn failure(&self, record: &StepRecord) {
        let story = self.troubles().story(record);
        let Some(story) = story else { return };
        self.write(&json!({
            "event": "step_failed",
            "step": record.id,
            "category": record.failure.as_ref().map(|failure| &failure.category),
            "message": story.message,
            "hint": story.hint,
            "request": story.request.as_ref().map(ToString::to_string),
        }));
        self.console.failure(&record.id, &story);
    }

    /// A text without any secret in it.
    pub fn masked(&self, text: &str) -> String {
        // Cut first, a secret could lose its end and be known no more.
        let text = self.masks.mask(text);
        let end = (0..=text.len().min(MAX_LINE)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let cut = if end < text.len() { " …" } else { "" };
        text[..end].replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}") + cut
    }

    /// The beginning of a body, in one line.
    fn excerpt(&self, body: &[u8]) -> String {
        let text = self.masked(&String::from_utf8_lossy(body));
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(MAX_EXCERPT) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    fn write(&self, event: &Value) {
        let mut line = json!({"at": super::now()});
        if let (Value::Object(line), Value::Object(event)) = (&mut line, event) {
            line.extend(event.clone());
        }
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // Events are for looking back: a full disk must not stop the run, the ledger and the record do that.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        self.console.event(&line);
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
