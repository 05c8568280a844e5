//! Which request may be sent again, and when.

use std::time::{Duration, SystemTime};

use super::{Method, Repeat, Response};

/// How often a request is sent at the most, the first time included.
pub(super) const MAX_ATTEMPTS: u32 = 4;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What came of sending a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer with this status.
    Answered(u16),
    /// It was not sent, so nothing was acted on.
    NotSent,
    /// It was sent and the answer is lost: it may have been acted on.
    Lost,
}

/// Whether a request with that outcome may be sent again.
pub(super) fn may_repeat(method: Method, repeat: Repeat, outcome: Outcome) -> bool {
    let harmless = match repeat {
        Repeat::Never => return false,
        Repeat::Safe => true,
        Repeat::ByMethod => method.is_idempotent(),
    };
    match outcome {
        Outcome::NotSent | Outcome::Answered(429 | 503) => true,
        Outcome::Lost | Outcome::Answered(502 | 504) => harmless,
        Outcome::Answered(_) => false,
    }
}

/// How long to wait after attempt number `attempt`: doubling, half of it at random so that many clients do not come
/// back together, and no less than the service asks for. `jitter` is in `0.0..1.0`.
pub(super) fn pause(attempt: u32, jitter: f64, retry_after: Option<Duration>) -> Duration {
    let whole = FIRST_PAUSE * 2_u32.pow(attempt.clamp(1, MAX_ATTEMPTS) - 1);
    whole.mul_f64(0.5 + jitter / 2.0).max(retry_after.unwrap_or_default())
}

/// Reads `Retry-After`, which is a number of seconds or a date. A date is taken by the service's own clock, if it tells.
pub(super) fn retry_after(answer: &Response, now: SystemTime) -> Option<Duration> {
    asked(answer.header("retry-after"), answer.header("date"), now)
}

/// The same from the values of the two headers.
pub(super) fn asked(value: Option<&str>, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use Method::{Delete, Get, Head, Patch, Post, Put};
    use Outcome::{Answered, Lost, NotSent};
    use Repeat::{ByMethod, Never, Safe};

    use super::*;

    #[test]
    fn a_request_is_repeated_as_the_contract_says() {
        for (methods, repeat, outcomes, wanted) in [
            (&[Get, Head, Put, Delete][..], ByMethod, &[NotSent, Lost, Answered(429), Answered(502)][..], true),
            (&[Get, Head, Put, Delete], ByMethod, &[Answered(503), Answered(504)], true),
            (&[Get, Head, Put, Delete], ByMethod, &[Answered(200), Answered(404), Answered(500)], false),
            (&[Post, Patch], ByMethod, &[NotSent, Answered(429), Answered(503)], true),
            (&[Post, Patch], ByMethod, &[Lost, Answered(502), Answered(504), Answered(500)], false),
            (&[Post, Patch], Safe, &[NotSent, Lost, Answered(429), Answered(502), Answered(504)], true),
            (&[Post, Patch, Get], Safe, &[Answered(201), Answered(401), Answered(409), Answered(500)], false),
            (&[Get, Post, Delete], Never, &[NotSent, Lost, Answered(429), Answered(503)], false),
        ] {
            for &method in methods {
                for &outcome in outcomes {
                    assert_eq!(may_repeat(method, repeat, outcome), wanted, "{method} {repeat:?} {outcome:?}");
                }
            }
        }
    }

    #[test]
    fn pauses_double_and_vary_by_half() {
        for (attempt, shortest, longest) in [(1, 100, 200), (2, 200, 400), (3, 400, 800), (9, 800, 1600)] {
            assert_eq!(pause(attempt, 0.0, None), Duration::from_millis(shortest));
            assert_eq!(pause(attempt, 1.0, None), Duration::from_millis(longest));
        }
    }

    #[test]
    fn a_service_can_ask_for_a_longer_pause() {
        assert_eq!(pause(1, 0.5, asked(&[("retry-after", " 7 ")])), Duration::from_secs(7));
        assert_eq!(pause(1, 1.0, asked(&[("retry-after", "0")])), Duration::from_millis(200));
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let date = |value| ("date", value);
        let after = |value| ("retry-after", value);
        for (headers, seconds) in [
            (&[after("7")][..], Some(7)),
            (&[after("Fri, 15 Jan 2027 08:00:30 GMT")], Some(30)),
            (&[after("Friday, 15-Jan-27 08:00:30 GMT")], Some(30)),
            (&[after("Fri Jan 15 08:00:30 2027")], Some(30)),
            (&[after("Fri, 15 Jan 2027 07:00:00 GMT")], Some(0)),
            // The service's clock is an hour behind ours.
            (&[after("Fri, 15 Jan 2027 07:00:30 GMT"), date("Fri, 15 Jan 2027 07:00:00 GMT")], Some(30)),
            (&[after("Fri, 15 Jan 2027 08:00:30 GMT"), date("today")], Some(30)),
            (&[after("-1")], None),
            (&[after("soon")], None),
            (&[], None),
        ] {
            assert_eq!(asked(headers).map(|time| time.as_secs()), seconds, "{headers:?}");
        }
    }

    /// At eight o'clock, by our clock.
    fn asked(headers: &[(&str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        retry_after(&Response { status: 503, headers, body: Vec::new() }, now)
    }
}
