//! `Fault`: how the stub is told to fail, on which call of which route.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

/// One way to fail.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// Answers this without acting; without a body, with an error body of the documented form.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body, if not the usual one; a text is sent as it is.
        body: Option<Value>,
        /// More headers, for example `Retry-After`.
        headers: Vec<(String, String)>,
    },
    /// Acts, and answers this instead of what came of it.
    Body {
        /// The HTTP status.
        status: u16,
        /// The body; a text is sent as it is.
        json: Value,
    },
    /// Waits before it acts.
    Delay(Duration),
    /// Drops the connection without acting.
    DropConnection,
    /// Acts, and drops the connection without an answer.
    DropAfter,
    /// Acts, and drops the connection after half of the answer's body.
    Truncate,
    /// Acts, and never answers.
    Stall,
    /// Acts, and answers a body that never ends.
    Endless,
    /// Acts, and changes the answer's body by this JSON merge patch (RFC 7396).
    Merge(Value),
    /// Drops the connection without acting, and for so long refuses every other.
    Refuse(Duration),
    /// Makes every token expire before it acts.
    ExpireTokens,
}

/// Which of the calls that match a fault it strikes, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nth {
    /// This one.
    Nth(u32),
    /// This one and all after it.
    From(u32),
    /// All.
    Every,
    /// Each by chance; the same calls in every stub with the same seed.
    Chance {
        /// From 0 to 1.
        probability: f64,
        /// Where the chances begin.
        seed: u64,
    },
}

impl Nth {
    fn strikes(self, call: u32) -> bool {
        match self {
            Self::Nth(n) => call == n,
            Self::From(n) => call >= n,
            Self::Every => true,
            Self::Chance { probability, seed } => {
                fastrand::Rng::with_seed(seed.wrapping_mul(1 << 32).wrapping_add(call.into())).f64() < probability
            }
        }
    }
}

/// A failure to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The HTTP method, `*` for any.
    pub method: String,
    /// The path: `*` stands for one segment, a last `**` for any rest, all else for itself.
    pub path: String,
    /// Which calls.
    pub nth: Nth,
    /// What happens then.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of the first call that matches.
    pub fn new(method: &str, path: &str, kind: FaultKind) -> Self {
        Self { method: method.into(), path: path.into(), nth: Nth::Nth(1), kind }
    }

    /// A fault that answers a status without acting.
    pub fn status(method: &str, path: &str, code: u16) -> Self {
        Self::new(method, path, FaultKind::Status { code, body: None, headers: Vec::new() })
    }

    /// The same for other calls than the first.
    #[must_use]
    pub fn on(self, nth: Nth) -> Self {
        Self { nth, ..self }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method)) && fits(&self.path, path)
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

/// The failures to come, each with the calls that have matched it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    all: Mutex<Vec<(Fault, u32)>>,
    held: AtomicUsize,
    /// How often all that wait before they act were let go.
    released: watch::Sender<u64>,
    /// Until when every connection is refused.
    refused: watch::Sender<Option<Instant>>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.refused.send_replace(None);
    }

    /// From now on every connection is refused for a while.
    pub(crate) fn refuse(&self, time: Duration) {
        self.refused.send_replace(Some(Instant::now() + time));
    }

    pub(crate) fn is_refusing(&self) -> bool {
        self.refused.borrow().is_some_and(|until| until > Instant::now())
    }

    /// Waits until connections are to be refused.
    pub(crate) async fn begins_to_refuse(&self) {
        // An error would mean that there is no sender any more, which is a part of `self`.
        let _ = self.refused.subscribe().wait_for(|until| until.is_some_and(|until| until > Instant::now())).await;
    }

    /// Waits until connections are not to be refused any more.
    pub(crate) async fn ends_to_refuse(&self) {
        let mut refused = self.refused.subscribe();
        loop {
            let until = *refused.borrow_and_update();
            match until.filter(|until| *until > Instant::now()) {
                None => return,
                Some(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    _ = refused.changed() => {}
                },
            }
        }
    }

    /// Has a call wait before it acts.
    pub(crate) async fn delay(&self, time: Duration) {
        let mut released = self.released.subscribe();
        self.hold();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = released.changed() => {}
        }
    }

    /// Lets all act that wait with it.
    pub(crate) fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// Counts a call that waits, before it acts or with its answer.
    pub(crate) fn hold(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
    }

    /// How many calls have been made to wait.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// The faults that have struck no call, each with the number of calls that matched it. Of chance nothing can be said.
    pub(crate) fn idle(&self) -> Vec<(Fault, u32)> {
        let faults = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |(fault, calls): &&(Fault, u32)| match fault.nth {
            Nth::Nth(n) | Nth::From(n) => *calls < n,
            Nth::Every | Nth::Chance { .. } => *calls == 0,
        };
        faults.iter().filter(is_idle).cloned().collect()
    }

    /// Counts a call, and tells what strikes it.
    pub(crate) fn strike(&self, method: &str, path: &str) -> Vec<FaultKind> {
        let mut faults = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut struck = Vec::new();
        for (fault, calls) in faults.iter_mut().filter(|(fault, _)| fault.matches(method, path)) {
            *calls += 1;
            if fault.nth.strikes(*calls) {
                struck.push(fault.kind.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment_and_two_are_the_rest() {
        assert!(fits("/ml/v4/models/*", "/ml/v4/models/1"));
        assert!(!fits("/ml/v4/models/*", "/ml/v4/models/1/content"));
        assert!(!fits("/ml/v4/models/*", "/ml/v4/models"));
        assert!(fits("/ml/**", "/ml/v4/models/1/content"));
        assert!(fits("/**", "/"));
        assert!(!fits("/ml/v4", "/ml/v4/models"));
    }

    #[test]
    fn chance_is_the_same_every_time() {
        let struck = |seed| {
            let chance = Nth::Chance { probability: 0.3, seed };
            (1..=1000).filter(|call| chance.strikes(*call)).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
        assert!((250..350).contains(&struck(7).len()), "{}", struck(7).len());
    }

    #[test]
    fn a_fault_strikes_the_calls_that_it_names() {
        let faults = Faults::default();
        faults.add(Fault::new("GET", "/a", FaultKind::DropAfter).on(Nth::Nth(2)));
        faults.add(Fault::new("*", "/a", FaultKind::Truncate).on(Nth::From(3)));
        let struck: Vec<_> = (0..4).map(|_| faults.strike("GET", "/a")).collect();
        assert_eq!(struck, [vec![], vec![FaultKind::DropAfter], vec![FaultKind::Truncate], vec![FaultKind::Truncate]]);
        assert_eq!(faults.strike("POST", "/b"), []);
    }

    #[test]
    fn a_fault_is_idle_until_it_has_struck() {
        let faults = Faults::default();
        faults.add(Fault::new("GET", "/a", FaultKind::DropAfter).on(Nth::Nth(2)));
        faults.add(Fault::new("GET", "/a", FaultKind::Stall).on(Nth::Every));
        faults.add(Fault::new("GET", "/b", FaultKind::Stall).on(Nth::Chance { probability: 0.0, seed: 1 }));
        let calls = |faults: &Faults| faults.idle().into_iter().map(|(_, calls)| calls).collect::<Vec<_>>();
        assert_eq!(calls(&faults), [0, 0, 0]);
        faults.strike("GET", "/a");
        faults.strike("GET", "/b");
        assert_eq!(calls(&faults), [1]);
        faults.strike("GET", "/a");
        assert_eq!(calls(&faults), [0; 0]);
    }
}
