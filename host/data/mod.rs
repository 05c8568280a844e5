//! Data sets: how the bytes that a spec names get to this machine.
//!
//! A kind of source is one file here with an `open` that answers a local path, and one arm in [`fetch`].

mod file;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A data set as the plan knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// Where it comes from.
    pub source: Source,
    /// What its SHA-256 must be.
    pub sha256: Option<String>,
}

/// Where a data set comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
}

/// Why a data set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be read.
    #[error("failed to read `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder, a device.
    #[error("`{path}` is not a file", path = path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Other bytes than the spec wants.
    #[error("`{path}` has the SHA-256 {found}, the spec wants {wanted}", path = path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The spec's.
        wanted: String,
    },
}

/// Brings a data set here and checks its digest. Answers a local path.
pub fn fetch(data: &DataSet) -> Result<PathBuf, DataError> {
    let path = match &data.source {
        Source::File(path) => file::open(path)?,
    };
    if let Some(wanted) = &data.sha256 {
        let (found, _) = digest(&path)?;
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(DataError::Digest { path, found, wanted: wanted.clone() });
        }
    }
    Ok(path)
}

/// Whether a path stays below the folder that it is relative to.
pub fn is_below(value: &str) -> bool {
    Path::new(value).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// SHA-256 in hex, and the length in bytes.
pub fn digest(path: &Path) -> Result<(String, u64), DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match reader.read(&mut chunk).map_err(failed)? {
            0 => return Ok((hex(&hash.finalize()), bytes)),
            count => {
                hash.update(&chunk[..count]);
                bytes += count as u64;
            }
        }
    }
}

/// SHA-256 of bytes in hex.
pub fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}
