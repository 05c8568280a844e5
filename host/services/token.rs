//! A token: how it is sent, and how long it is used.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Secret;

/// The longest time that a new token is fetched ahead of the old one's end; enough for any request under way.
const LONGEST_MARGIN: Duration = Duration::from_mins(5);

/// How long a token is used that does not say when it ends. CP4D's own end after hours; a 401 corrects a wrong guess.
const OPAQUE_USE: Duration = Duration::from_mins(10);

/// A token and the moment after which a new one is fetched.
#[derive(Clone, Debug)]
pub(super) struct Token {
    authorization: Secret,
    use_until: Instant,
}

/// The claims of a JWT that matter here.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    iat: Option<f64>,
}

impl Token {
    /// A token that was received just now, with its lifetime if the answer told one.
    pub(super) fn new(text: &str, scheme: Scheme, told: Option<Duration>) -> Self {
        let use_for = time_of_use(text, told, SystemTime::now());
        Self { authorization: scheme.authorization(text), use_until: Instant::now() + use_for }
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self) -> &Secret {
        &self.authorization
    }

    pub(super) fn is_fresh(&self) -> bool {
        Instant::now() < self.use_until
    }
}

/// How a token travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Basic,
}

impl Scheme {
    /// A token with dots is a JWT; one without is of the kind that CP4D calls `ZenApiKey`, and travels as `Basic`.
    pub(super) fn of(token: &str) -> Self {
        if token.contains('.') { Self::Bearer } else { Self::Basic }
    }

    fn authorization(self, token: &str) -> Secret {
        Secret::new(format!("{self:?} {token}"))
    }
}

/// The value of the `Authorization` header.
pub(super) fn authorization(token: &str) -> Secret {
    Scheme::of(token).authorization(token)
}

/// A token is used until a third of its lifetime is left, or five minutes, whichever is less.
fn time_of_use(token: &str, told: Option<Duration>, now: SystemTime) -> Duration {
    match [lifetime(token, now), told].into_iter().flatten().min() {
        Some(lifetime) => lifetime.saturating_sub((lifetime / 3).min(LONGEST_MARGIN)),
        None => OPAQUE_USE,
    }
}

/// How long a JWT lives from now on. Where this machine's clock and the service's disagree, what the token says of
/// itself counts.
fn lifetime(token: &str, now: SystemTime) -> Option<Duration> {
    let payload = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let exp = claims.exp?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let by_clock = exp - now;
    let seconds = match claims.iat.map(|iat| exp - iat) {
        Some(by_token) if by_clock <= 0.0 => by_token,
        Some(by_token) => by_token.min(by_clock),
        None => by_clock,
    };
    // A day at the most: nothing is gained beyond, and the clock's arithmetic stays safe.
    Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)))
}

#[cfg(test)]
pub(super) fn jwt(claims: &serde_json::Value) -> String {
    let encode = |value: &str| URL_SAFE_NO_PAD.encode(value);
    format!("{}.{}.{}", encode(r#"{"alg":"none"}"#), encode(&claims.to_string()), encode("signature"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn seconds_of_use(claims: &serde_json::Value) -> u64 {
        time_of_use(&jwt(claims), None, UNIX_EPOCH + Duration::from_secs(NOW)).as_secs()
    }

    #[test]
    fn a_token_is_replaced_before_it_expires() {
        for (lives, used) in [(43_164, 42_864), (3_000, 2_700), (900, 600), (600, 400), (60, 40), (0, 0)] {
            assert_eq!(seconds_of_use(&json!({"iat": NOW, "exp": NOW + lives})), used, "{lives}");
            assert_eq!(seconds_of_use(&json!({"exp": NOW + lives})), used, "{lives} without `iat`");
        }
    }

    #[test]
    fn an_older_token_lives_only_for_what_is_left() {
        assert_eq!(seconds_of_use(&json!({"iat": NOW - 3_000, "exp": NOW + 600})), 400);
    }

    #[test]
    fn a_clock_that_runs_ahead_does_not_make_every_token_stale() {
        assert_eq!(seconds_of_use(&json!({"iat": NOW - 7_200, "exp": NOW - 3_600})), 3_300);
    }

    #[test]
    fn a_token_that_says_nothing_is_used_for_ten_minutes() {
        let now = SystemTime::now();
        for token in ["opaque", "a.b.c", "..", &jwt(&json!({"sub": "me"})), &jwt(&json!([1]))] {
            assert_eq!(time_of_use(token, None, now), OPAQUE_USE, "{token}");
        }
    }

    #[test]
    fn a_lifetime_that_the_answer_tells_counts_where_the_token_says_nothing_or_more() {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let told = Some(Duration::from_mins(1));
        assert_eq!(time_of_use("opaque", told, now).as_secs(), 40);
        assert_eq!(time_of_use(&jwt(&json!({"exp": NOW + 3_000})), told, now).as_secs(), 40);
        assert_eq!(time_of_use(&jwt(&json!({"exp": NOW + 30})), told, now).as_secs(), 20);
    }

    #[test]
    fn a_token_without_dots_is_sent_as_basic() {
        assert_eq!(authorization("a.b.c").expose(), "Bearer a.b.c");
        assert_eq!(authorization("YWJj").expose(), "Basic YWJj");
    }
}
