//! A table as both services take it, `{"fields": […], "values": [[…], …]}`, written at once: rows come as JSON already, so
//! that no row is taken apart and put together again for each body that it goes into.

use serde::Serialize;
use serde_json::Value;

/// Such a table under way.
pub(crate) struct TableText {
    text: Vec<u8>,
    rows: usize,
}

impl TableText {
    /// A table with these columns.
    pub(crate) fn new<S: Serialize>(fields: &[S]) -> Self {
        let mut text = b"{\"fields\":".to_vec();
        append(&mut text, fields);
        text.extend(b",\"values\":[");
        Self { text, rows: 0 }
    }

    /// Adds a row: cells that are JSON already, then these.
    pub(crate) fn row(&mut self, cells: &[u8], more: &[&Value]) {
        self.text.extend(if self.rows == 0 { &b"["[..] } else { b",[" });
        self.text.extend(cells);
        for (n, cell) in more.iter().enumerate() {
            if n > 0 || !cells.is_empty() {
                self.text.push(b',');
            }
            append(&mut self.text, cell);
        }
        self.text.push(b']');
        self.rows += 1;
    }

    /// The whole table.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.text.extend(b"]}");
        self.text
    }
}

/// Appends a value's JSON.
pub(crate) fn append<S: Serialize + ?Sized>(text: &mut Vec<u8>, value: &S) {
    serde_json::to_writer(text, value).expect("a value has a JSON form");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_json() {
        let mut table = TableText::new(&["a", "b\"", "c"]);
        table.row(b"1,\"x\"", &[&json!([0.5])]);
        table.row(b"", &[&json!(2), &json!(null), &json!("y")]);
        let table: Value = serde_json::from_slice(&table.end()).unwrap();
        assert_eq!(table, json!({"fields": ["a", "b\"", "c"], "values": [[1, "x", [0.5]], [2, null, "y"]]}));
        let empty: Value = serde_json::from_slice(&TableText::new::<&str>(&[]).end()).unwrap();
        assert_eq!(empty, json!({"fields": [], "values": []}));
    }
}
