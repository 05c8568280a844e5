//! What one step may use: every limit with its key, its default and its reason, in one table. The spec's keys, the
//! README's table and every message are made of it.

use std::fmt;
use std::time::Duration;

use crate::spec::size_text;

/// Something that is limited, beside time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says it")]
pub enum Limit {
    Memory,
    Tables,
    Output,
    Log,
    Artifacts,
    Requests,
    OpenRequests,
    Request,
    Response,
}

/// What there is to know of a limit.
#[derive(Debug)]
pub struct Rule {
    /// The limit.
    pub limit: Limit,
    /// Its key under a step's `limits`.
    pub key: &'static str,
    /// Where the spec does not say: a generous multiple of what the six steps use.
    pub default: u64,
    /// Whether it is one of bytes; else it is a number, up to this one.
    pub most: Option<u64>,
    /// What follows the value in a message.
    noun: &'static str,
    /// What counts, for people.
    pub doc: &'static str,
}

/// Every limit, in the order of the enum.
pub const RULES: [Rule; 9] = [
    Rule {
        limit: Limit::Memory,
        key: "memory",
        default: 256 << 20,
        most: None,
        noun: "of memory",
        doc: "the component's memory, and answers that it has not taken yet",
    },
    Rule {
        limit: Limit::Tables,
        key: "tables",
        default: 100_000,
        most: Some(10_000_000),
        noun: "table entries",
        doc: "entries of the component's tables; an ordinary one has a few hundred",
    },
    Rule {
        limit: Limit::Output,
        key: "output",
        default: 4 << 20,
        most: None,
        noun: "of outputs",
        doc: "its outputs, or its failure, in JSON: the run's record keeps them",
    },
    Rule {
        limit: Limit::Log,
        key: "log",
        default: 16 << 20,
        most: None,
        noun: "of log",
        doc: "what it prints, logs, reports as progress and writes to the ledger; a line counts 100 bytes more",
    },
    Rule {
        limit: Limit::Artifacts,
        key: "artifacts",
        default: 1 << 30,
        most: None,
        noun: "of artifacts",
        doc: "its files together; a file counts 4 KiB more, a removed one until the try ends",
    },
    Rule {
        limit: Limit::Requests,
        key: "requests",
        default: 1_000_000,
        most: Some(100_000_000),
        noun: "requests",
        doc: "requests altogether, and calls of the ledger",
    },
    Rule {
        limit: Limit::OpenRequests,
        key: "open_requests",
        default: 16,
        most: Some(256),
        noun: "open requests",
        doc: "requests in flight at once; one more waits for its turn",
    },
    Rule {
        limit: Limit::Request,
        key: "request",
        default: 512 << 20,
        most: None,
        noun: "in a request",
        doc: "the body of a request: a model is uploaded in one",
    },
    Rule {
        limit: Limit::Response,
        key: "response",
        default: 32 << 20,
        most: None,
        noun: "in an answer",
        doc: "the body of an answer, decompressed",
    },
];

impl Limit {
    /// What there is to know of it.
    pub fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

impl Rule {
    /// A value of it, as people write it.
    pub fn text(&self, value: u64) -> String {
        if self.most.is_some() { value.to_string() } else { size_text(value) }
    }
}

/// The limits of one step.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time of each try, waiting included.
    pub time: Duration,
    most: [u64; RULES.len()],
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_mins(30), most: RULES.each_ref().map(|rule| rule.default) }
    }
}

impl Limits {
    /// What the step may use at the most.
    pub fn most(&self, limit: Limit) -> u64 {
        self.most[limit as usize]
    }

    /// Sets another value.
    pub fn set(&mut self, limit: Limit, most: u64) {
        self.most[limit as usize] = most;
    }
}

/// A limit that a step has hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub limit: Limit,
    /// Its value.
    pub most: u64,
}

impl Hit {
    /// The one action that mends it.
    pub fn hint(&self) -> String {
        format!("give the step more under `limits: {{{}: …}}`", self.limit.rule().key)
    }
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.limit.rule();
        write!(f, "the component passed its limit of {} {}", rule.text(self.most), rule.noun)
    }
}

impl std::error::Error for Hit {}

/// What a line costs beside its text: its time and place in `events.jsonl`.
pub(super) const LINE: u64 = 100;

/// What a file, a folder or a link costs beside its bytes: about a block of the disk, so that empty ones end too.
pub const ENTRY: u64 = 4 << 10;

/// Things of the host that a component can hold at once: streams, files, requests. Each takes some of its memory.
pub(super) const MAX_HANDLES: usize = 10_000;

/// Time of `describe`, which only builds a few values.
pub(super) const DESCRIBE_TIME: Duration = Duration::from_secs(5);

/// How long an interrupted step's request in flight may still take, so that what it creates is known.
pub(super) const GRACE: Duration = Duration::from_millis(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_stand_in_the_order_of_the_enum() {
        for (n, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.limit as usize, n, "{}", rule.key);
        }
    }

    #[test]
    fn every_message_names_the_value_and_every_hint_the_key() {
        let texts = RULES.each_ref().map(|rule| {
            let hit = Hit { limit: rule.limit, most: rule.default };
            format!("{} | {}", hit.to_string().split_off("the component passed its limit of ".len()), hit.hint())
        });
        assert_eq!(
            texts,
            [
                "256 MiB of memory | give the step more under `limits: {memory: …}`",
                "100000 table entries | give the step more under `limits: {tables: …}`",
                "4 MiB of outputs | give the step more under `limits: {output: …}`",
                "16 MiB of log | give the step more under `limits: {log: …}`",
                "1 GiB of artifacts | give the step more under `limits: {artifacts: …}`",
                "1000000 requests | give the step more under `limits: {requests: …}`",
                "16 open requests | give the step more under `limits: {open_requests: …}`",
                "512 MiB in a request | give the step more under `limits: {request: …}`",
                "32 MiB in an answer | give the step more under `limits: {response: …}`",
            ]
        );
    }
}
