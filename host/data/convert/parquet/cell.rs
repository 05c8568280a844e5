//! A value of a Parquet file as the text of a cell: numbers so that they read back as they were, dates as ISO 8601.

use std::fmt::{Debug, Display, Write as _};

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::schema::types::ColumnDescriptor;
use time::{Date, OffsetDateTime, Time};

/// Days from the Julian epoch to that of Unix.
const JULIAN_EPOCH: i64 = 2_440_588;

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// What the values of a column mean, beyond the way in which they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Unsigned,
    Decimal { scale: i32 },
    Date,
    Time { nanos: i128 },
    Timestamp { nanos: i128, is_utc: bool },
    Uuid,
    Float16,
}

impl Form {
    /// An error says why the column has no place in CSV.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        let refused = |what: &dyn Debug| Err(format!("is of the type `{what:?}`, and CSV has no place for that"));
        if let Some(logical) = column.logical_type_ref() {
            return Ok(match logical {
                LogicalType::String | LogicalType::Enum | LogicalType::Json | LogicalType::Unknown => Self::Plain,
                LogicalType::Integer(int) if int.is_signed => Self::Plain,
                LogicalType::Integer(_) => Self::Unsigned,
                LogicalType::Decimal(decimal) => Self::Decimal { scale: decimal.scale },
                LogicalType::Date => Self::Date,
                LogicalType::Time(time) => Self::Time { nanos: nanos(time.unit) },
                LogicalType::Timestamp(stamp) => {
                    Self::Timestamp { nanos: nanos(stamp.unit), is_utc: stamp.is_adjusted_to_u_t_c }
                }
                LogicalType::Uuid => Self::Uuid,
                LogicalType::Float16 => Self::Float16,
                other => return refused(other),
            });
        }
        Ok(match column.converted_type() {
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                Self::Unsigned
            }
            ConvertedType::DECIMAL => Self::Decimal { scale: column.type_scale() },
            ConvertedType::DATE => Self::Date,
            ConvertedType::TIME_MILLIS => Self::Time { nanos: 1_000_000 },
            ConvertedType::TIME_MICROS => Self::Time { nanos: 1_000 },
            ConvertedType::TIMESTAMP_MILLIS => Self::Timestamp { nanos: 1_000_000, is_utc: true },
            ConvertedType::TIMESTAMP_MICROS => Self::Timestamp { nanos: 1_000, is_utc: true },
            other @ (ConvertedType::BSON | ConvertedType::INTERVAL) => return refused(&other),
            _ => Self::Plain,
        })
    }

    pub(super) fn int32(self, value: i32, out: &mut String) -> Result<(), String> {
        match self {
            Self::Unsigned => show(&value.cast_unsigned(), out),
            Self::Date => date(value, out),
            other => other.int64(value.into(), out),
        }
    }

    pub(super) fn int64(self, value: i64, out: &mut String) -> Result<(), String> {
        match self {
            Self::Unsigned => show(&value.cast_unsigned(), out),
            Self::Decimal { scale } => decimal(value.into(), scale, out),
            Self::Time { nanos } => time_of_day(i128::from(value) * nanos, out),
            Self::Timestamp { nanos, is_utc } => timestamp(i128::from(value) * nanos, is_utc, out),
            _ => show(&value, out),
        }
    }

    pub(super) fn bytes(self, value: &[u8], out: &mut String) -> Result<(), String> {
        match self {
            Self::Decimal { scale } => {
                let most = value.first().is_some_and(|first| first & 0x80 != 0);
                let mut whole = [if most { 0xff } else { 0 }; 16];
                let start = 16_usize.checked_sub(value.len());
                let start = start.ok_or_else(|| "has a decimal of more than 38 digits".to_owned())?;
                whole[start..].copy_from_slice(value);
                decimal(i128::from_be_bytes(whole), scale, out)
            }
            Self::Uuid => {
                let id = uuid::Uuid::from_slice(value).map_err(|_| "has a UUID that is none".to_owned())?;
                show(&id, out)
            }
            Self::Float16 => match value {
                &[low, high] => show_debug(&half(u16::from_le_bytes([low, high])), out),
                _ => Err("has a number of 16 bits that is none".to_owned()),
            },
            _ => {
                let text = std::str::from_utf8(value);
                show(text.map_err(|_| "has bytes that are no text".to_owned())?, out)
            }
        }
    }
}

/// The nanoseconds of a unit.
fn nanos(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::MILLIS => 1_000_000,
        TimeUnit::MICROS => 1_000,
        TimeUnit::NANOS => 1,
    }
}

/// The text of a value that has only one.
#[expect(clippy::unnecessary_wraps, reason = "what shows a cell may fail, and all have one shape")]
pub(super) fn show(value: &(impl Display + ?Sized), out: &mut String) -> Result<(), String> {
    let _ = write!(out, "{value}"); // writing to a String cannot fail
    Ok(())
}

/// The shortest text that reads back as the same number.
#[expect(clippy::unnecessary_wraps, reason = "what shows a cell may fail, and all have one shape")]
pub(super) fn show_debug(value: &impl Debug, out: &mut String) -> Result<(), String> {
    let _ = write!(out, "{value:?}"); // writing to a String cannot fail
    Ok(())
}

/// A time stamp of old writers: nanoseconds of a day, and the day by Julian count.
pub(super) fn int96(words: &[u32], out: &mut String) -> Result<(), String> {
    let &[low, high, day] = words else { return Err("has a time that is none".to_owned()) };
    let nanos = i128::from(u64::from(low) | u64::from(high) << 32);
    let days = i128::from(i64::from(day) - JULIAN_EPOCH);
    timestamp(days * NANOS_PER_DAY + nanos, false, out)
}

fn decimal(value: i128, scale: i32, out: &mut String) -> Result<(), String> {
    let scale = usize::try_from(scale).map_err(|_| "has a scale below zero".to_owned())?;
    let digits = format!("{:0>1$}", value.unsigned_abs(), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let (sign, point) = (if value < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
    show(&format_args!("{sign}{whole}{point}{fraction}"), out)
}

fn date(days: i32, out: &mut String) -> Result<(), String> {
    let epoch = i64::from(Date::from_ordinal_date(1970, 1).map_or(0, Date::to_julian_day));
    let day = i32::try_from(epoch + i64::from(days)).ok().and_then(|day| Date::from_julian_day(day).ok());
    show_date(day.ok_or_else(out_of_range)?, out)
}

fn show_date(date: Date, out: &mut String) -> Result<(), String> {
    show(&format_args!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()), out)
}

fn time_of_day(nanos: i128, out: &mut String) -> Result<(), String> {
    if !(0..NANOS_PER_DAY).contains(&nanos) {
        return Err("has a time that no day has".to_owned());
    }
    // Of a day that has them all.
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| out_of_range())?;
    show_time(moment.time(), out)
}

fn show_time(time: Time, out: &mut String) -> Result<(), String> {
    show(&format_args!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()), out)?;
    match time.nanosecond() {
        0 => Ok(()),
        nanos if nanos % 1_000_000 == 0 => show(&format_args!(".{:03}", nanos / 1_000_000), out),
        nanos if nanos % 1_000 == 0 => show(&format_args!(".{:06}", nanos / 1_000), out),
        nanos => show(&format_args!(".{nanos:09}"), out),
    }
}

fn timestamp(nanos: i128, is_utc: bool, out: &mut String) -> Result<(), String> {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| out_of_range())?;
    show_date(moment.date(), out)?;
    out.push('T');
    show_time(moment.time(), out)?;
    if is_utc {
        out.push('Z');
    }
    Ok(())
}

fn out_of_range() -> String {
    "has a date beyond the year 9999".to_owned()
}

/// A number of 16 bits as one of 32, which holds all of them.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 0x1f, bits & 0x3ff);
    let value = match (exponent, fraction) {
        (0, fraction) => f32::from(fraction) * 2_f32.powi(-24),
        (0x1f, 0) => f32::INFINITY,
        (0x1f, _) => f32::NAN,
        (exponent, fraction) => (1.0 + f32::from(fraction) / 1024.0) * 2_f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: impl Fn(&mut String) -> Result<(), String>) -> String {
        let mut out = String::new();
        of(&mut out).unwrap();
        out
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (value, scale, wanted) in [(12345, 2, "123.45"), (-5, 3, "-0.005"), (7, 0, "7"), (0, 2, "0.00")] {
            assert_eq!(text(|out| decimal(value, scale, out)), wanted);
        }
        let form = Form::Decimal { scale: 1 };
        assert_eq!(text(|out| form.bytes(&[0xff, 0x85], out)), "-12.3");
        assert!(form.bytes(&[1; 17], &mut String::new()).is_err());
    }

    #[test]
    fn dates_and_times_are_iso_8601() {
        assert_eq!(text(|out| date(0, out)), "1970-01-01");
        assert_eq!(text(|out| date(-1, out)), "1969-12-31");
        assert_eq!(date(i32::MAX, &mut String::new()), Err(out_of_range()));
        let micros = Form::Timestamp { nanos: 1_000, is_utc: true };
        assert_eq!(text(|out| micros.int64(1_700_000_000_123_456, out)), "2023-11-14T22:13:20.123456Z");
        let millis = Form::Timestamp { nanos: 1_000_000, is_utc: false };
        assert_eq!(text(|out| millis.int64(-1, out)), "1969-12-31T23:59:59.999");
        assert_eq!(text(|out| Form::Time { nanos: 1_000_000 }.int32(3_600_000, out)), "01:00:00");
        assert_eq!(text(|out| int96(&[1_000_000_000, 0, 2_440_588], out)), "1970-01-01T00:00:01");
    }

    #[test]
    fn numbers_of_16_bits_are_read() {
        for (bits, wanted) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x7bff, 65504.0)] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(wanted));
        }
        assert!(half(0x7e00).is_nan() && half(0xfc00).is_infinite());
    }

    #[test]
    fn unsigned_numbers_have_no_sign() {
        assert_eq!(text(|out| Form::Unsigned.int32(-1, out)), "4294967295");
        assert_eq!(text(|out| Form::Unsigned.int64(-1, out)), "18446744073709551615");
    }
}
