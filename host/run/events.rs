//! `events.jsonl`: what happened when, for machines. Each event also goes to the console.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::console::{Console, Stage};
use crate::services::{Exchange, Masks, Trail};

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
    /// What each step has said so far.
    trails: Mutex<HashMap<String, Trail>>,
    file: Option<Mutex<File>>,
    console: Console,
    troubles: Mutex<Troubles>,
    /// Service and path of what was removed.
    removed: Mutex<BTreeSet<(String, String)>>,
}

impl Events {
    /// Appends to a run's `events.jsonl`.
    pub fn open(folder: &Path, masks: Masks, console: Console) -> Result<Self, FolderError> {
        let path = folder.join("events.jsonl");
        let file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed("open", &path))?;
        let (trails, troubles, removed) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { masks, trails, file: Some(Mutex::new(file)), console, troubles, removed })
    }

    /// Keeps nothing and says nothing: for components that only describe themselves.
    pub fn none() -> Self {
        let (trails, troubles, removed) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { masks: Masks::default(), trails, file: None, console: Console::silent(), troubles, removed }
    }

    /// A line of a step's log, which need not be UTF-8. Answers it as it was written.
    pub fn log(&self, step: &str, level: LogLevel, message: impl AsRef<[u8]>) -> String {
        let message = self.said(step, message.as_ref());
        let name = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        self.write(&json!({"event": "log", "step": step, "level": name, "message": message}));
        self.console.log(step, level, &message);
        self.troubles().log(step, level, message.clone());
        message
    }

    /// How far a step is.
    pub fn progress(&self, step: &str, done: u64, total: Option<u64>, unit: &str) {
        let unit = self.said(step, unit.as_bytes());
        let counts = json!({"done": done, "total": total});
        let masked = self.masked_value(counts.clone());
        let (told, all) = (&masked["done"], &masked["total"]);
        self.write(&json!({"event": "progress", "step": step, "done": told, "total": all, "unit": unit}));
        // A bar has no place for what is no number.
        if masked == counts {
            self.console.progress(step, done, total, &unit);
        }
    }

    /// One exchange with a service.
    pub fn request(&self, step: &str, exchange: &Exchange<'_>) {
        let path = self.masked(exchange.path);
        let error = exchange.outcome.err().map(|error| self.masked(&error.to_string()));
        let answer = (!exchange.refusal.is_empty()).then(|| self.excerpt(exchange.refusal));
        let mut event = json!({
            "event": "request",
            "step": step,
            "service": exchange.service,
            "method": exchange.method.as_str(),
            "path": path,
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
        self.troubles().request(step, exchange, &path, error.or(answer).unwrap_or_default());
        if exchange.method.as_str() == "DELETE" && matches!(exchange.outcome, Ok(200..=299 | 404 | 410)) {
            let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
            removed.insert((exchange.service.to_owned(), exchange.path.to_owned()));
        }
    }

    /// What the services have removed so far, or had no more: the service and the path of each request.
    pub fn removed(&self) -> BTreeSet<(String, String)> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// What everybody should know who trusts the run, unless it `is_told` on the console already.
    pub fn warning(&self, text: &str, is_told: bool) {
        self.keep(&json!({"event": "warning", "message": text}));
        if !is_told {
            self.console.note("warning", text, None);
        }
    }

    /// A text without any secret in it.
    pub fn masked(&self, text: &str) -> String {
        shown(&self.masks, text)
    }

    /// A step's next text, without any secret in it or in what it makes up with those before.
    fn said(&self, step: &str, text: &[u8]) -> String {
        let mut trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        cut(&trails.entry(step.to_owned()).or_default().mask(&self.masks, text))
    }

    /// A value without any secret in its texts, numbers and keys, whole.
    pub fn masked_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.masks.mask(&text).into_owned().into(),
            Value::Number(number) => match self.masks.mask(&number.to_string()) {
                Cow::Borrowed(_) => Value::Number(number),
                Cow::Owned(masked) => masked.into(),
            },
            Value::Array(items) => items.into_iter().map(|item| self.masked_value(item)).collect(),
            Value::Object(members) => {
                let masked =
                    |(key, value): (String, Value)| (self.masks.mask(&key).into_owned(), self.masked_value(value));
                members.into_iter().map(masked).collect()
            }
            other => other,
        }
    }

    /// Whether a text has a secret in it.
    pub fn tells(&self, text: &str) -> bool {
        self.masks.mask_bytes(text.as_bytes()).is_some()
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
        self.console.event(&self.keep(event));
    }

    /// Writes an event to the file; answers it with its time.
    fn keep(&self, event: &Value) -> Value {
        let mut line = json!({"at": super::now()});
        if let (Value::Object(line), Value::Object(event)) = (&mut line, event) {
            line.extend(event.clone());
        }
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // Events are for looking back: a full disk must not stop the run, the ledger and the record do that. Locked, for
            // over NFS two pods would otherwise write to the same place.
            let _ = flock(&*file, FlockOperation::LockExclusive);
            let _ = file.write_all(format!("{line}\n").as_bytes());
            let _ = flock(&*file, FlockOperation::Unlock);
        }
        line
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text that may be written: without any secret in it, as long as a line may be, without control characters.
pub(super) fn shown(masks: &Masks, text: &str) -> String {
    // Cut first, a secret could lose its end and be known no more.
    cut(&masks.mask(text))
}

/// A text as long as a line may be, without control characters.
fn cut(text: &str) -> String {
    let end = (0..=text.len().min(MAX_LINE)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let more = if end < text.len() { " …" } else { "" };
    text[..end].replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}") + more
}
