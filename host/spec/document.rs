//! A YAML text with the place of every value in it.
//!
//! `serde_yaml` gives values, but places only for its own errors; a marked parser beside it gives the rest.

use std::collections::HashMap;
use std::fmt::Write as _;

use saphyr_parser::{Event, Parser};
use serde_yaml::Value;

use super::problem::Problem;

/// The longest spec that is read, in bytes: far more than anyone writes by hand.
const MAX_BYTES: usize = 1 << 20;
/// Levels of nesting that are read.
const MAX_DEPTH: usize = 64;

/// The way to a value: keys and indices, each written `/key`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Way(String);

impl Way {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value under a key or an index.
    #[must_use]
    pub fn to(&self, key: impl std::fmt::Display) -> Self {
        let mut way = self.0.clone();
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        let _ = write!(way, "/{key}"); // writing to a String cannot fail
        Self(way)
    }

    /// The value that a JSON pointer leads to from here.
    #[must_use]
    pub fn down(&self, pointer: &str) -> Self {
        Self(format!("{}{pointer}", self.0))
    }

    fn up(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(way, _)| Self(way.to_owned()))
    }
}

/// A parsed text.
#[derive(Debug)]
pub struct Document {
    /// The whole document.
    pub value: Value,
    places: Places,
}

impl Document {
    /// Parses a text that holds exactly one document, a mapping.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_BYTES {
            return Err(Problem::whole(format!("the spec has {} bytes, more than {MAX_BYTES}", text.len())));
        }
        let places = Places::read(text)?;
        let value: Value = serde_yaml::from_str(text).map_err(|error| {
            let place = error.location().map(|at| (at.line(), at.column()));
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
            Problem { place, message, hint: None }
        })?;
        match value {
            Value::Mapping(_) => Ok(Self { value, places }),
            Value::Null => Err(Problem::whole("the spec is empty")),
            _ => Err(Problem::at((1, 1), "a spec is a mapping with `version`, `name`, `services`, `data` and `steps`")),
        }
    }

    /// Where a key stands, or else the value that it leads to.
    pub fn key_place(&self, way: &Way) -> (usize, usize) {
        self.places.keys.get(way).copied().unwrap_or_else(|| self.place(way))
    }

    /// Where a value stands (a collection under a key: where the key does), or else the nearest one around it.
    pub fn place(&self, way: &Way) -> (usize, usize) {
        let mut way = way.clone();
        loop {
            if let Some(place) = self.places.values.get(&way) {
                return *place;
            }
            match way.up() {
                Some(up) => way = up,
                None => return (1, 1),
            }
        }
    }
}

/// Where keys and values stand, from the marked parser's events.
#[derive(Debug, Default)]
struct Places {
    keys: HashMap<Way, (usize, usize)>,
    values: HashMap<Way, (usize, usize)>,
}

/// A collection that is being read.
enum Open {
    Sequence { way: Way, next: usize },
    Mapping { way: Way, key: Option<Way> },
}

impl Places {
    fn read(text: &str) -> Result<Self, Problem> {
        let mut places = Self::default();
        let mut open: Vec<Open> = Vec::new();
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker();
                Problem::at((at.line(), at.col() + 1), error.info())
            })?;
            let place = (span.start.line(), span.start.col() + 1);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Problem::at(place, "a spec is one YAML document, and a second one starts here"));
                    }
                }
                Event::Scalar(text, ..) => {
                    if let Some(Open::Mapping { way, key: key @ None }) = open.last_mut() {
                        let way = way.to(text);
                        places.keys.insert(way.clone(), place);
                        *key = Some(way);
                    } else {
                        let way = Self::next(&mut open);
                        places.values.insert(way, place);
                    }
                }
                Event::Alias(_) => {
                    let way = Self::next(&mut open);
                    places.values.insert(way, place);
                }
                Event::SequenceStart(..) => {
                    let way = Self::next(&mut open);
                    let key = places.keys.get(&way).copied();
                    places.values.insert(way.clone(), key.unwrap_or(place));
                    open.push(Open::Sequence { way, next: 0 });
                }
                Event::MappingStart(..) => {
                    let way = Self::next(&mut open);
                    let key = places.keys.get(&way).copied();
                    places.values.insert(way.clone(), key.unwrap_or(place));
                    open.push(Open::Mapping { way, key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                }
                _ => {}
            }
            if open.len() > MAX_DEPTH {
                return Err(Problem::at(place, format!("nested deeper than {MAX_DEPTH} levels")));
            }
        }
        Ok(places)
    }

    /// The way of the value that starts now.
    fn next(open: &mut [Open]) -> Way {
        match open.last_mut() {
            None => Way::root(),
            Some(Open::Sequence { way, next }) => {
                *next += 1;
                way.to(*next - 1)
            }
            // A collection as a key has no way of its own; serde_yaml refuses it later.
            Some(Open::Mapping { way, key }) => key.take().unwrap_or_else(|| way.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keys_and_items_have_places() {
        let document = Document::parse("a: 1\nb:\n  - x\n  - c: 2\n").unwrap();

        assert_eq!(document.place(&Way::root().to("a")), (1, 4));
        assert_eq!(document.place(&Way::root().to("b").to(1).to("c")), (4, 8));
    }

    #[test]
    fn an_unknown_way_has_the_place_around_it() {
        let document = Document::parse("a:\n  b: 1\n").unwrap();

        assert_eq!(document.place(&Way::root().to("a").to("c")), (1, 1));
    }

    #[test]
    fn a_second_document_is_refused() {
        let problem = Document::parse("a: 1\n---\nb: 2\n").unwrap_err();

        assert_eq!(problem.place, Some((2, 1)));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let problem = Document::parse(&"[".repeat(200)).unwrap_err();

        assert_eq!(problem.message, "nested deeper than 64 levels");
    }
}
