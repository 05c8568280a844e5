//! A part of a data set's rows: its header, then those lines that begin in a part of the file. Each line belongs to one
//! shard, so all shards together read the file once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::digest::{hex, remembered};

/// Read at once.
const CHUNK: usize = 1 << 18;

/// Why a data set cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A record goes on in the next line, and from the middle of a file nobody sees that.
    #[error("the line at byte {0} leaves a quote open: rows with line breaks in them cannot be split into shards")]
    Quote(u64),
    /// More shards than rows, or rows of very different lengths.
    #[error("no row is left for shard {} of {}", .0.index, .0.of)]
    Empty(Shard),
    /// Nothing to split.
    #[error("it has no rows")]
    NoRows,
    /// The file system says no.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl ShardError {
    /// The one action that mends it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Empty(_)).then_some("start a new run with fewer `shards`")
    }
}

/// One of the parts that a step's work is split into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// Which of these bytes are its own.
    fn part(self, all: Range<u64>) -> Range<u64> {
        let border = |n: u32| {
            let part = u128::from(all.end - all.start) * u128::from(n) / u128::from(self.of);
            all.start + u64::try_from(part).unwrap_or(all.end - all.start)
        };
        border(self.index)..border(self.index + 1)
    }
}

/// Writes the header and the rows of a shard. Answers the SHA-256 of what was written, and its length.
pub fn copy_shard(path: &Path, shard: Shard, out: &mut impl Write) -> Result<(String, u64), ShardError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let mut written = Written { out, hash: Sha256::new(), bytes: 0 };
    let mut line = Vec::new();
    let header = first_line(&mut reader, &mut line)?.ok_or(ShardError::NoRows)?;
    written.line(&line)?;
    let Range { start: first, end } = shard.part(header..length);
    // A line belongs where it begins; whether one begins here, the byte before tells.
    let mut at = header.max(first.saturating_sub(1));
    reader.seek(SeekFrom::Start(at))?;
    if at < first {
        line.clear();
        at += reader.read_until(b'\n', &mut line)? as u64;
    }
    let mut rows = 0u64;
    while at < end {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        is_closed(&line, at)?;
        at += read;
        if !is_blank(&line) {
            written.line(&line)?;
            rows += 1;
        }
    }
    if rows == 0 {
        reader.seek(SeekFrom::Start(header))?;
        let has_rows = first_line(&mut reader, &mut line)?.is_some();
        return Err(if has_rows { ShardError::Empty(shard) } else { ShardError::NoRows });
    }
    Ok((hex(&written.hash.finalize()), written.bytes))
}

/// Reads the first line that is not blank into `line`, and answers how far off it ends; none if there is none.
fn first_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Option<u64>, ShardError> {
    let mut at = 0;
    loop {
        line.clear();
        let read = reader.read_until(b'\n', line)? as u64;
        if read == 0 {
            return Ok(None);
        }
        if !is_blank(line) {
            is_closed(line, at)?;
            return Ok(Some(at + read));
        }
        at += read;
    }
}

/// The SHA-256 of a shard, and its length, from memory if the file has not changed since.
pub fn digest_shard(path: &Path, shard: Shard) -> Result<(String, u64), ShardError> {
    remembered(path, Some(shard), || copy_shard(path, shard, &mut io::sink()))
}

/// Whether a line is none, as the step reads them.
fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"" | b"\n" | b"\r\n" | b"\r")
}

/// Refuses a line that ends within quotes.
fn is_closed(line: &[u8], at: u64) -> Result<(), ShardError> {
    let is_open = line.iter().fold(false, |is_open, byte| is_open != (*byte == b'"'));
    if is_open { Err(ShardError::Quote(at)) } else { Ok(()) }
}

struct Written<'a, W> {
    out: &'a mut W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Written<'_, W> {
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.hash.update(line);
        self.bytes += line.len() as u64;
        self.out.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shards(text: &[u8], of: u32) -> Result<Vec<String>, ShardError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.csv");
        std::fs::write(&file, text).unwrap();
        let shard = |index| {
            let mut out = Vec::new();
            let shard = Shard { index, of };
            let (sha256, bytes) = copy_shard(&file, shard, &mut out)?;
            assert_eq!((crate::data::digest_of(&out), out.len() as u64), (sha256.clone(), bytes));
            assert_eq!(digest_shard(&file, shard)?, (sha256, bytes));
            Ok(String::from_utf8(out).unwrap())
        };
        (0..of).map(shard).collect()
    }

    #[test]
    fn each_has_the_header_and_its_lines() {
        assert_eq!(shards(b"a,b\n1,x\n2,y\n3,z\n4,w\n", 2).unwrap(), ["a,b\n1,x\n2,y\n", "a,b\n3,z\n4,w\n"]);
        assert_eq!(shards(b"\r\na\r\n1\r\n\r\n2", 2).unwrap(), ["a\r\n1\r\n", "a\r\n2"]);
        assert_eq!(shards(b"a\n1\n", 1).unwrap(), ["a\n1\n"]);
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        for (text, of, message) in [
            (&b"a\n1\n"[..], 2, "no row is left for shard 1 of 2"),
            (b"", 2, "it has no rows"),
            (b"a\n\n\n", 1, "it has no rows"),
            (
                b"a\n\"1\n2\"\n",
                1,
                "the line at byte 2 leaves a quote open: rows with line breaks in them cannot be split into shards",
            ),
            (
                b"\"a\nb\"\n1\n",
                1,
                "the line at byte 0 leaves a quote open: rows with line breaks in them cannot be split into shards",
            ),
        ] {
            assert_eq!(shards(text, of).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn every_line_is_in_one_shard(
            rows in prop::collection::vec("[a-z0-9, ]{0,12}", 1..60),
            of in 1u32..9,
            end in prop::sample::select(vec!["\n", "\r\n"]),
            ends in any::<bool>(),
        ) {
            let text = format!("header{end}{}{}", rows.join(end), if ends { end } else { "" });
            let rows: Vec<_> = rows.into_iter().filter(|row| !row.is_empty()).collect();
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("data.csv");
            std::fs::write(&file, text).unwrap();
            let mut found = Vec::new();
            for index in 0..of {
                let mut out = Vec::new();
                match copy_shard(&file, Shard { index, of }, &mut out) {
                    Ok(_) => found.extend(String::from_utf8(out).unwrap().lines().skip(1).map(str::to_owned)),
                    Err(ShardError::NoRows) => prop_assert!(rows.is_empty()),
                    Err(error) => prop_assert!(matches!(error, ShardError::Empty { .. }) && !rows.is_empty(), "{}", error),
                }
            }
            prop_assert_eq!(found, rows);
        }
    }
}
