//! `retry` and times.

use std::time::Duration;

use crate::plan::retry::{Backoff, Retry};
use crate::spec::{BackoffSpec, RetrySpec, Way, parse_duration};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn retry(&mut self, spec: &RetrySpec, way: &Way) -> Retry {
        let usual = Retry::default();
        let attempts = spec.attempts.unwrap_or(usual.attempts);
        if !(1..=20).contains(&attempts) {
            self.problem(&way.to("attempts"), "`attempts` is a number from 1 to 20");
        }
        let on = spec.on.clone().unwrap_or(usual.on);
        if on.is_empty() {
            self.problem(&way.to("on"), "`on` names at least one category");
        }
        Retry { attempts, on, backoff: self.backoff(&spec.backoff, &way.to("backoff")) }
    }

    fn backoff(&mut self, spec: &BackoffSpec, way: &Way) -> Backoff {
        let usual = Backoff::default();
        let first = self.time(spec.first.as_deref(), &way.to("first")).unwrap_or(usual.first);
        let longest = self.time(spec.longest.as_deref(), &way.to("longest")).unwrap_or(usual.longest.max(first));
        let (factor, jitter) = (spec.factor.unwrap_or(usual.factor), spec.jitter.unwrap_or(usual.jitter));
        if longest < first {
            self.problem(&way.to("longest"), "the longest pause is shorter than the first");
        }
        if !(1.0..=10.0).contains(&factor) {
            self.problem(&way.to("factor"), "`factor` is a number from 1 to 10");
        }
        if !(0.0..=1.0).contains(&jitter) {
            self.problem(&way.to("jitter"), "`jitter` is a number from 0 to 1");
        }
        Backoff { first, factor, longest, jitter }
    }

    /// A duration, if one is given.
    pub(super) fn time(&mut self, text: Option<&str>, way: &Way) -> Option<Duration> {
        let text = self.fixed(text?, way, false)?;
        if self.is_unset(way) {
            return None;
        }
        parse_duration(&text).map_err(|reason| self.problem(way, reason)).ok()
    }
}
