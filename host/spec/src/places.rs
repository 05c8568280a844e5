//! Where keys and values stand, from a marked parser's events. What YAML allows and a spec must not have is refused
//! here, before anything is built from the text.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_yaml::Value as Yaml;

use super::problem::{Place, Problem};
use super::way::Way;

/// Levels of nesting that are read.
const MAX_DEPTH: usize = 64;
/// Values that a spec may have once its aliases stand for what they name.
const MAX_VALUES: usize = 20_000;
/// Bytes of text that a spec may have once its aliases stand for what they name.
const MAX_TEXT: usize = 4 << 20;
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
    /// What is in it so far, itself included.
    size: Size,
    inside: Inside,
    /// Whether it stands where a key should.
    is_key: bool,
    /// Whether it has nothing but mappings in it.
    of_mappings: bool,
}

enum Inside {
    Sequence { next: usize },
    Mapping { key: Option<Way> },
}

/// How much an alias or a collection stands for.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.text = self.text.saturating_add(other.text);
    }
}

/// What an anchor names.
#[derive(Debug, Clone)]
struct Anchor {
    size: Size,
    kind: Kind,
    /// What it is as a key, if it can be one.
    key: Option<String>,
}

/// What a value is, as far as `<<` cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mapping,
    Mappings,
    Other,
}

impl Places {
    pub(super) fn key(&self, way: &Way) -> Option<Place> {
        self.keys.get(way).copied()
    }

    pub(super) fn value(&self, way: &Way) -> Option<Place> {
        self.values.get(way).copied()
    }

    /// Where a value stands, or else the nearest one around it.
    pub(super) fn around(&self, way: &Way) -> Place {
        let mut way = way.clone();
        loop {
            if let Some(place) = self.value(&way) {
                return place;
            }
            match way.up() {
                Some((up, _)) => way = up,
                None => return Place::at(1, 1),
            }
        }
    }

    /// Reads a text. An error of YAML ends the reading and is the only one; other things that a spec must not have are
    /// answered beside the places.
    pub(super) fn read(text: &str) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut reader = Reader::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker();
                vec![unreadable(text, Place::at(at.line().max(1), at.col() + 1), error.info())]
            })?;
            reader.take(&event, span).map_err(|problem| vec![problem])?;
        }
        Ok((reader.places, reader.problems))
    }
}

#[derive(Default)]
struct Reader {
    places: Places,
    open: Vec<Open>,
    documents: usize,
    anchors: HashMap<usize, Anchor>,
    /// All values so far.
    size: Size,
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
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = *style == ScalarStyle::Plain && tag.is_none();
                let key = if is_plain { plain_key(text) } else { (!is_own(tag.as_deref())).then(|| text.to_string()) };
                let size = Size { values: 1, text: text.len() };
                self.anchors.insert(*anchor, Anchor { size, kind: Kind::Other, key: key.clone() });
                if *style == ScalarStyle::Plain && is_too_large(text) {
                    let hint = format!("put it in quotes if it is a text: \"{text}\"");
                    self.problems.push(Problem::at(place, "this number is too large").hint(hint));
                }
                if self.awaits_key() {
                    self.key(key, size, place)?;
                } else {
                    self.value(Kind::Other, size, place)?;
                }
            }
            Event::Alias(anchor) => {
                let size = Size { values: 1, text: 0 };
                let anchor = self.anchors.get(anchor).cloned().unwrap_or(Anchor { size, kind: Kind::Other, key: None });
                if self.awaits_key() {
                    self.key(anchor.key, anchor.size, place)?;
                } else {
                    self.value(anchor.kind, anchor.size, place)?;
                }
            }
            Event::SequenceStart(anchor, tag) => {
                let kind = if is_own(tag.as_deref()) { Kind::Other } else { Kind::Mappings };
                self.begin(*anchor, kind, Inside::Sequence { next: 0 }, place)?;
            }
            Event::MappingStart(anchor, tag) => {
                let kind = if is_own(tag.as_deref()) { Kind::Other } else { Kind::Mapping };
                self.begin(*anchor, kind, Inside::Mapping { key: None }, place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => {}
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Mapping { key: None }, .. }))
    }

    /// Takes a key of the innermost mapping; none is one that cannot be a text.
    fn key(&mut self, name: Option<String>, size: Size, place: Place) -> Result<(), Problem> {
        let Some(Open { way, inside: Inside::Mapping { key }, size: around, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        let Some(name) = name else {
            *key = Some(way.to("?"));
            self.problems.push(Problem::at(place, "a key is a text").hint("put it in quotes if it is a text"));
            return Ok(());
        };
        around.text = around.text.saturating_add(size.text);
        self.size.text = self.size.text.saturating_add(size.text);
        let way = way.to(&name);
        *key = Some(way.clone());
        self.ways += way.as_str().len();
        if self.ways > MAX_WAYS {
            return Err(Problem::at(place, "the keys up to here are too long and too many"));
        }
        if let Some(first) = self.places.keys.insert(way, place) {
            let message = format!("the key `{name}` stands here for the second time, first in line {}", first.line);
            self.problems.push(Problem::at(place, message));
        }
        Ok(())
    }

    /// Takes a value that is no collection, or an alias.
    fn value(&mut self, kind: Kind, size: Size, place: Place) -> Result<(), Problem> {
        let way = self.next();
        self.check_merge(&way, kind, place);
        self.places.values.insert(way, place);
        self.size.add(size);
        self.ways += self.open.last().map_or(0, |around| around.way.as_str().len());
        if let Some(around) = self.open.last_mut() {
            around.size.add(size);
            around.of_mappings &= kind == Kind::Mapping;
        }
        self.check_size(place)
    }

    fn begin(&mut self, anchor: usize, kind: Kind, inside: Inside, place: Place) -> Result<(), Problem> {
        let is_key = self.awaits_key();
        if is_key {
            let message = "a key is a text";
            self.problems.push(Problem::at(Place { width: 1, ..place }, message));
        }
        let way =
            if is_key { self.open.last().map_or_else(Way::root, |around| around.way.to("?")) } else { self.next() };
        self.check_merge(&way, kind, Place { width: 1, ..place });
        let key = self.places.keys.get(&way).copied();
        self.places.values.insert(way.clone(), key.unwrap_or(Place { width: 1, ..place }));
        if let Some(around) = self.open.last_mut() {
            around.of_mappings &= kind == Kind::Mapping;
        }
        let size = Size { values: 1, text: 0 };
        self.size.add(size);
        let of_mappings = kind != Kind::Other;
        self.open.push(Open { way, anchor, size, inside, is_key, of_mappings });
        if self.open.len() > MAX_DEPTH {
            return Err(Problem::at(place, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.check_size(place)
    }

    fn end(&mut self) {
        let Some(Open { way, anchor, size, inside, is_key, of_mappings }) = self.open.pop() else { return };
        let kind = match inside {
            Inside::Mapping { .. } => Kind::Mapping,
            Inside::Sequence { .. } if of_mappings => Kind::Mappings,
            Inside::Sequence { .. } => Kind::Other,
        };
        self.anchors.insert(anchor, Anchor { size, kind, key: None });
        match self.open.last_mut() {
            Some(Open { inside: Inside::Mapping { key }, .. }) if is_key => *key = Some(way),
            Some(around) => around.size.add(size),
            None => {}
        }
    }

    /// `<<` takes over the keys of a mapping, or of each of a list; the library says of others only that they are wrong.
    fn check_merge(&mut self, way: &Way, kind: Kind, place: Place) {
        let Some((around, key)) = way.up() else { return };
        let is_item = around.up().is_some_and(|(_, key)| key == "<<");
        let fits = match (key, is_item) {
            ("<<", _) => kind != Kind::Other,
            (_, true) if matches!(self.open.last(), Some(Open { inside: Inside::Sequence { .. }, .. })) => {
                kind == Kind::Mapping
            }
            _ => true,
        };
        if !fits {
            let message = "`<<` takes over the keys of a mapping, and this is none";
            self.problems.push(Problem::at(place, message));
        }
    }

    fn check_size(&self, place: Place) -> Result<(), Problem> {
        if self.ways > MAX_WAYS || self.size.values > MAX_VALUES {
            return Err(Problem::at(place, format!("the spec has more than {MAX_VALUES} values up to here")));
        }
        if self.size.text > MAX_TEXT {
            let message = format!("the spec has more than {MAX_TEXT} bytes of text up to here, aliases counted");
            return Err(Problem::at(place, message));
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
            Some(Open { way, inside: Inside::Mapping { key }, .. }) => key.take().unwrap_or_else(|| way.clone()),
        }
    }
}

/// Whether a tag is none of YAML's own.
fn is_own(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| !tag.is_yaml_core_schema())
}

/// What a key without quotes is once YAML has read it: `0x10` is `16`, and `~` is none.
fn plain_key(text: &str) -> Option<String> {
    let may_be_other =
        |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '~' | 't' | 'T' | 'f' | 'F' | 'n' | 'N');
    if !text.chars().next().is_none_or(may_be_other) {
        return Some(text.to_owned());
    }
    match serde_yaml::from_str(text) {
        Ok(Yaml::Null) => None,
        Ok(Yaml::Bool(value)) => Some(value.to_string()),
        Ok(Yaml::Number(value)) => Some(value.to_string()),
        _ => Some(text.to_owned()),
    }
}

fn place(span: Span) -> Place {
    let (start, end) = (span.start, span.end);
    let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX / 2 };
    Place { line: start.line().max(1), column: start.col() + 1, width: width.max(1) }
}

/// Digits that no number of 64 bits holds: the libraries would refuse them, each in its own words.
fn is_too_large(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let fits = match u64::from_str_radix(digits, radix) {
        Ok(number) => !text.starts_with('-') || number <= i64::MIN.unsigned_abs(),
        Err(_) => false,
    };
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) && !fits
}

/// What the parser refuses. A tab is the one mistake that cannot be seen.
fn unreadable(text: &str, place: Place, reason: &str) -> Problem {
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let indentation = line.len() - line.trim_start().len();
    if let Some(at) = line[..indentation].find('\t') {
        let message = "this line is indented with a tab, which YAML refuses";
        return Problem::at(Place::at(place.line, at + 1), message).hint("indent with spaces");
    }
    // What is wrong may be the blank right before it.
    let before: Vec<char> = line.chars().take(place.column - 1).collect();
    let blanks = before.iter().rev().take_while(|c| c.is_whitespace()).count();
    match before[before.len() - blanks..].iter().position(|c| *c == '\t') {
        Some(at) => Problem::at(Place::at(place.line, before.len() - blanks + at + 1), "YAML refuses a tab here")
            .hint("write a space instead"),
        None => Problem::at(place, format!("this is not YAML: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Problem {
        Places::read(text).map_or_else(|problems| problems, |(_, problems)| problems).remove(0)
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
        let (_, problems) = Places::read("a: 1\nb: {c: 1, c: 2}\na: 2\n").unwrap();

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
    fn a_text_is_counted_as_often_as_it_is_named() {
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 50].join(", "));

        assert_eq!(problem(&text).message, "the spec has more than 4194304 bytes of text up to here, aliases counted");
    }

    #[test]
    fn a_key_stands_where_it_is_however_it_is_read() {
        let (places, problems) = Places::read("a: &a x\n0x10: 1\n*a : 2\n1: 3\n? true\n: 4\n").unwrap();

        assert_eq!(problems, []);
        for (key, line) in [("a", 1), ("16", 2), ("x", 3), ("1", 4), ("true", 5)] {
            assert_eq!(places.key(&Way::root().to(key)).unwrap().line, line, "{key}");
        }
    }

    #[test]
    fn what_cannot_be_a_key_or_be_merged_is_told_where_it_stands() {
        let text = "~: 1\n[a, b]: {c: 2}\nd: &d {e: [3, f]}\n*d : 4\ng: {<<: 5}\nh: {<<: [*d, 6]}\ni: &i [7]\nj: {<<: *i}\n\
                    k: {<<: [*d, {l: 8}]}\n!m n: 9\n";

        let (places, problems) = Places::read(text).unwrap();

        let found: Vec<_> = problems.iter().map(|problem| (problem.place.unwrap().line, &*problem.message)).collect();
        let (key, merge) = ("a key is a text", "`<<` takes over the keys of a mapping, and this is none");
        assert_eq!(found, [(1, key), (2, key), (4, key), (5, merge), (6, merge), (8, merge), (10, key)]);
        assert_eq!(places.value(&Way::root().down("/d/e/1")).unwrap().column, 15);
    }

    #[test]
    fn a_tab_that_the_parser_refuses_is_told_as_such() {
        let found = problem("a:\n  - b:\tc\n");
        assert_eq!((found.message.as_str(), found.place), ("YAML refuses a tab here", Some(Place::at(2, 7))));
    }

    #[test]
    fn a_number_that_is_too_large_is_told_as_such() {
        for text in ["99999999999999999999999", "0x7ffffffffffffffff", "-9223372036854775809", "0b1{}"] {
            let text = text.replace("{}", &"0".repeat(64));
            assert_eq!(problem(&format!("a: {text}")).message, "this number is too large", "{text}");
            assert_eq!(problem(&format!("{text}: a")).message, "this number is too large", "{text}");
        }
        for text in ["18446744073709551615", "-9223372036854775808", "0xffffffffffffffff", "0x", "1e99"] {
            assert_eq!(Places::read(&format!("a: {text}")).unwrap().1, [], "{text}");
        }
    }
}
