//! What explains a failure: each step's last log lines and the requests that went wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::console::{FailedRequest, Story};
use crate::services::Exchange;

use super::events::LogLevel;
use super::step_record::{StepOutcome, StepRecord};

/// Log lines that are shown again.
const LINES: usize = 5;
/// Failed requests that are remembered: as many as a step may have in flight.
const REQUESTS: usize = 16;

/// Of all steps that run.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<String, Trouble>);

#[derive(Debug, Default)]
struct Trouble {
    log: VecDeque<(LogLevel, String)>,
    failed: VecDeque<(FailedRequest, Instant)>,
    /// When the latest request began.
    latest: Option<Instant>,
}

impl Troubles {
    /// A try of a step begins: what was before does not explain how it ends.
    pub(super) fn begin(&mut self, step: &str) {
        self.0.insert(step.to_owned(), Trouble::default());
    }

    pub(super) fn log(&mut self, step: &str, level: LogLevel, message: String) {
        let log = &mut self.0.entry(step.to_owned()).or_default().log;
        if log.len() == LINES {
            log.pop_front();
        }
        log.push_back((level, message));
    }

    /// Notes a request that failed; forgets one that went well when it was sent again. `path` and `text` are
    /// masked, as is what a failure quotes.
    pub(super) fn request(&mut self, step: &str, exchange: &Exchange<'_>, path: &str, text: String) {
        let trouble = self.0.entry(step.to_owned()).or_default();
        let line = format!("{} {path}", exchange.method.as_str());
        let status = exchange.outcome.ok();
        let went_well = status.is_some_and(|status| status < 400);
        let is_of = |failed: &FailedRequest| failed.transaction == exchange.transaction_id;
        if went_well && trouble.failed.iter().any(|(failed, _)| is_of(failed) && failed.line != line) {
            // The host's own question, about the failure that is noted.
            return;
        }
        trouble.latest = trouble.latest.max(Some(exchange.started));
        trouble.failed.retain(|(failed, _)| !is_of(failed));
        if went_well {
            return;
        }
        if trouble.failed.len() == REQUESTS {
            trouble.failed.pop_front();
        }
        let request = FailedRequest {
            service: exchange.service.to_owned(),
            line,
            status,
            text,
            transaction: exchange.transaction_id.to_owned(),
        };
        trouble.failed.push_back((request, exchange.started + exchange.duration));
    }

    /// The story of a step that failed; none if it did not, or was only interrupted.
    pub(super) fn story(&mut self, record: &StepRecord) -> Option<Story> {
        let trouble = self.0.remove(&record.id).unwrap_or_default();
        let failure = record.failure.as_ref().filter(|_| record.outcome != StepOutcome::Interrupted)?;
        // All of a missed gate is in its message.
        let explained = record.outcome == StepOutcome::GateMissed;
        let (log, request) = if explained {
            (Vec::new(), None)
        } else {
            let request = trouble.culprit(&failure.message).cloned();
            (trouble.log.into(), request)
        };
        let (message, hint) = (failure.message.clone(), failure.hint.clone());
        Some(Story { log, request, message, hint })
    }
}

impl Trouble {
    /// The request over which the step failed. Many a request fails and the step goes on, as with a 404 for what is to be
    /// removed; so it is one that the message quotes, or one after which no other was begun.
    fn culprit(&self, message: &str) -> Option<&FailedRequest> {
        let quoted = |(request, _): &&(FailedRequest, Instant)| message.contains(&format!("`{}`", request.line));
        let last = |(_, ended): &&(FailedRequest, Instant)| self.latest.is_none_or(|latest| *ended >= latest);
        let found = self.failed.iter().rev().find(quoted).or_else(|| self.failed.iter().rev().find(last));
        found.map(|(request, _)| request)
    }
}
