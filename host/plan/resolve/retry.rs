//! `retry`.

use crate::plan::retry::{Backoff, Retry};
use crate::spec::{BackoffSpec, RetrySpec, Way};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn retry(&mut self, spec: &RetrySpec, way: &Way) -> Retry {
        let usual = Retry::default();
        let attempts = spec.attempts.unwrap_or(usual.attempts);
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
        Backoff { first, factor, longest, jitter }
    }
}
