//! Cuts a data set into batches that fit into a request, without holding more than one.

use serde_json::Value;

use crate::table_text::append;
use crate::{Failure, Table};

/// Bytes of a number with its comma, mostly.
const USUAL_CELL: usize = 10;

/// How large a batch gets.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of its rows in JSON.
    pub bytes: usize,
}

/// A row of a batch: its features as JSON, as every body has them that they go into.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    /// Line of the file on which the row begins.
    pub line: u64,
    /// The features as they stand in a JSON array, without its brackets.
    pub features: Vec<u8>,
    /// The cells after them.
    pub rest: Vec<Value>,
}

/// The batches of a data set. A row that alone is beyond the limit is a batch of its own.
pub struct Batches {
    table: Table,
    columns: usize,
    limits: BatchLimits,
    held: Option<BatchRow>,
}

impl Batches {
    /// The first `columns` cells of a row are its features; only they count for its size.
    pub fn new(table: Table, columns: usize, limits: BatchLimits) -> Self {
        Self { table, columns, limits, held: None }
    }

    fn read(&mut self) -> Result<Vec<BatchRow>, Failure> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.held.take().map(Ok).or_else(|| self.next_row()).transpose()? {
            // Brackets and a comma with it.
            let size = row.features.len() + 3;
            let full = batch.len() >= self.limits.rows || bytes + size > self.limits.bytes;
            if full && !batch.is_empty() {
                self.held = Some(row);
                break;
            }
            bytes += size;
            batch.push(row);
        }
        Ok(batch)
    }

    fn next_row(&mut self) -> Option<Result<BatchRow, Failure>> {
        let mut row = match self.table.next()? {
            Ok(row) => row,
            Err(failure) => return Some(Err(failure)),
        };
        let rest = row.cells.split_off(self.columns);
        let mut features = Vec::with_capacity(row.cells.len() * USUAL_CELL);
        for (n, cell) in row.cells.iter().enumerate() {
            if n > 0 {
                features.push(b',');
            }
            append(&mut features, cell);
        }
        Some(Ok(BatchRow { line: row.line, features, rest }))
    }
}

impl Iterator for Batches {
    type Item = Result<Vec<BatchRow>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map(|batch| (!batch.is_empty()).then_some(batch)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::fake::Fake;
    use crate::{Field, FieldType, Host};

    fn lines(csv: &str, limits: BatchLimits) -> Vec<Vec<u64>> {
        let host = Fake::new();
        host.file("data.csv", csv);
        let file = File::open(host.data().join("data.csv")).unwrap();
        let table = Table::open(file, "data").unwrap().select(&[Field::new("a", FieldType::String)]).unwrap();
        Batches::new(table, 1, limits).map(|batch| batch.unwrap().iter().map(|row| row.line).collect()).collect()
    }

    #[test]
    fn a_batch_ends_at_its_rows() {
        let limits = BatchLimits { rows: 2, bytes: 1000 };
        assert_eq!(lines("a\n1\n2\n3\n4\n5\n", limits), [vec![2, 3], vec![4, 5], vec![6]]);
        assert_eq!(lines("a\n1\n2\n", limits), [vec![2, 3]]);
    }

    #[test]
    fn a_batch_ends_at_its_bytes_and_a_larger_row_goes_alone() {
        let limits = BatchLimits { rows: 100, bytes: 14 };
        // A row of one character takes six bytes in all: ["1"],
        assert_eq!(lines("a\n1\n2\n3\n12345678901234567890\n4\n", limits), [vec![2, 3], vec![4], vec![5], vec![6]]);
    }
}
