//! How long something may take: a moment in time, and a flag that ends every wait at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Stands for "no limit": longer than any run, short enough for every clock.
const FAR: Duration = Duration::from_hours(10 * 365 * 24);

/// The moment at which something must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The moment that lies `time` ahead.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(FAR))
    }

    /// The time that is left, `None` when there is none.
    pub fn remaining(&self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// The earlier of two deadlines.
    #[must_use]
    pub fn or_sooner(self, other: Self) -> Self {
        self.min(other)
    }
}

/// A flag that many threads share: once it is up, every wait on it ends.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    up: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the flag up, for good.
    pub fn stop(&self) {
        *self.0.up.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Whether the flag is up.
    pub fn is_stopped(&self) -> bool {
        *self.0.up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or until the flag is up; answers whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let up = self.0.up.lock().unwrap_or_else(PoisonError::into_inner);
        let (up, _) =
            self.0.changed.wait_timeout_while(up, time.min(FAR), |up| !*up).unwrap_or_else(PoisonError::into_inner);
        *up
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_deadline_without_limit_is_far_but_not_an_overflow() {
        assert!(Deadline::after(Duration::MAX).remaining() > Some(FAR / 2));
    }

    #[test]
    fn nothing_remains_after_the_deadline() {
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), None);
    }

    #[test]
    fn the_sooner_deadline_holds() {
        let (near, far) = (Deadline::after(Duration::ZERO), Deadline::after(FAR));
        assert_eq!(far.or_sooner(near), near);
        assert_eq!(near.or_sooner(far), near);
    }

    #[test]
    fn a_wait_ends_when_another_thread_stops_it() {
        let stop = Stop::new();
        let waiting = {
            let stop = stop.clone();
            thread::spawn(move || stop.wait(FAR))
        };
        stop.stop();
        assert!(waiting.join().unwrap());
        assert!(stop.is_stopped());
    }

    #[test]
    fn a_wait_that_nobody_stops_ends_by_itself() {
        assert!(!Stop::new().wait(Duration::from_millis(1)));
    }
}
