//! Tables of values, in whichever form they are then written.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::number::decimal;

/// Most characters of a cell of a file.
const MAX_TEXT: usize = 2000;

/// Rows of cells.
pub(super) struct Grid {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What each row tells; plain where nothing is said.
    tones: Vec<Tone>,
}

/// How what a row tells looks, beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Missed,
    Failed,
}

/// A text, and the number that it stands for.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) number: Option<f64>,
}

impl Grid {
    /// An array of objects as rows, an object as pairs.
    pub(super) fn of(value: &Value) -> Self {
        let items = match value {
            Value::Object(members) => return Self::pairs(members),
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let header = columns(items);
        let row = |item: &Value| match header.as_slice() {
            [] => vec![Cell::of(item)],
            names => names.iter().map(|name| item.get(name).map_or(Cell::text(""), Cell::of)).collect(),
        };
        let rows = items.iter().map(row).collect();
        Self::of_rows(header, rows)
    }

    /// Names and values, without a header.
    pub(super) fn pairs<'a>(members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        let rows = members.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::of(value)]);
        Self::of_rows(Vec::new(), rows.collect())
    }

    /// Texts below a header.
    pub(super) fn new(header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        Self::of_rows(header.iter().map(|&name| name.to_owned()).collect(), rows.into_iter().collect())
    }

    pub(super) fn of_rows(header: Vec<String>, rows: Vec<Vec<Cell>>) -> Self {
        Self { header, rows, tones: Vec::new() }
    }

    /// The same with what each row tells.
    pub(super) fn toned(self, tones: impl IntoIterator<Item = Tone>) -> Self {
        Self { tones: tones.into_iter().collect(), ..self }
    }

    /// What a row tells.
    pub(super) fn tone(&self, row: usize) -> Tone {
        self.tones.get(row).copied().unwrap_or(Tone::Plain)
    }
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: None }
    }

    pub(super) fn number(number: f64, text: impl Into<String>) -> Self {
        Self { text: text.into(), number: Some(number) }
    }

    /// As a file has it, which a step cannot make as long as it likes.
    pub(super) fn clipped(&self) -> Cow<'_, str> {
        match self.text.char_indices().nth(MAX_TEXT) {
            Some((end, _)) => format!("{}…", &self.text[..end]).into(),
            None => self.text.as_str().into(),
        }
    }

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::text("-"),
            Value::String(text) => Self::text(text),
            Value::Bool(true) => Self::text("yes"),
            Value::Bool(false) => Self::text("no"),
            Value::Number(number) => {
                let float = number.as_f64();
                let text = match float {
                    Some(float) if !number.is_i64() && !number.is_u64() => decimal(float),
                    _ => number.to_string(),
                };
                Self { text, number: float }
            }
            other => Self::text(other.to_string()),
        }
    }
}

/// The keys of all objects, in the order of their first use.
fn columns(items: &[Value]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for key in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    columns
}
