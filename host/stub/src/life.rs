//! `Life`: the states that an asynchronous resource passes through.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::answer::error_body;

/// The states that an asynchronous resource passes through: it settles, it may be deleted, it vanishes.
#[derive(Debug)]
pub(crate) struct Life {
    settled_at: Instant,
    failure: Option<Value>,
    end: Option<(Instant, &'static str)>,
}

impl Life {
    pub(crate) fn starting(settle: Duration) -> Self {
        Self { settled_at: Instant::now() + settle, failure: None, end: None }
    }

    /// One that will settle as `error`, if there is a reason.
    pub(crate) fn with_failure(mut self, failure: Option<(&str, String)>) -> Self {
        self.failure = failure.map(|(code, message)| error_body(code, &message));
        self
    }

    pub(crate) fn settled(&self) -> bool {
        Instant::now() >= self.settled_at
    }

    pub(crate) fn state(&self) -> &'static str {
        match (&self.end, &self.failure) {
            (Some((_, state)), _) => state,
            _ if !self.settled() => "preparing",
            (_, Some(_)) => "error",
            _ => "active",
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state() == "active"
    }

    /// `{"state", "failure"?}` as `OpenScale` tells it.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({"state": self.state()});
        if let (Some(failure), "error") = (&self.failure, self.state()) {
            status["failure"] = failure.clone();
        }
        status
    }

    /// Starts the deletion, unless it has begun.
    pub(crate) fn end(&mut self, state: &'static str, settle: Duration) {
        self.end.get_or_insert((Instant::now() + settle, state));
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some_and(|(at, _)| Instant::now() >= at)
    }
}
