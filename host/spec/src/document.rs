//! A YAML text with the place of every value in it.
//!
//! `serde_yaml` gives values, but places only for its own errors; `places` gives the rest, from a marked parser.

use serde_json::{Map, Number, Value};
use serde_yaml::Value as Yaml;

use super::places::Places;
use super::problem::{Place, Problem};
use super::way::Way;

/// The longest spec that is read, in bytes: far more than anyone writes by hand.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A parsed text.
#[derive(Debug)]
pub struct Document {
    /// The whole document.
    pub value: Value,
    places: Places,
}

impl Document {
    /// Parses a text that holds exactly one document, a mapping. What is refused by YAML itself ends the reading; of
    /// other things all are told.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        if let Some(problem) = control_character(text) {
            return Err(vec![problem]);
        }
        let (places, mut problems) = Places::read(text)?;
        let parsed = serde_yaml::from_str(text).and_then(|mut value: Yaml| {
            // `<<` takes over the keys of another mapping.
            value.apply_merge()?;
            Ok(value)
        });
        let value = match parsed {
            Ok(value) => value,
            // What is told already has its place.
            Err(error) if problems.is_empty() => return Err(vec![refused(&error)]),
            Err(_) => return Err(problems),
        };
        let value = json(value, &Way::root(), &places, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        match value {
            Value::Object(_) => Ok(Self { value, places }),
            Value::Null => Err(vec![Problem::whole("the spec is empty")]),
            _ => Err(vec![Problem::at(
                Place::at(1, 1),
                "a spec is a mapping with `version`, `name`, `services`, `data` and `steps`",
            )]),
        }
    }

    /// A single value, as an argument gives it.
    pub fn scalar(text: &str) -> Result<Value, String> {
        let message =
            |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.message).next().unwrap_or_default();
        let (places, mut problems) = Places::read(text).map_err(message)?;
        let value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let value = json(value, &Way::root(), &places, &mut problems);
        if problems.is_empty() { Ok(value) } else { Err(message(problems)) }
    }

    /// Where a key stands, or else the value that it leads to.
    pub fn key_place(&self, way: &Way) -> Place {
        self.places.key(way).unwrap_or_else(|| self.place(way))
    }

    /// Where a value stands (a collection under a key: where the key does), or else the nearest one around it.
    pub fn place(&self, way: &Way) -> Place {
        self.places.around(way)
    }
}

/// One that YAML does not allow; the parsers say so with no place.
fn control_character(text: &str) -> Option<Problem> {
    let is_refused = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    let (n, line) = text.lines().enumerate().find(|(_, line)| line.contains(is_refused))?;
    let (column, found) = line.chars().enumerate().find(|(_, c)| is_refused(*c))?;
    let message = format!("the control character U+{:04X} cannot stand in YAML", u32::from(found));
    Some(
        Problem::at(Place::at(n + 1, column + 1), message)
            .hint("remove it, or write it in double quotes as `\\x1b` is"),
    )
}

fn refused(error: &serde_yaml::Error) -> Problem {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    // Of few things the library knows no place; they are of the whole document.
    Problem::at(error.location().map_or(Place::at(1, 1), |at| Place::at(at.line(), at.column())), message)
}

/// The same value as JSON has it.
fn json(value: Yaml, way: &Way, places: &Places, problems: &mut Vec<Problem>) -> Value {
    let mut wrong = |message: String| {
        problems.push(Problem::at(places.around(way), message));
        Value::Null
    };
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::String(value) => value.into(),
        Yaml::Number(number) => {
            let whole = number.as_i64().map(Number::from).or_else(|| number.as_u64().map(Number::from));
            match whole.or_else(|| number.as_f64().and_then(Number::from_f64)) {
                Some(number) => number.into(),
                None => wrong(format!("`{number}` is no finite number")),
            }
        }
        Yaml::Sequence(items) => {
            let items = items.into_iter().enumerate();
            items.map(|(n, item)| json(item, &way.to(n), places, problems)).collect()
        }
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (key, member) in members {
                let key = match key {
                    Yaml::String(key) => key,
                    Yaml::Number(key) => key.to_string(),
                    Yaml::Bool(key) => key.to_string(),
                    // Its place was told with it.
                    _ => continue,
                };
                let member = json(member, &way.to(&key), places, problems);
                object.insert(key, member);
            }
            object.into()
        }
        Yaml::Tagged(tagged) => wrong(format!("the tag `{}` has no meaning here", tagged.tag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keys_and_items_have_places() {
        let document = Document::parse("a: 1\nb:\n  - x\n  - c: 22\n").unwrap();

        assert_eq!(document.place(&Way::root().to("a")), Place { line: 1, column: 4, width: 1 });
        assert_eq!(document.place(&Way::root().to("b").to(1).to("c")), Place { line: 4, column: 8, width: 2 });
    }

    #[test]
    fn an_unknown_way_has_the_place_around_it() {
        let document = Document::parse("a:\n  b: 1\n").unwrap();

        assert_eq!(document.place(&Way::root().to("a").to("c")), Place::at(1, 1));
    }

    #[test]
    fn a_merged_mapping_brings_its_keys() {
        let document = Document::parse("a: &a {x: 1}\nb: {<<: *a, y: 2}\n").unwrap();

        assert_eq!(document.value["b"], serde_json::json!({"x": 1, "y": 2}));
    }
}
