//! What has come so far of something that is fetched: kept on disk, so that a later run can go on where this one ends.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::DataError;
use super::cache::{Cache, create};
use super::digest::{feed, hex};

/// What a server calls this version of the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

impl Version {
    /// For `If-Range`: what is the same for the same bytes only.
    pub(super) fn strong(&self) -> Option<&str> {
        let etag = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        etag.or(self.modified.as_deref())
    }
}

/// A file that is not whole yet. Whoever has one holds the lock of its key.
pub(super) struct Part {
    path: PathBuf,
    note: PathBuf,
    file: File,
    hash: Sha256,
    /// How much there is.
    pub(super) bytes: u64,
    /// Which version it is of.
    pub(super) version: Version,
    /// Whether it came in several pieces, of which one may be of other bytes.
    pub(super) is_pieced: bool,
}

impl Part {
    /// What an earlier attempt left under a key, or nothing yet.
    pub(super) fn open(cache: &Cache, key: &str) -> Result<Self, DataError> {
        let (path, note) = (cache.path(&format!("{key}.part")), cache.path(&format!("{key}.part.json")));
        let mut file = create(&path)?;
        let mut hash = Sha256::new();
        let failed = |source| DataError::Read { path: path.clone(), source };
        let bytes = feed(&mut hash, &mut file).map_err(failed)?;
        let version = read(&note).unwrap_or_default();
        Ok(Self { path, note, file, hash, bytes, version, is_pieced: false })
    }

    /// The digest of what there is.
    pub(super) fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// Begins again, with bytes of this version.
    pub(super) fn restart(&mut self, version: Version) -> Result<(), DataError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| DataError::Write { path: self.path.clone(), source })?;
        (self.hash, self.bytes) = (Sha256::new(), 0);
        write(&self.note, &version)?;
        self.version = version;
        self.is_pieced = false;
        Ok(())
    }

    /// Appends.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file.write_all(bytes).map_err(|source| DataError::Write { path: self.path.clone(), source })?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// It is whole: it gets its digest for a name.
    pub(super) fn finish(self, cache: &Cache) -> Result<PathBuf, DataError> {
        let path = cache.keep(&self.path, &self.file, &self.sha256())?;
        let _ = fs::remove_file(&self.note);
        Ok(path)
    }

    /// It is no good.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.note);
    }
}

/// A note beside what is kept; none if it is not there, or no note.
pub(super) fn read<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a note. One that is cut short is none, and costs a transfer.
pub(super) fn write(path: &std::path::Path, note: &impl Serialize) -> Result<(), DataError> {
    let failed = |source| DataError::Write { path: path.to_owned(), source };
    let text = serde_json::to_vec(note).map_err(|error| failed(error.into()))?;
    fs::write(path, text).map_err(failed)
}
