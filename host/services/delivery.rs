//! Sending one request as often as it may be sent, within the caller's limits.

use std::time::{Instant, SystemTime};

use super::client::{Client, Fault, Outgoing};
use super::retry::{self, Outcome};
use super::{CallError, Exchange, Observer, Repeat, Response};
use crate::deadline::{Deadline, Stop};
use crate::spec::size_text;

/// What a call may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// When the answer must be there.
    pub deadline: Deadline,
    /// Ends the call's waits when it is up.
    pub stop: Stop,
    /// Most bytes of a request's body.
    pub max_request: u64,
    /// Most bytes of an answer's body, decompressed.
    pub max_response: u64,
}

/// One request under way, maybe more than once.
pub(super) struct Delivery<'a> {
    pub(super) client: &'a Client,
    pub(super) service: &'a str,
    /// Which part of the service is called, if one has its own address: `the platform of `.
    pub(super) part: &'static str,
    /// Path and query as the observer shall see them.
    pub(super) shown: (&'a str, &'a str),
    pub(super) transaction_id: &'a str,
    pub(super) limits: &'a Limits,
    pub(super) observer: &'a dyn Observer,
    pub(super) repeat: Repeat,
    /// How often it was sent so far.
    pub(super) attempts: u32,
}

impl Delivery<'_> {
    /// Sends until there is an answer to keep, or nothing more may be tried.
    pub(super) fn send(&mut self, outgoing: &Outgoing<'_>) -> Result<Response, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let result = self.exchange(outgoing);
            let (outcome, asked) = match &result {
                Ok(answer) => (Outcome::Answered(answer.status), retry::retry_after(answer, SystemTime::now())),
                Err(Fault::NotSent(_)) => (Outcome::NotSent, None),
                Err(Fault::Lost(_)) => (Outcome::Lost, None),
                Err(Fault::Insecure(_) | Fault::TooLarge | Fault::OutOfTime) => {
                    return self.end(result);
                }
            };
            if tries >= retry::MAX_ATTEMPTS || !retry::may_repeat(outgoing.method, self.repeat, outcome) {
                return self.end(result);
            }
            let pause = retry::pause(tries, fastrand::f64(), asked);
            // Waiting out a time that is too short anyway helps nobody.
            let left = self.limits.deadline.remaining();
            if left.is_none_or(|left| left <= pause) || self.limits.stop.wait(pause) {
                return self.end(result);
            }
        }
    }

    fn exchange(&mut self, outgoing: &Outgoing<'_>) -> Result<Response, Fault> {
        let left = self.limits.deadline.remaining();
        let Some(left) = left.filter(|_| !self.limits.stop.is_stopped()) else {
            return Err(Fault::OutOfTime);
        };
        self.attempts += 1;
        let started = Instant::now();
        let result = self.client.exchange(outgoing, left, self.limits.max_response);
        let duration = started.elapsed();
        let outcome = match &result {
            Ok(answer) => Ok(answer.status),
            Err(fault) => Err(self.explain(fault)),
        };
        self.observer.exchanged(&Exchange {
            service: self.service,
            method: outgoing.method,
            path: self.shown.0,
            query: self.shown.1,
            attempt: self.attempts,
            outcome: outcome.as_ref().copied(),
            started,
            duration,
            transaction_id: self.transaction_id,
            sent: outgoing.body.map_or(0, |body| body.len() as u64),
            received: result.as_ref().map_or(0, |answer| answer.body.len() as u64),
            refusal: result.as_ref().ok().filter(|answer| answer.status >= 400).map_or(&[], |answer| &answer.body),
        });
        result
    }

    fn end(&self, result: Result<Response, Fault>) -> Result<Response, CallError> {
        result.map_err(|fault| self.explain(&fault))
    }

    fn explain(&self, fault: &Fault) -> CallError {
        let service = format!("{}`{}`", self.part, self.service);
        let through =
            self.client.proxy.map(|variable| format!(" through the proxy of `{variable}`")).unwrap_or_default();
        if self.limits.stop.is_stopped() {
            return CallError::OutOfTime(format!("the call of {service} was interrupted"));
        }
        match fault {
            Fault::NotSent(why) => CallError::Unreachable(format!("no connection to {service}{through}: {why}")),
            Fault::Insecure(why) => CallError::Unreachable(format!(
                "no secure connection to {service}{through}: {why}\n\
                 hint: if its certificate is from an authority of your own, name that one's file as `ca_file`"
            )),
            Fault::Lost(why) => CallError::NoAnswer(format!("no answer from {service}: {why}")),
            Fault::TooLarge => CallError::TooLarge(format!(
                "the answer of {service} passes the step's limit of {}\n\
                 hint: give the step more under `limits: {{response: …}}`",
                size_text(self.limits.max_response)
            )),
            Fault::OutOfTime => CallError::OutOfTime(format!("no time is left for {service}")),
        }
    }
}
