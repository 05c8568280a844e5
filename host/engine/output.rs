//! What a component prints: log lines, and the last of them in case it crashes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::run::{Events, LogLevel};

use super::limits::{LINE, Limit};
use super::meter::Meter;

/// Lines that are kept to explain a crash.
const KEPT: usize = 20;
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
    last: VecDeque<String>,
}

impl Lines {
    pub(super) fn new(step: &str, level: LogLevel, events: Arc<Events>, meter: Arc<Meter>) -> Self {
        Self(Arc::new(Inner { step: step.to_owned(), level, events, meter, text: Mutex::default() }))
    }

    /// Why the component ended: the message of a Rust panic with its place, or else the trap and the last line printed.
    pub(super) fn last_words(&self, trap: &str) -> String {
        self.end_line();
        let text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        let panic = text.last.iter().position(|line| line.contains("panicked at "));
        let Some(at) = panic else {
            return match text.last.back() {
                Some(line) => format!("{trap}; the last line that it printed: {line}"),
                None => trap.to_owned(),
            };
        };
        let place = text.last[at].split("panicked at ").nth(1).unwrap_or_default().trim_end_matches(':');
        let message: Vec<&str> =
            text.last.iter().skip(at + 1).take_while(|line| !line.starts_with("note: ")).map(String::as_str).collect();
        format!("{} (at {place})", message.join("; "))
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
        if text.last.len() == KEPT {
            text.last.pop_front();
        }
        text.last.push_back(line);
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
