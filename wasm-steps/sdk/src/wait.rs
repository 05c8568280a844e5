//! Polling with a deadline: 100 ms at first, doubling up to 5 s.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::failure::words;
use crate::{Failure, Host};

/// The first pause: what is ready at once costs no more than this.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause; the official clients poll every 5 s.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When waiting ends. One deadline may serve several waits.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Duration,
    limit: Duration,
}

impl Deadline {
    /// A deadline some seconds from now.
    pub fn after_seconds(host: &dyn Host, seconds: u32) -> Self {
        let limit = Duration::from_secs(seconds.into());
        Self { at: host.elapsed() + limit, limit }
    }

    /// Waits a little before something is tried again; none if the time is over.
    pub fn pause(&self, host: &dyn Host) -> Option<()> {
        let left = self.left(host);
        host.sleep(FIRST_PAUSE.min(left));
        (!left.is_zero()).then_some(())
    }

    fn left(&self, host: &dyn Host) -> Duration {
        self.at.saturating_sub(host.elapsed())
    }
}

/// What one poll found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll<T> {
    /// It is as wanted.
    Ready(T),
    /// It is not; the text says what it is instead, for example its state.
    Waiting(String),
}

/// Polls until ready. `what` names the thing waited for in messages: `` deployment `x` ``.
pub fn until<T>(
    host: &dyn Host,
    what: &str,
    deadline: &Deadline,
    mut poll: impl FnMut() -> Result<Poll<T>, Failure>,
) -> Result<T, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        let state = match poll()? {
            Poll::Ready(found) => return Ok(found),
            Poll::Waiting(state) => state,
        };
        let left = deadline.left(host);
        if left.is_zero() {
            let seconds = deadline.limit.as_secs();
            return Err(Failure::unavailable(format!("{what} took longer than {seconds} s: {state}"))
                .hint("raise `timeout_seconds`"));
        }
        host.sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `entity.status` of an asynchronous resource.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// The state's name.
    pub state: String,
    /// An error body, on a failed resource. A finished monitor run may carry one too.
    #[serde(default)]
    pub failure: Option<Value>,
    /// What the service adds for people; both services' forms.
    #[serde(default)]
    pub message: Option<Value>,
}

impl Status {
    /// The status in an answer that is read as a value.
    pub fn of(status: &Value) -> Option<Self> {
        let part = |name: &str| status.get(name).filter(|part| !part.is_null()).cloned();
        Some(Self { state: status["state"].as_str()?.to_owned(), failure: part("failure"), message: part("message") })
    }
}

/// Which states end a wait, and how.
#[derive(Debug, Clone, Copy)]
pub struct States {
    /// These are what is waited for.
    pub done: &'static [&'static str],
    /// These are failures that the protocol names.
    pub failed: &'static [&'static str],
    /// Only these go on waiting, any other is a failure; `None` when an unknown state is waited out.
    pub waiting: Option<&'static [&'static str]>,
}

impl States {
    /// Judges a state. `what` names the resource in messages.
    pub fn judge(&self, what: &str, status: &Status) -> Result<Poll<()>, Failure> {
        let state = status.state.as_str();
        if self.done.contains(&state) {
            return Ok(Poll::Ready(()));
        }
        if self.failed.contains(&state) {
            let words = [&status.failure, &status.message].into_iter().flatten().find_map(words);
            let words = words.unwrap_or_else(|| "the service gives no reason".to_owned());
            return Err(Failure::refused(format!("{what} is `{state}`: {words}")));
        }
        match self.waiting {
            Some(waiting) if !waiting.contains(&state) => {
                Err(Failure::internal(format!("{what} is in the unexpected state `{state}`")))
            }
            _ => Ok(Poll::Waiting(format!("still `{state}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FailureCategory;
    use crate::fake::Fake;

    const STATES: States = States { done: &["ready"], failed: &["failed"], waiting: Some(&["initializing"]) };

    fn status(value: Value) -> Status {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn pauses_double_up_to_five_seconds() {
        let host = Fake::new();
        let mut seen = Vec::new();
        let deadline = Deadline::after_seconds(&host, 300);
        until(&host, "x", &deadline, || {
            seen.push(host.elapsed().as_millis());
            Ok(if seen.len() == 9 { Poll::Ready(()) } else { Poll::Waiting(String::new()) })
        })
        .unwrap();
        assert_eq!(seen, [0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300]);
    }

    #[test]
    fn the_last_poll_is_at_the_deadline() {
        let host = Fake::new();
        let deadline = Deadline::after_seconds(&host, 2);
        let failure =
            until::<()>(&host, "deployment `x`", &deadline, || Ok(Poll::Waiting("still `initializing`".into())))
                .unwrap_err();
        assert_eq!(failure.category, FailureCategory::Unavailable);
        assert_eq!(failure.message, "deployment `x` took longer than 2 s: still `initializing`");
        assert_eq!(host.elapsed(), Duration::from_secs(2));
    }

    #[test]
    fn a_failed_resource_speaks_for_itself() {
        let failed = status(json!({"state": "failed", "failure": {"errors": [{"message": "bad archive"}]}}));
        let failure = STATES.judge("deployment `x`", &failed).unwrap_err();
        assert_eq!(failure.category, FailureCategory::Refused);
        assert_eq!(failure.message, "deployment `x` is `failed`: bad archive");
    }

    #[test]
    fn an_unknown_state_fails_or_waits_as_the_service_has_it() {
        let unknown = status(json!({"state": "dreaming"}));
        assert_eq!(STATES.judge("x", &unknown).unwrap_err().category, FailureCategory::Internal);
        let patient = States { waiting: None, ..STATES };
        assert_eq!(patient.judge("x", &unknown), Ok(Poll::Waiting("still `dreaming`".into())));
        assert_eq!(patient.judge("x", &status(json!({"state": "ready"}))), Ok(Poll::Ready(())));
    }
}
