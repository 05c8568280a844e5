//! What one step may use. Each default is a generous multiple of what the six steps use.

use std::time::Duration;

/// The limits of one step.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time of each try, waiting included.
    pub time: Duration,
    /// Linear memory, in bytes: a step streams its data, so it needs little.
    pub memory: usize,
    /// Longest body of a request, in bytes: a model is uploaded in one.
    pub request: usize,
    /// Longest body of an answer, in bytes.
    pub response: usize,
    /// Requests in flight at once; one more waits.
    pub open_requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_mins(30),
            memory: 256 << 20,
            request: 512 << 20,
            response: 32 << 20,
            open_requests: 16,
        }
    }
}

/// Longest inputs, outputs or failure of a step, in bytes of JSON: they are kept in the run's record.
pub(super) const MAX_JSON: usize = 4 << 20;

/// Entries in the component's tables; an ordinary component has a few hundred.
pub(super) const MAX_TABLE: usize = 100_000;

/// Time of `describe`, which only builds a few values.
pub(super) const DESCRIBE_TIME: Duration = Duration::from_secs(5);

/// How long an interrupted step's request in flight may still take, so that what it creates is known.
pub(super) const GRACE: Duration = Duration::from_millis(900);
