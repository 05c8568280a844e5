//! A data set as a stream of typed rows: CSV after RFC 4180 with a header, columns found by name.

use std::fs::File;
use std::io::{Chain, Read};

use csv::{ByteRecord, ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Terminator};
use serde_json::{Number, Value};

use crate::{Failure, Field, FieldType};

/// Put after the file: its last record then ends in a line feed as all others do, and only a quote that is never
/// closed swallows both.
const AFTER: &[u8] = b"\n\n";

/// How much of a cell a message quotes.
const QUOTED: usize = 40;

/// A CSV file, read row by row.
pub struct Table {
    name: String,
    reader: Reader<Chain<File, &'static [u8]>>,
    length: u64,
    record: StringRecord,
    header: Vec<String>,
    columns: Vec<Column>,
    rows: u64,
}

/// One row: a cell per field, in the order of the fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Line of the file on which the row begins; with line feeds in quotes it ends on a later one.
    pub line: u64,
    /// Numbers and texts; null for an empty cell.
    pub cells: Vec<Value>,
}

#[derive(Clone, Copy)]
struct Column {
    index: usize,
    kind: FieldType,
}

impl Table {
    /// Reads the header; `name` is what messages call the file. Until [`Self::select`] the rows have all columns, as
    /// texts.
    pub fn open(file: File, name: &str) -> Result<Self, Failure> {
        let length = file.metadata().map_err(|error| unreadable(name, &error))?.len();
        // Records end at the line feed, and `cell` takes the carriage return off: in its own CRLF mode the reader
        // is a line behind.
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut table = Self {
            name: name.to_owned(),
            reader: reader.from_reader(file.chain(AFTER)),
            length,
            record: StringRecord::new(),
            header: Vec::new(),
            columns: Vec::new(),
            rows: 0,
        };
        if !table.advance()? {
            return Err(Failure::invalid_input(format!("`{name}` is empty")));
        }
        table.header = (0..table.record.len()).map(|index| table.cell(index).to_owned()).collect();
        table.columns = (0..table.header.len()).map(|index| Column { index, kind: FieldType::String }).collect();
        Ok(table)
    }

    /// How many rows a file has: one quick look over all of it, so that progress can be told. What cannot be read is not
    /// counted; it is told when the rows are.
    pub fn count(file: File) -> u64 {
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut reader = reader.from_reader(file);
        let (mut record, mut records) = (ByteRecord::new(), 0u64);
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let blank = record.len() == 1 && matches!(&record[0], b"" | b"\r");
            records += u64::from(!blank);
        }
        records.saturating_sub(1)
    }

    /// What messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Makes the rows that follow have a cell per field, in the order of the fields and of their types. Every field
    /// must be a column; the columns that none names are left out.
    pub fn select(mut self, fields: &[Field]) -> Result<Self, Failure> {
        let (mut columns, mut missing) = (Vec::new(), Vec::new());
        for field in fields {
            let mut found = self.header.iter().enumerate().filter(|(_, column)| **column == field.name);
            match (found.next(), found.next()) {
                (None, _) => missing.push(format!("`{}`", field.name)),
                (Some((index, _)), None) => columns.push(Column { index, kind: field.r#type }),
                (_, Some(_)) => {
                    let text = format!("`{}` has several columns `{}`", self.name, field.name);
                    return Err(Failure::invalid_input(text));
                }
            }
        }
        if !missing.is_empty() {
            let word = if missing.len() == 1 { "column" } else { "columns" };
            let text = format!("`{}` lacks the {word} {}", self.name, missing.join(", "));
            return Err(Failure::invalid_input(text));
        }
        self.columns = columns;
        Ok(self)
    }

    /// Reads the next record that is no blank line; false at the end of the file.
    fn advance(&mut self) -> Result<bool, Failure> {
        loop {
            if !self.reader.read_record(&mut self.record).map_err(|error| self.broken(&error))? {
                return Ok(false);
            }
            if self.reader.position().byte() >= self.length + AFTER.len() as u64 {
                // What it swallowed is not followed by a line feed.
                let line = self.line_of(self.record.len() - 1) + 1;
                return Err(self.wrong(line, "a quote is never closed"));
            }
            if self.record.len() > 1 || !self.cell(0).is_empty() {
                return Ok(true);
            }
        }
    }

    fn read_row(&mut self) -> Result<Option<Row>, Failure> {
        if !self.advance()? {
            if self.rows == 0 {
                return Err(Failure::invalid_input(format!("`{}` has a header and no rows", self.name)));
            }
            return Ok(None);
        }
        let line = self.line_of(0);
        if self.record.len() != self.header.len() {
            let text = format!("{} cells under a header of {}", self.record.len(), self.header.len());
            return Err(self.wrong(line, &text));
        }
        self.rows += 1;
        let cells = self.columns.iter().map(|column| {
            let cell = self.cell(column.index);
            read(cell, column.kind).map_err(|wanted| {
                let quoted: String = cell.chars().take_while(|char| *char != '\n').take(QUOTED).collect();
                let text = format!(
                    "column `{}`: `{}` is not {wanted}",
                    self.header[column.index],
                    quoted.trim_end_matches('\r')
                );
                self.wrong(self.line_of(column.index), &text)
            })
        });
        Ok(Some(Row { line, cells: cells.collect::<Result<_, _>>()? }))
    }

    fn cell(&self, index: usize) -> &str {
        let cell = &self.record[index];
        if index + 1 == self.record.len() { cell.strip_suffix('\r').unwrap_or(cell) } else { cell }
    }

    /// The line on which a cell begins: counted back from the record's end, as the reader counts the blank lines
    /// before a record to it.
    fn line_of(&self, index: usize) -> u64 {
        let below: usize = self.record.iter().skip(index).map(|cell| cell.matches('\n').count()).sum();
        self.reader.position().line().saturating_sub(1 + below as u64)
    }

    fn wrong(&self, line: u64, text: &str) -> Failure {
        Failure::invalid_input(format!("`{}` line {line}: {text}", self.name))
    }

    fn broken(&self, error: &csv::Error) -> Failure {
        match error.kind() {
            ErrorKind::Utf8 { .. } => self.wrong(error.position().map_or(0, Position::line), "not UTF-8"),
            _ => unreadable(&self.name, error),
        }
    }
}

impl Iterator for Table {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_row().transpose()
    }
}

/// The cell's value, or what it should have been.
fn read(cell: &str, kind: FieldType) -> Result<Value, &'static str> {
    if cell.is_empty() {
        return Ok(Value::Null);
    }
    match kind {
        FieldType::String => Ok(cell.into()),
        FieldType::Integer => cell.trim().parse::<i64>().map(Value::from).map_err(|_| "an integer"),
        FieldType::Double => {
            let number = cell.trim().parse().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or("a finite number")
        }
        FieldType::Boolean => {
            cell.trim().to_ascii_lowercase().parse::<bool>().map(Value::from).map_err(|_| "`true` or `false`")
        }
        FieldType::Array => Err("a list, which a cell cannot hold"),
    }
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::invalid_input(format!("`{name}` cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Host;
    use crate::fake::Fake;

    fn open(host: &Fake) -> File {
        File::open(host.data().join("data.csv")).unwrap()
    }

    fn read(csv: &[u8], wanted: &[(&str, FieldType)]) -> Result<Vec<(u64, Value)>, String> {
        let host = Fake::new();
        host.file("data.csv", csv);
        let fields: Vec<Field> = wanted.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
        let counted = Table::count(open(&host));
        let table = Table::open(open(&host), "data").and_then(|table| table.select(&fields));
        let rows = table.and_then(Iterator::collect::<Result<Vec<Row>, _>>);
        if let Ok(rows) = &rows {
            assert_eq!(counted, rows.len() as u64);
        }
        rows.map(|rows| rows.into_iter().map(|row| (row.line, row.cells.into())).collect())
            .map_err(|failure| failure.message)
    }

    const ALL: &[(&str, FieldType)] = &[("a", FieldType::Double), ("b", FieldType::Integer), ("c", FieldType::String)];

    #[test]
    fn cells_are_typed_by_the_fields_in_the_fields_order() {
        let rows = read(b"c,extra,b,a\nx,?,1,2\n 7 ,?, 2 ,3e2\n", ALL).unwrap();
        assert_eq!(rows, [(2, json!([2.0, 1, "x"])), (3, json!([300.0, 2, " 7 "]))]);
    }

    #[test]
    fn empty_cells_are_null() {
        assert_eq!(
            read(b"a,b,c\n,,\n,,\"\"", ALL).unwrap(),
            [(2, json!([null, null, null])), (3, json!([null, null, null]))]
        );
    }

    #[test]
    fn byte_order_mark_carriage_returns_and_blank_lines_are_accepted() {
        let rows = read(b"\xef\xbb\xbfa,b,c\r\n\r\n1,2,x\r\n\r\n\r\n3,4,y", ALL).unwrap();
        assert_eq!(rows, [(3, json!([1.0, 2, "x"])), (6, json!([3.0, 4, "y"]))]);
    }

    #[test]
    fn quoted_commas_quotes_and_line_feeds_belong_to_the_cell() {
        let rows = read(b"a,b,c\r\n1,2,\"x, \"\"y\"\"\r\nz\"\r\n3,4,w\r\n", ALL).unwrap();
        assert_eq!(rows, [(2, json!([1.0, 2, "x, \"y\"\r\nz"])), (4, json!([3.0, 4, "w"]))]);
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_column() {
        for (csv, wanted) in [
            (&b"a,b,c\n1,2,\"x\ny\"\n1,two,z\n"[..], "`data` line 4: column `b`: `two` is not an integer"),
            (b"c,a,b\n\"x\ny\",nan,2\n", "`data` line 3: column `a`: `nan` is not a finite number"),
            (b"a,b,c\n1e999,2,x\n", "`data` line 2: column `a`: `1e999` is not a finite number"),
            (b"a,b,c\n1,2.5,x\n", "`data` line 2: column `b`: `2.5` is not an integer"),
            (b"a,b,c\r\n1,2,x\r\n1,2\r\n", "`data` line 3: 2 cells under a header of 3"),
            (b"a,b,c\n1,2,x,9\n", "`data` line 2: 4 cells under a header of 3"),
            (b"a,b,c\n1,2,x\n1,2,\"x\n1,2,x\n", "`data` line 3: a quote is never closed"),
            (b"a,b,c\n1,2,x\n1,2,\xff\n", "`data` line 3: not UTF-8"),
            (b"a,b\n1,2\n", "`data` lacks the column `c`"),
            (b"A,b\n1,2\n", "`data` lacks the columns `a`, `c`"),
            (b"a,b,c,a\n1,2,3,4\n", "`data` has several columns `a`"),
            (b"a,b,c\n", "`data` has a header and no rows"),
            (b"a,b,c", "`data` has a header and no rows"),
            (b"", "`data` is empty"),
            (b"\r\n\n", "`data` is empty"),
        ] {
            assert_eq!(read(csv, ALL).unwrap_err(), wanted);
        }
    }

    #[test]
    fn booleans_are_read_and_lists_are_not() {
        assert_eq!(
            read(b"a\nTrue\nfalse\n", &[("a", FieldType::Boolean)]).unwrap(),
            [(2, json!([true])), (3, json!([false]))]
        );
        let error = read(b"a\n[1]\n", &[("a", FieldType::Array)]).unwrap_err();
        assert_eq!(error, "`data` line 2: column `a`: `[1]` is not a list, which a cell cannot hold");
    }

    #[test]
    fn without_a_selection_all_columns_are_texts() {
        let host = Fake::new();
        host.file("data.csv", "a,b\r\n1,x\r\n");
        let mut table = Table::open(open(&host), "data").unwrap();
        assert_eq!(table.header(), ["a", "b"]);
        assert_eq!(table.next().unwrap().unwrap().cells, [json!("1"), json!("x")]);
    }
}
