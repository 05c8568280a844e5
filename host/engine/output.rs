//! What a component prints: log lines, and the last of them in case it crashes.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::run::{Events, LogLevel};

use super::limits::{LINE, Limit};
use super::meter::Meter;

/// Lines of a panic's message that are told.
const MAX_PANIC: usize = 100;
/// A line without an end is cut here.
const MAX_LINE: usize = 8 << 10;

/// A stream of a component, cut into log lines.
#[derive(Clone)]
pub(super) struct Lines(Arc<Inner>);

struct Inner {
    step: String,
    level: LogLevel,
    events: Arc<Events>,
    meter: Arc<Meter>,
    text: Mutex<Text>,
}

#[derive(Default)]
struct Text {
    unfinished: Vec<u8>,
    last: Option<String>,
    panic: Option<Panic>,
}

/// What a Rust program says when it panics: where, its message, and a note at the end.
struct Panic {
    place: String,
    message: Vec<String>,
    is_whole: bool,
}

impl Lines {
    pub(super) fn new(step: &str, level: LogLevel, events: Arc<Events>, meter: Arc<Meter>) -> Self {
        Self(Arc::new(Inner { step: step.to_owned(), level, events, meter, text: Mutex::default() }))
    }

    /// Why the component ended: the message of a Rust panic with its place, or else the trap and the last line printed.
    pub(super) fn last_words(&self, trap: &str) -> String {
        self.end_line();
        let text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        match (&text.panic, &text.last) {
            (Some(panic), _) => format!("{} (at {})", panic.message.join("; "), panic.place),
            (None, Some(line)) => format!("{trap}; the last line that it printed: {line}"),
            (None, None) => trap.to_owned(),
        }
    }

    /// Ends the last line, if the component did not.
    pub(super) fn end_line(&self) {
        let line = std::mem::take(&mut self.0.text.lock().unwrap_or_else(PoisonError::into_inner).unfinished);
        if !line.is_empty() {
            self.keep(&line);
        }
    }

    fn keep(&self, line: &[u8]) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        let line = self.0.events.log(&self.0.step, self.0.level, line);
        let mut text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.note(&line);
        text.last = Some(line);
    }
}

impl Text {
    /// Keeps a panic apart from the lines around it, however long its message is.
    fn note(&mut self, line: &str) {
        let is_start = |(before, _): &(&str, &str)| before.is_empty() || before.starts_with("thread ");
        let place = line.split_once("panicked at ").filter(is_start);
        match (place, &mut self.panic) {
            (Some((_, place)), panic) => {
                let place = place.trim_end_matches(':').to_owned();
                *panic = Some(Panic { place, message: Vec::new(), is_whole: false });
            }
            (None, Some(panic)) if !panic.is_whole => {
                if line.starts_with("note: ") {
                    panic.is_whole = true;
                } else if panic.message.len() < MAX_PANIC {
                    panic.message.push(line.to_owned());
                } else if panic.message.len() == MAX_PANIC {
                    panic.message.push("…".to_owned());
                }
            }
            // Somebody has caught it, and went on.
            (None, panic) => *panic = None,
        }
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let lines = bytes.split(|&byte| byte == b'\n').skip(1).count() as u64;
        // Past its limit the step ends: a log with a hole in it would lie.
        let counted = self.0.meter.add(Limit::Log, bytes.len() as u64 + lines * LINE);
        counted.map_err(|hit| StreamError::Trap(hit.into()))?;
        let mut unfinished = std::mem::take(&mut self.0.text.lock().unwrap_or_else(PoisonError::into_inner).unfinished);
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || unfinished.len() >= MAX_LINE {
                self.keep(&std::mem::take(&mut unfinished));
            }
        }
        self.0.text.lock().unwrap_or_else(PoisonError::into_inner).unfinished = unfinished;
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // WASI 0.2 components use the stream above.
        Box::new(tokio::io::sink())
    }
}
