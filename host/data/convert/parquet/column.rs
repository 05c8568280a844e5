//! A column of a Parquet file, read as the texts of a batch of rows.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::schema::types::ColumnDescPtr;

use super::broken;
use super::cell::{self, Form};
use crate::data::convert::Trouble;

/// A column, and its part of the rows at hand.
pub(super) struct Column {
    name: String,
    form: Form,
    has_nulls: bool,
    reader: ColumnReader,
    cells: Cells,
}

/// Texts, one after the other.
#[derive(Default)]
struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Column {
    pub(super) fn new(descriptor: &ColumnDescPtr, reader: ColumnReader) -> Result<Self, Trouble> {
        let name = descriptor.name().to_owned();
        let form = Form::of(descriptor).map_err(|why| Trouble::Column { column: name.clone(), why })?;
        Ok(Self { name, form, has_nulls: descriptor.max_def_level() > 0, reader, cells: Cells::default() })
    }

    /// Reads the next rows.
    pub(super) fn read(&mut self, rows: usize) -> Result<(), Trouble> {
        let Self { form, has_nulls, cells, .. } = self;
        cells.text.clear();
        cells.ends.clear();
        let nulls = *has_nulls;
        let read = match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => cells.fill(reader, rows, nulls, cell::show),
            ColumnReader::Int32ColumnReader(reader) => {
                cells.fill(reader, rows, nulls, |value, out| form.int32(*value, out))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                cells.fill(reader, rows, nulls, |value, out| form.int64(*value, out))
            }
            ColumnReader::Int96ColumnReader(reader) => {
                cells.fill(reader, rows, nulls, |value, out| cell::int96(value.data(), out))
            }
            ColumnReader::FloatColumnReader(reader) => cells.fill(reader, rows, nulls, cell::show_debug),
            ColumnReader::DoubleColumnReader(reader) => cells.fill(reader, rows, nulls, cell::show_debug),
            ColumnReader::ByteArrayColumnReader(reader) => {
                cells.fill(reader, rows, nulls, |value: &ByteArray, out| form.bytes(value.data(), out))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                cells.fill(reader, rows, nulls, |value: &FixedLenByteArray, out| form.bytes(value.data(), out))
            }
        };
        read.map_err(|trouble| match trouble {
            Trouble::Column { why, .. } => Trouble::Column { column: self.name.clone(), why },
            other => other,
        })
    }

    /// The text of a row of the batch; empty for a null.
    pub(super) fn cell(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.cells.ends[row - 1] };
        &self.cells.text[start..self.cells.ends[row]]
    }
}

impl Cells {
    fn fill<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        has_nulls: bool,
        show: impl Fn(&T::T, &mut String) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let (mut values, mut levels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let (read, _, _) = reader
            .read_records(rows, has_nulls.then_some(&mut levels), None, &mut values)
            .map_err(|error| broken(&error))?;
        if read != rows {
            return Err(Trouble::Source("a column has fewer rows than the file says".to_owned()));
        }
        let mut values = values.iter();
        for row in 0..rows {
            let is_null = has_nulls && levels.get(row) == Some(&0);
            if !is_null {
                let value = values.next().ok_or_else(|| Trouble::Source("a column lacks values".to_owned()))?;
                show(value, &mut self.text).map_err(|why| Trouble::Column { column: String::new(), why })?;
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}
