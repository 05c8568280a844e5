//! `Stored`: a row as a data set keeps it, packed: names once for all rows, numbers in eight bytes. A row of thirty
//! numbers takes some 400 bytes, a tenth of what it takes as JSON values, so that millions fit.

use std::sync::Arc;

use serde_json::{Number, Value};
use uuid::Uuid;

use super::data_sets::Row;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UNSIGNED: u8 = 3;
const SIGNED: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

/// A row with what the data set adds to it.
#[derive(Debug)]
pub(super) struct Stored {
    id: Uuid,
    at: Arc<str>,
    names: Arc<[String]>,
    /// A cell for each name, one after the other.
    cells: Box<[u8]>,
}

impl Stored {
    /// Packs a row. It shares its names with the row before it if they are the same.
    pub(super) fn new(row: &Row, at: &Arc<str>, before: Option<&Self>) -> Self {
        let names = match before {
            Some(before) if before.names.iter().eq(row.keys()) => Arc::clone(&before.names),
            _ => row.keys().cloned().collect(),
        };
        let mut cells = Vec::new();
        for value in row.values() {
            pack(value, &mut cells);
        }
        Self { id: Uuid::new_v4(), at: Arc::clone(at), names, cells: cells.into() }
    }

    pub(super) fn id(&self) -> String {
        self.id.to_string()
    }

    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let at = self.names.iter().position(|known| known == name)?;
        let mut cells = Cells(&self.cells);
        for _ in 0..at {
            cells.skip();
        }
        Some(cells.unpack())
    }

    pub(super) fn values(&self) -> Row {
        let mut cells = Cells(&self.cells);
        self.names.iter().map(|name| (name.clone(), cells.unpack())).collect()
    }
}

fn pack(value: &Value, cells: &mut Vec<u8>) {
    match value {
        Value::Null => cells.push(NULL),
        Value::Bool(value) => cells.push(if *value { TRUE } else { FALSE }),
        Value::Number(number) => {
            let (kind, bytes) = match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => (UNSIGNED, number.to_le_bytes()),
                (None, Some(number)) => (SIGNED, number.to_le_bytes()),
                (None, None) => (FLOAT, number.as_f64().unwrap_or_default().to_le_bytes()),
            };
            cells.push(kind);
            cells.extend(bytes);
        }
        Value::String(text) => {
            cells.push(TEXT);
            pack_text(text, cells);
        }
        Value::Array(items) => {
            cells.push(ARRAY);
            cells.extend((items.len() as u64).to_le_bytes());
            for item in items {
                pack(item, cells);
            }
        }
        Value::Object(members) => {
            cells.push(OBJECT);
            cells.extend((members.len() as u64).to_le_bytes());
            for (name, member) in members {
                pack_text(name, cells);
                pack(member, cells);
            }
        }
    }
}

fn pack_text(text: &str, cells: &mut Vec<u8>) {
    cells.extend((text.len() as u64).to_le_bytes());
    cells.extend(text.as_bytes());
}

/// What is left to read. `pack` wrote it, so it is whole.
struct Cells<'a>(&'a [u8]);

impl<'a> Cells<'a> {
    fn unpack(&mut self) -> Value {
        match self.take(1) {
            [FALSE] => Value::Bool(false),
            [TRUE] => Value::Bool(true),
            [UNSIGNED] => u64::from_le_bytes(self.eight()).into(),
            [SIGNED] => i64::from_le_bytes(self.eight()).into(),
            [FLOAT] => Number::from_f64(f64::from_le_bytes(self.eight())).map_or(Value::Null, Value::Number),
            [TEXT] => self.text().into(),
            [ARRAY] => (0..self.length()).map(|_| self.unpack()).collect(),
            [OBJECT] => (0..self.length()).map(|_| (self.text(), self.unpack())).collect(),
            _ => Value::Null,
        }
    }

    fn skip(&mut self) {
        match self.take(1) {
            [UNSIGNED | SIGNED | FLOAT] => drop(self.eight()),
            [TEXT] => self.skip_text(),
            [ARRAY] => (0..self.length()).for_each(|_| self.skip()),
            [OBJECT] => (0..self.length()).for_each(|_| {
                self.skip_text();
                self.skip();
            }),
            _ => {}
        }
    }

    fn text(&mut self) -> String {
        let length = self.length();
        String::from_utf8_lossy(self.take(length)).into_owned()
    }

    fn skip_text(&mut self) {
        let length = self.length();
        self.take(length);
    }

    fn length(&mut self) -> usize {
        usize::try_from(u64::from_le_bytes(self.eight())).unwrap_or_default()
    }

    fn eight(&mut self) -> [u8; 8] {
        self.take(8).try_into().unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Row {
        let row = json!({
            "none": null, "no": false, "yes": true, "zero": 0, "largest": u64::MAX, "smallest": i64::MIN,
            "float": 0.1 + 0.2, "whole": 3.0, "minus": -0.0, "tiny": f64::MIN_POSITIVE, "text": "ä\"\n", "empty": "",
            "probabilities": [0.25, 0.75], "nothing": [], "nested": {"a": [{"b": [null, "c"]}], "d": {}},
        });
        row.as_object().unwrap().clone()
    }

    #[test]
    fn a_row_comes_back_as_it_was_to_the_last_bit() {
        let (row, at) = (row(), Arc::from("now"));
        let stored = Stored::new(&row, &at, None);
        assert_eq!(stored.values(), row);
        assert_eq!(Value::Object(stored.values()).to_string(), Value::Object(row.clone()).to_string());
        for (name, value) in &row {
            assert_eq!(stored.get(name).as_ref(), Some(value), "{name}");
        }
        assert_eq!(stored.get("other"), None);
    }

    #[test]
    fn rows_of_the_same_names_share_them() {
        let at = Arc::from("now");
        let first = Stored::new(&row(), &at, None);
        let second = Stored::new(&row(), &at, Some(&first));
        let third = Stored::new(&Row::new(), &at, Some(&second));
        assert!(Arc::ptr_eq(&first.names, &second.names));
        assert_eq!((third.names.len(), third.values()), (0, Row::new()));
        assert_ne!(first.id(), second.id());
    }
}
