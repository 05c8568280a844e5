//! Points in time as the services write and read them.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// The time of now, `2024-08-06T12:57:32.480000Z`.
pub(crate) fn now() -> String {
    write(OffsetDateTime::now_utc())
}

/// A point in time in the services' form.
pub(crate) fn write(moment: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    moment.format(&form).unwrap_or_default()
}

/// Reads ISO 8601, and what Python's `str(datetime)` makes of it: a blank for the `T`, perhaps no zone (then UTC).
pub(crate) fn read(text: &str) -> Option<OffsetDateTime> {
    let text = text.replacen(' ', "T", 1);
    if let Ok(moment) = OffsetDateTime::parse(&text, &Rfc3339) {
        return Some(moment);
    }
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
    PrimitiveDateTime::parse(&text, &form).ok().map(PrimitiveDateTime::assume_utc)
}

/// Whether a text is a date, `2021-06-24`.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && Date::parse(text, &format_description!("[year]-[month]-[day]")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_datetimes_are_read_with_and_without_a_zone() {
        let zoned = read("2026-11-22 08:54:35.462748+00:00").unwrap();
        assert_eq!(write(zoned), "2026-11-22T08:54:35.462748Z");
        assert_eq!(read("2026-11-22 08:54:35.462748"), Some(zoned));
        assert!(read("2026-11-22 08:54:35").is_some());
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn only_a_full_date_is_a_date() {
        assert!(is_date("2021-06-24"));
        assert!(!is_date("2021-6-24"));
        assert!(!is_date("2021-02-30"));
        assert!(!is_date("latest"));
    }
}
