//! Measures what a step uses, and holds it to its limits.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::{Hit, Limit, Limits, RULES};

/// Measures what one try of a step uses, on all of its threads.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    used: [AtomicU64; RULES.len()],
    hit: OnceLock<Hit>,
}

impl Meter {
    /// Nothing is used yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, used: Default::default(), hit: OnceLock::new() }
    }

    /// The limits that it holds the step to.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts what is used from now on; what would pass the limit is not counted.
    pub fn add(&self, limit: Limit, amount: u64) -> Result<(), Hit> {
        let most = self.limits.most(limit);
        let sum = |used: u64| used.checked_add(amount).filter(|sum| *sum <= most);
        let counted = self.used[limit as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
        counted.map(|_| ()).map_err(|_| self.pass(limit))
    }

    /// Counts what is used no more.
    pub(super) fn give_back(&self, limit: Limit, amount: u64) {
        let less = |used: u64| Some(used.saturating_sub(amount));
        let _ = self.used[limit as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Notes how much is used at this moment: the largest such amount counts.
    pub(super) fn reach(&self, limit: Limit, amount: u64) -> Result<(), Hit> {
        if amount > self.limits.most(limit) {
            return Err(self.pass(limit));
        }
        self.used[limit as usize].fetch_max(amount, Ordering::Relaxed);
        Ok(())
    }

    /// The limit that was hit first, if any.
    pub(super) fn hit(&self) -> Option<Hit> {
        self.hit.get().copied()
    }

    /// What was used, by the limit's key.
    pub fn used(&self) -> BTreeMap<String, u64> {
        let used =
            RULES.iter().map(|rule| (rule.key.to_owned(), self.used[rule.limit as usize].load(Ordering::Relaxed)));
        used.filter(|(_, used)| *used > 0).collect()
    }

    fn pass(&self, limit: Limit) -> Hit {
        let hit = Hit { limit, most: self.limits.most(limit) };
        let _ = self.hit.set(hit);
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_pass_a_limit_is_refused_and_not_counted() {
        let meter = Meter::new(Limits::default());
        assert_eq!(meter.add(Limit::Tables, 99_999), Ok(()));
        assert_eq!(meter.add(Limit::Tables, 2), Err(Hit { limit: Limit::Tables, most: 100_000 }));
        assert_eq!(meter.add(Limit::Tables, u64::MAX), Err(Hit { limit: Limit::Tables, most: 100_000 }));
        assert_eq!(meter.add(Limit::Tables, 1), Ok(()));
        assert_eq!(meter.used(), BTreeMap::from([("tables".to_owned(), 100_000)]));
    }

    #[test]
    fn the_largest_amount_at_a_moment_counts() {
        let meter = Meter::new(Limits::default());
        for amount in [3, 9, 1] {
            assert_eq!(meter.reach(Limit::OpenRequests, amount), Ok(()));
        }
        assert_eq!(meter.used(), BTreeMap::from([("open_requests".to_owned(), 9)]));
        assert_eq!(meter.hit(), None);
    }
}
