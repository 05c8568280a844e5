//! What a text says once its escapes and line breaks are resolved, with the place of every byte.

use std::ops::Range;

/// Most bytes that one byte may be written in: `\u0041`.
pub(super) const LONGEST_ESCAPE: usize = 6;

/// A text in another form.
pub(super) struct Reading {
    pub(super) text: Vec<u8>,
    /// Which bytes of the original each byte stands for.
    pub(super) places: Vec<Range<usize>>,
}

/// All readings of a text that differ from it. A break may cut an escape, and an escape may stand for a break.
pub(super) fn all(bytes: &[u8]) -> Vec<Reading> {
    let has = |byte: u8| bytes.contains(&byte);
    let escapes: [(u8, Unescape); 2] = [(b'%', url_escape), (b'\\', json_escape)];
    let escapes: Vec<Unescape> = escapes.into_iter().filter(|(mark, _)| has(*mark)).map(|(_, escape)| escape).collect();
    let has_breaks = has(b'\n') || has(b'\r');
    if escapes.is_empty() && !has_breaks {
        return Vec::new();
    }
    let plain = Reading::plain(bytes);
    let mut readings = if has_breaks { without_breaks(&plain) } else { Vec::new() };
    let joined: Vec<_> =
        readings.iter().flat_map(|joined| escapes.iter().filter_map(|escape| unescaped(joined, *escape))).collect();
    readings.extend(joined);
    for escape in escapes {
        if let Some(reading) = unescaped(&plain, escape) {
            readings.extend(without_breaks(&reading));
            readings.push(reading);
        }
    }
    readings
}

/// What a text begins with, if that is an escape, and how long it is written.
type Unescape = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

impl Reading {
    fn plain(bytes: &[u8]) -> Self {
        Self { text: bytes.to_vec(), places: (0..bytes.len()).map(|at| at..at + 1).collect() }
    }

    fn with_capacity(length: usize) -> Self {
        Self { text: Vec::with_capacity(length), places: Vec::with_capacity(length) }
    }

    fn push(&mut self, byte: u8, place: Range<usize>) {
        self.text.push(byte);
        self.places.push(place);
    }
}

/// Lines joined: as they are, and without their indentation where they have one.
fn without_breaks(reading: &Reading) -> Vec<Reading> {
    let mut joined = Reading::with_capacity(reading.text.len());
    let mut trimmed = Reading::with_capacity(reading.text.len());
    let (mut has_break, mut has_indent, mut at_start) = (false, false, false);
    for (&byte, place) in reading.text.iter().zip(&reading.places) {
        if byte == b'\n' || byte == b'\r' {
            (has_break, at_start) = (true, true);
            continue;
        }
        joined.push(byte, place.clone());
        at_start = at_start && (byte == b' ' || byte == b'\t');
        has_indent |= at_start;
        if !at_start {
            trimmed.push(byte, place.clone());
        }
    }
    let mut readings = Vec::new();
    if has_break {
        readings.push(joined);
    }
    if has_indent {
        readings.push(trimmed);
    }
    readings
}

fn url_escape(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    match rest {
        [b'%', high, low, ..] => Some((vec![digit(*high)? << 4 | digit(*low)?], 3)),
        _ => None,
    }
}

fn json_escape(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    match rest {
        [b'\\', b'u', digits @ ..] => {
            let unit = |digits: &[u8]| {
                let digits = digits.get(..4)?.iter().map(|byte| digit(*byte).map(u16::from));
                digits
                    .collect::<Option<Vec<u16>>>()
                    .map(|digits| digits.iter().fold(0, |unit, digit| unit << 4 | digit))
            };
            let first = unit(digits)?;
            let second = digits.get(4..6).filter(|mark| *mark == b"\\u").and_then(|_| unit(digits.get(6..)?));
            let (units, length) = match (first, second) {
                (0xd800..=0xdbff, Some(second)) => (vec![first, second], 12),
                _ => (vec![first], 6),
            };
            Some((String::from_utf16(&units).ok()?.into_bytes(), length))
        }
        [b'\\', letter, ..] => {
            let byte = match letter {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                b'"' | b'\\' | b'/' => *letter,
                _ => return None,
            };
            Some((vec![byte], 2))
        }
        _ => None,
    }
}

/// The reading with its escapes resolved, if it has any.
fn unescaped(of: &Reading, escape: Unescape) -> Option<Reading> {
    let bytes = of.text.as_slice();
    let mut reading = Reading::with_capacity(bytes.len());
    let (mut at, mut differs) = (0, false);
    while at < bytes.len() {
        let marks = bytes[at] == b'%' || bytes[at] == b'\\';
        if let Some((text, length)) = marks.then(|| escape(&bytes[at..])).flatten() {
            let place = of.places[at].start..of.places[at + length - 1].end;
            for byte in text {
                reading.push(byte, place.clone());
            }
            at += length;
            differs = true;
        } else {
            reading.push(bytes[at], of.places[at].clone());
            at += 1;
        }
    }
    differs.then_some(reading)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
