//! Cuts a data set into batches that fit into a request, without holding more than one.

use serde_json::Value;

use crate::{Failure, Row, Table, json};

/// How large a batch gets.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of its rows in JSON.
    pub bytes: usize,
}

/// The batches of a data set. A row that alone is beyond the limit is a batch of its own.
pub struct Batches {
    table: Table,
    columns: usize,
    limits: BatchLimits,
    held: Option<Row>,
}

impl Batches {
    /// The first `columns` cells of a row count for its size.
    pub fn new(table: Table, columns: usize, limits: BatchLimits) -> Self {
        Self { table, columns, limits, held: None }
    }

    fn read(&mut self) -> Result<Vec<Row>, Failure> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.held.take().map(Ok).or_else(|| self.table.next()).transpose()? {
            let size = size(&row.cells[..self.columns]);
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
}

impl Iterator for Batches {
    type Item = Result<Vec<Row>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map(|batch| (!batch.is_empty()).then_some(batch)).transpose()
    }
}

/// What a row takes in a request, brackets and commas with it.
fn size(cells: &[Value]) -> usize {
    cells.iter().map(|cell| json::write(cell).len() + 1).sum::<usize>() + 2
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
