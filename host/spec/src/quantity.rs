//! Durations and sizes as people write them.

use std::time::Duration;

/// Reads `500ms`, `30s`, `10m`, `2h` or `1d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse_age(text).and_then(|time| if time.is_zero() { Err(format!("`{text}` is no time at all")) } else { Ok(time) })
}

/// The same, and nothing too: `0s`.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let refused = || format!("`{text}` is not a duration; write for example `500ms`, `30s`, `10m`, `2h` or `1d`");
    let (number, unit) = split(text).ok_or_else(refused)?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 24 * 3_600_000,
        _ => return Err(refused()),
    };
    match number.checked_mul(unit) {
        // A year: more is a slip, and arithmetic with clocks stays safe.
        Some(millis) if millis <= 365 * 24 * 3_600_000 => Ok(Duration::from_millis(millis)),
        _ => Err(format!("`{text}` is longer than a year")),
    }
}

/// Reads `64KiB`, `256MiB`, `2GiB` or plain bytes, `1000`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let refused = || format!("`{text}` is not a size; write for example `64KiB`, `256MiB` or `2GiB`");
    let (number, unit) = split(text).ok_or_else(refused)?;
    let unit = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(refused()),
    };
    number.checked_mul(unit).filter(|&bytes| bytes > 0).ok_or_else(refused)
}

/// A size as `parse_size` reads it, in the largest unit that leaves no rest.
pub fn size_text(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    Some((number, text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("10 m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_hours(24)));
        for text in ["", "10", "m", "-1s", "1.5s", "0s", "99999999999999999999h", "9999h9"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_age_may_be_none_at_all_and_no_more_than_a_year() {
        assert_eq!(parse_age("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_age("7d"), parse_duration("168h"));
        assert!(parse_age("366d").is_err());
        assert!(parse_age("yesterday").is_err());
    }

    #[test]
    fn sizes_are_written_in_the_largest_unit_that_leaves_no_rest() {
        let sizes = [0, 1000, 1 << 10, 1536, 40 << 20, 1 << 30, 3 << 29];
        assert_eq!(
            sizes.map(size_text),
            ["0 bytes", "1000 bytes", "1 KiB", "1536 bytes", "40 MiB", "1 GiB", "1536 MiB"]
        );
        assert_eq!(parse_size(&size_text(40 << 20)), Ok(40 << 20));
    }

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("1000"), Ok(1_000));
        for text in ["", "KiB", "1kb", "0", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
