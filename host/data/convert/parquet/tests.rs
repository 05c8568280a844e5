//! What is written as Parquet comes out of it again.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::*;
use crate::data::convert::Limited;
use crate::deadline::Stop;

/// A row of each type; none is a null.
type Row = (Option<bool>, Option<i32>, Option<i64>, Option<f32>, Option<f64>, Option<String>);

const SCHEMA: &str = "message rows {
    optional boolean flag; optional int32 small; optional int64 large;
    optional float single; optional double double; optional binary text (utf8);
}";

/// A Parquet file of one row group, or of several of these sizes.
fn parquet_of(rows: &[Row], group: usize, compression: Compression) -> File {
    let file = tempfile::tempfile().unwrap();
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, properties).unwrap();
    for rows in rows.chunks(group) {
        macro_rules! column {
            ($group:ident, $type:ty, $field:tt) => {{
                let values: Vec<_> = rows.iter().filter_map(|row| row.$field.clone()).collect();
                let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.$field.is_some())).collect();
                let mut column = $group.next_column().unwrap().unwrap();
                column.typed::<$type>().write_batch(&values, Some(&levels), None).unwrap();
                column.close().unwrap();
            }};
        }
        let mut out = writer.next_row_group().unwrap();
        column!(out, BoolType, 0);
        column!(out, Int32Type, 1);
        column!(out, Int64Type, 2);
        column!(out, FloatType, 3);
        column!(out, DoubleType, 4);
        let values: Vec<_> = rows.iter().filter_map(|row| row.5.as_deref().map(ByteArray::from)).collect();
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.5.is_some())).collect();
        let mut column = out.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
        out.close().unwrap();
    }
    writer.close().unwrap();
    file
}

fn csv_of(file: File) -> Result<String, Trouble> {
    let mut text = Vec::new();
    let stop = Stop::new();
    write(file, 1 << 30, &mut Limited { out: &mut text, left: 1 << 30, stop: &stop })?;
    Ok(String::from_utf8(text).unwrap())
}

fn cell<T: std::str::FromStr>(text: &str) -> Option<T> {
    (!text.is_empty()).then(|| text.parse().unwrap_or_else(|_| panic!("`{text}` does not read back")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_reads_back_as_it_was(
        rows in proptest::collection::vec(any::<Row>(), 0..40), group in 1_usize..20, kind in 0_usize..4
    ) {
        let compression = [
            Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
        ][kind];
        let csv = csv_of(parquet_of(&rows, group, compression)).unwrap();

        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        prop_assert_eq!(reader.headers().unwrap(), vec!["flag", "small", "large", "single", "double", "text"]);
        let mut count = 0;
        for (found, row) in reader.records().map(Result::unwrap).zip(&rows) {
            prop_assert_eq!(cell(&found[0]), row.0);
            prop_assert_eq!(cell(&found[1]), row.1);
            prop_assert_eq!(cell(&found[2]), row.2);
            // By their bits: a zero has a sign, and what is no number is not even itself.
            prop_assert_eq!(cell(&found[3]).map(f32::to_bits), row.3.map(f32::to_bits));
            prop_assert_eq!(cell(&found[4]).map(f64::to_bits), row.4.map(f64::to_bits));
            prop_assert_eq!(&found[5], row.5.as_deref().unwrap_or_default());
            count += 1;
        }
        prop_assert_eq!(count, rows.len());
    }

    #[test]
    fn a_broken_file_is_an_error(cut in 0_usize..2000, flips in proptest::collection::vec((0_usize..2000, any::<u8>()), 0..8)) {
        use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

        let row: Row = (Some(true), Some(1), Some(2), None, Some(0.5), Some("text".to_owned()));
        let mut whole = Vec::new();
        let mut file = parquet_of(&vec![row; 50], 20, Compression::SNAPPY);
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut whole).unwrap();
        for (at, value) in flips {
            let at = at % whole.len();
            whole[at] = value;
        }
        whole.truncate(whole.len().saturating_sub(cut / 100));
        let mut broken = tempfile::tempfile().unwrap();
        broken.write_all(&whole).unwrap();
        // Whatever it is, it does not panic.
        let _ = csv_of(broken);
    }
}

#[test]
fn a_nested_column_is_named() {
    let schema = "message rows { required int32 a; optional group place { required double x; required double y; } }";
    let file = tempfile::tempfile().unwrap();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default()).unwrap();
    writer.close().unwrap();

    let trouble = csv_of(file).unwrap_err();

    let Trouble::Column { column, why } = trouble else { panic!("{trouble:?}") };
    assert_eq!((column.as_str(), why.as_str()), ("place", "is nested, and CSV has no place for that"));
}

/// A file that says of itself that its chunks are compressed with the codec of this number.
fn claiming(codec: u8) -> File {
    let mut file = parquet_of(&[(Some(true), None, None, None, None, None)], 1, Compression::UNCOMPRESSED);
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    // In Thrift's compact form: a path of one name, then the field of the codec, an integer in zigzag.
    let path = b"\x19\x18\x04flag\x15";
    let at = bytes.windows(path.len()).position(|part| part == path).unwrap() + path.len();
    bytes[at] = codec * 2;
    let mut changed = tempfile::tempfile().unwrap();
    changed.write_all(&bytes).unwrap();
    changed
}

#[test]
fn a_codec_that_is_not_read_is_named() {
    for (codec, name) in [(3, "LZO"), (4, "BROTLI"), (5, "LZ4"), (7, "LZ4_RAW")] {
        let refused = csv_of(claiming(codec)).unwrap_err();
        assert!(matches!(&refused, Trouble::Codec(found) if found == name), "{refused:?}");
    }
    assert_eq!(csv_of(claiming(0)).unwrap().lines().nth(1), Some("true,,,,,"));
}

#[test]
fn there_are_columns_and_each_has_a_name_of_its_own() {
    let empty = |schema: &str| {
        let file = tempfile::tempfile().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let writer = SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default()).unwrap();
        writer.close().unwrap();
        csv_of(file)
    };
    let twice = empty("message m { required int32 x; required int64 y; required double x; }").unwrap_err();
    assert!(matches!(&twice, Trouble::Column { column, why } if column == "x" && why == "is there twice"), "{twice:?}");
    let none = empty("message m { }").unwrap_err();
    assert!(matches!(&none, Trouble::Source(why) if why == "it has no columns"), "{none:?}");
}
