//! Whether a step is tried again, and after which pause.

use std::time::Duration;

use crate::spec::Category;

/// How a step is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How often it is tried altogether.
    pub attempts: u32,
    /// After failures of these categories.
    pub on: Vec<Category>,
    /// The pauses between the tries.
    pub backoff: Backoff,
}

/// The pauses between tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// How much longer each is than the one before.
    pub factor: f64,
    /// The longest.
    pub longest: Duration,
    /// The share that is left to chance.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, on: vec![Category::Unavailable], backoff: Backoff::default() }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), factor: 2.0, longest: Duration::from_secs(30), jitter: 0.5 }
    }
}

impl Backoff {
    /// The pause after try number `attempt`, from 1; `chance` is in `0.0..1.0`.
    pub fn pause(&self, attempt: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(self.longest.as_secs_f64());
        Duration::from_secs_f64(seconds * (1.0 - self.jitter * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_chance_only_shortens_them() {
        let backoff =
            Backoff { first: Duration::from_secs(1), factor: 3.0, longest: Duration::from_secs(5), jitter: 0.5 };

        let pauses = [1, 2, 3, 40].map(|attempt| backoff.pause(attempt, 0.0).as_secs());

        assert_eq!(pauses, [1, 3, 5, 5]);
        assert_eq!(backoff.pause(1, 0.5), Duration::from_millis(750));
        assert_eq!(Backoff { jitter: 0.0, ..backoff }.pause(1, 0.9), Duration::from_secs(1));
    }
}
