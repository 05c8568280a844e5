//! Parquet as CSV, a batch of rows at a time: columns are read side by side, so that memory does not grow with the file.

mod cell;
mod column;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;

use parquet::basic::{Compression, Repetition};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use self::column::Column;
use super::Trouble;

/// Rows that are in memory at once.
const BATCH: usize = 1024;

/// Writes a Parquet file as CSV with a header.
pub(super) fn write(file: File, max: u64, out: &mut impl Write) -> Result<(), Trouble> {
    // The library panics over some broken files.
    let written = stepwise_scoring::catch(|| write_columns(file, max, out));
    written.unwrap_or_else(|panic| Err(Trouble::Source(panic)))
}

fn write_columns(file: File, max: u64, out: &mut impl Write) -> Result<(), Trouble> {
    let file = SerializedFileReader::new(file).map_err(|error| broken(&error))?;
    let metadata = file.metadata();
    let schema = metadata.file_metadata().schema_descr();
    for field in schema.root_schema().get_fields() {
        let why = if !field.is_primitive() {
            "is nested, and CSV has no place for that"
        } else if field.get_basic_info().repetition() == Repetition::REPEATED {
            "is a list, and CSV has no place for that"
        } else {
            continue;
        };
        return Err(Trouble::Column { column: field.name().to_owned(), why: why.to_owned() });
    }
    if schema.columns().is_empty() {
        return Err(Trouble::Source("it has no columns".to_owned()));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = schema.columns().iter().find(|column| !names.insert(column.name())) {
        return Err(Trouble::Column { column: twice.name().to_owned(), why: "is there twice".to_owned() });
    }
    let mut chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    if let Some(chunk) = chunks.find(|chunk| !is_read(chunk.compression())) {
        // Some have a level: `GZIP(GzipLevel(6))`.
        let codec = chunk.compression().to_string();
        return Err(Trouble::Codec(codec.split('(').next().unwrap_or_default().to_owned()));
    }
    let mut out = csv::Writer::from_writer(out);
    out.write_record(schema.columns().iter().map(|column| column.name())).map_err(writing)?;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(|error| broken(&error))?;
        // What a file says of itself is what the library makes room for.
        let bytes: i64 = group.metadata().columns().iter().map(ColumnChunkMetaData::uncompressed_size).sum();
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > max) {
            return Err(Trouble::TooLarge);
        }
        let columns = schema.columns().iter().enumerate();
        let columns: Result<Vec<Column>, Trouble> = columns
            .map(|(n, descriptor)| Column::new(descriptor, group.get_column_reader(n).map_err(|error| broken(&error))?))
            .collect();
        let mut columns = columns?;
        let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        while left > 0 {
            let rows = left.min(BATCH);
            for column in &mut columns {
                column.read(rows)?;
            }
            for row in 0..rows {
                out.write_record(columns.iter().map(|column| column.cell(row))).map_err(writing)?;
            }
            left -= rows;
        }
    }
    out.flush().map_err(Trouble::of_writing)
}

/// Those that the library is built with.
fn is_read(codec: Compression) -> bool {
    matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_))
}

fn broken(error: &ParquetError) -> Trouble {
    let text = error.to_string();
    Trouble::Source(text.strip_prefix("Parquet error: ").unwrap_or(&text).to_owned())
}

fn writing(error: csv::Error) -> Trouble {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Trouble::of_writing(error),
        // The other kinds are of reading, or of rows that differ in length.
        kind => Trouble::Source(format!("{kind:?}")),
    }
}
