//! Where keys and values stand, from a marked parser's events. What YAML allows and a spec must not have is refused
//! here, before anything is built from the text.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Place, Problem};
use super::way::Way;

/// Levels of nesting that are read.
const MAX_DEPTH: usize = 64;
/// Values that a spec may have once its aliases stand for what they name.
const MAX_VALUES: usize = 20_000;
/// Bytes that the ways to all values may have together: long keys around many values add up.
const MAX_WAYS: usize = 16 << 20;

/// Places by way.
#[derive(Debug, Default)]
pub(super) struct Places {
    keys: HashMap<Way, Place>,
    values: HashMap<Way, Place>,
}

/// A collection that is being read.
struct Open {
    way: Way,
    anchor: usize,
    /// Values in it so far, itself included.
    values: usize,
    inside: Inside,
}

enum Inside {
    Sequence { next: usize },
    Mapping { key: Option<Way> },
}

impl Places {
    pub(super) fn key(&self, way: &Way) -> Option<Place> {
        self.keys.get(way).copied()
    }

    pub(super) fn value(&self, way: &Way) -> Option<Place> {
        self.values.get(way).copied()
    }

    /// Reads a text. An error of YAML ends the reading and is the only one.
    pub(super) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker();
                vec![unreadable(text, Place::at(at.line().max(1), at.col() + 1), error.info())]
            })?;
            reader.take(&event, span).map_err(|problem| vec![problem])?;
        }
        if reader.problems.is_empty() { Ok(reader.places) } else { Err(reader.problems) }
    }
}

#[derive(Default)]
struct Reader {
    places: Places,
    open: Vec<Open>,
    documents: usize,
    /// How many values each anchor stands for.
    anchors: HashMap<usize, usize>,
    values: usize,
    /// Bytes of all ways.
    ways: usize,
    problems: Vec<Problem>,
}

impl Reader {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), Problem> {
        let place = place(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Problem::at(place, "a spec is one YAML document, and a second one starts here"));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                if let Some(Open { way, inside: Inside::Mapping { key: key @ None }, .. }) = self.open.last_mut() {
                    let way = way.to(text);
                    self.ways += way.as_str().len();
                    if self.ways > MAX_WAYS {
                        return Err(Problem::at(place, "the keys up to here are too long and too many"));
                    }
                    *key = Some(way.clone());
                    if let Some(first) = self.places.keys.insert(way, place) {
                        self.problems.push(Problem::at(
                            place,
                            format!("the key `{text}` stands here for the second time, first in line {}", first.line),
                        ));
                    }
                } else {
                    let way = self.next();
                    self.places.values.insert(way, place);
                    self.count(1, *anchor, place)?;
                    if *style == ScalarStyle::Plain && is_too_large(text) {
                        let hint = format!("put it in quotes if it is a text: \"{text}\"");
                        self.problems.push(Problem::at(place, "this number is too large").hint(hint));
                    }
                }
            }
            Event::Alias(anchor) => {
                let way = self.next();
                self.places.values.insert(way, place);
                let values = self.anchors.get(anchor).copied().unwrap_or(1);
                self.count(values, 0, place)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(*anchor, Inside::Sequence { next: 0 }, place)?,
            Event::MappingStart(anchor, _) => self.begin(*anchor, Inside::Mapping { key: None }, place)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { anchor, values, .. }) = self.open.pop() {
                    self.anchors.insert(anchor, values);
                    if let Some(around) = self.open.last_mut() {
                        around.values += values;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, inside: Inside, place: Place) -> Result<(), Problem> {
        let way = self.next();
        let key = self.places.keys.get(&way).copied();
        self.places.values.insert(way.clone(), key.unwrap_or(Place { width: 1, ..place }));
        self.values += 1;
        self.open.push(Open { way, anchor, values: 1, inside });
        if self.open.len() > MAX_DEPTH {
            return Err(Problem::at(place, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    /// Counts values, those that an alias stands for too.
    fn count(&mut self, values: usize, anchor: usize, place: Place) -> Result<(), Problem> {
        self.anchors.insert(anchor, values);
        self.values = self.values.saturating_add(values);
        self.ways += self.open.last().map_or(0, |around| around.way.as_str().len());
        if let Some(around) = self.open.last_mut() {
            around.values = around.values.saturating_add(values);
        }
        if self.ways > MAX_WAYS || self.values > MAX_VALUES {
            return Err(Problem::at(place, format!("the spec has more than {MAX_VALUES} values up to here")));
        }
        Ok(())
    }

    /// The way of the value that starts now.
    fn next(&mut self) -> Way {
        match self.open.last_mut() {
            None => Way::root(),
            Some(Open { way, inside: Inside::Sequence { next }, .. }) => {
                *next += 1;
                way.to(*next - 1)
            }
            // A collection as a key has no way of its own; it is refused later.
            Some(Open { way, inside: Inside::Mapping { key }, .. }) => key.take().unwrap_or_else(|| way.clone()),
        }
    }
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX / 2 };
    Place { line: start.line().max(1), column: start.col() + 1, width: width.max(1) }
}

/// Digits that no number of 64 bits holds: the libraries would refuse them, each in its own words.
fn is_too_large(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 18
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
        && text.parse::<u64>().is_err()
}

/// What the parser refuses. A tab is the one mistake that cannot be seen.
fn unreadable(text: &str, place: Place, reason: &str) -> Problem {
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let indentation = line.len() - line.trim_start().len();
    match line[..indentation].find('\t') {
        Some(at) => Problem::at(Place::at(place.line, at + 1), "this line is indented with a tab, which YAML refuses")
            .hint("indent with spaces"),
        None => Problem::at(place, format!("this is not YAML: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Problem {
        Places::read(text).unwrap_err().remove(0)
    }

    #[test]
    fn a_second_document_is_refused() {
        assert_eq!(problem("a: 1\n---\nb: 2\n").place.unwrap().line, 2);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(problem(&"[".repeat(200)).message, "nested deeper than 64 levels");
    }

    #[test]
    fn aliases_are_counted_for_what_they_stand_for() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..30 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
            text = format!("{text}a{n}: &a{n} [{aliases}]\n");
        }

        assert_eq!(problem(&text).message, "the spec has more than 20000 values up to here");
    }

    #[test]
    fn every_doubled_key_is_told() {
        let problems = Places::read("a: 1\nb: {c: 1, c: 2}\na: 2\n").unwrap_err();

        let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
        assert_eq!(
            messages,
            [
                "the key `c` stands here for the second time, first in line 2",
                "the key `a` stands here for the second time, first in line 1"
            ]
        );
    }

    #[test]
    fn a_number_that_is_too_large_is_told_as_such() {
        assert_eq!(problem("a: 99999999999999999999999").message, "this number is too large");
    }
}
