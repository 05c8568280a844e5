//! Why a step failed: what it did last, which request went wrong, and what it says itself.

use crate::run::LogLevel;

use super::Style;

/// The end of a step that did not succeed. Its texts are masked.
#[derive(Debug)]
pub struct Story {
    /// Its last log lines.
    pub log: Vec<(LogLevel, String)>,
    /// The request that failed, if it was one.
    pub request: Option<FailedRequest>,
    /// What failed, in the step's words.
    pub message: String,
    /// The one action that mends it.
    pub hint: Option<String>,
}

/// A request that failed, or was refused.
#[derive(Debug, Clone)]
pub struct FailedRequest {
    /// The service's name in the spec.
    pub service: String,
    /// Method and path.
    pub line: String,
    /// The status, if there is one.
    pub status: Option<u16>,
    /// Why there is no answer, or the beginning of its body in one line.
    pub text: String,
    /// The `x-global-transaction-id`, by which the service's own logs know the request.
    pub transaction: String,
}

impl Story {
    /// As lines without end.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.log.is_empty() {
            lines.push("its last log lines:".to_owned());
            for (level, message) in &self.log {
                lines.extend(message.lines().map(|line| format!("  {}{line}", prefix(*level, style))));
            }
        }
        lines.extend(self.request.as_ref().map(|request| format!("the request that failed: {request}")));
        for (n, line) in self.message.lines().enumerate() {
            lines.push(if n == 0 { format!("{} {line}", style.error("error:")) } else { line.to_owned() });
        }
        lines.extend(self.hint.as_ref().map(|hint| format!("{} {hint}", style.hint("hint:"))));
        lines
    }
}

impl std::fmt::Display for FailedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, line, status, text, transaction } = self;
        match status {
            Some(status) => write!(f, "{line} of `{service}` answered {status}, transaction {transaction}: {text}"),
            None => write!(f, "{line} of `{service}`, transaction {transaction}: {text}"),
        }
    }
}

/// What stands before a log line.
pub(super) fn prefix(level: LogLevel, style: Style) -> String {
    match level {
        LogLevel::Debug | LogLevel::Info => String::new(),
        LogLevel::Warn => style.warning("warn:") + " ",
        LogLevel::Error => style.error("error:") + " ",
    }
}
