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

/// All readings of a text that differ from it.
pub(super) fn all(bytes: &[u8]) -> Vec<Reading> {
    let has = |byte: u8| bytes.contains(&byte);
    let mut readings = Vec::new();
    if has(b'\n') || has(b'\r') {
        readings.extend(without_breaks(&Reading::plain(bytes)));
    }
    let escapes: [(u8, fn(&[u8]) -> Option<Reading>); 2] = [(b'%', url_unescaped), (b'\\', json_unescaped)];
    for (mark, unescaped) in escapes {
        if has(mark)
            && let Some(reading) = unescaped(bytes)
        {
            readings.extend(without_breaks(&reading));
            readings.push(reading);
        }
    }
    readings
}

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

fn url_unescaped(bytes: &[u8]) -> Option<Reading> {
    unescaped(bytes, |rest| match rest {
        [b'%', high, low, ..] => Some((vec![digit(*high)? << 4 | digit(*low)?], 3)),
        _ => None,
    })
}

fn json_unescaped(bytes: &[u8]) -> Option<Reading> {
    unescaped(bytes, |rest| match rest {
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
    })
}

/// The text with its escapes resolved: `escape` answers what the text begins with, and how long that is written.
fn unescaped(bytes: &[u8], escape: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> Option<Reading> {
    let mut reading = Reading::with_capacity(bytes.len());
    let (mut at, mut differs) = (0, false);
    while at < bytes.len() {
        let marks = bytes[at] == b'%' || bytes[at] == b'\\';
        if let Some((text, length)) = marks.then(|| escape(&bytes[at..])).flatten() {
            text.into_iter().for_each(|byte| reading.push(byte, at..at + length));
            at += length;
            differs = true;
        } else {
            reading.push(bytes[at], at..at + 1);
            at += 1;
        }
    }
    differs.then_some(reading)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
