//! What has come so far of something that is fetched: kept on disk, so that a later run can go on where this one ends.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
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

/// What of a part is known to be on the disk. A power cut may leave anything in place of what came after it.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    version: Version,
    bytes: u64,
    sha256: String,
}

/// How much may come before it is made sure that it is on the disk.
const UNSURE: u64 = 32 << 20;

/// A file that is not whole yet. Whoever has one holds the lock of its key.
pub(super) struct Part {
    path: PathBuf,
    note: PathBuf,
    file: File,
    hash: Sha256,
    /// How much there is.
    pub(super) bytes: u64,
    /// How much of that is on the disk for sure.
    sure: u64,
    /// Which version it is of.
    pub(super) version: Version,
    /// Whether it came in several pieces, of which one may be of other bytes.
    pub(super) is_pieced: bool,
}

impl Part {
    /// What an earlier attempt left under a key, as far as it is as it was left, or nothing yet.
    pub(super) fn open(cache: &Cache, key: &str) -> Result<Self, DataError> {
        let (path, note) = (cache.path(&format!("{key}.part")), cache.path(&format!("{key}.part.json")));
        let file = create(&path)?;
        let mut part = Self {
            path,
            note,
            file,
            hash: Sha256::new(),
            bytes: 0,
            sure: 0,
            version: Version::default(),
            is_pieced: false,
        };
        if let Some(Checkpoint { version, bytes, sha256 }) = read(&part.note) {
            let failed = |source| DataError::Read { path: part.path.clone(), source };
            part.bytes = feed(&mut part.hash, &mut (&part.file).take(bytes)).map_err(failed)?;
            if part.bytes == bytes && part.sha256() == sha256 {
                (part.sure, part.version) = (bytes, version);
                part.cut(bytes)?;
                return Ok(part);
            }
        }
        part.restart(Version::default())?;
        Ok(part)
    }

    /// The digest of what there is.
    pub(super) fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// Begins again, with bytes of this version.
    pub(super) fn restart(&mut self, version: Version) -> Result<(), DataError> {
        // A note of more than there is would be the lie that it is to prevent.
        let _ = fs::remove_file(&self.note);
        self.cut(0)?;
        (self.hash, self.bytes, self.sure) = (Sha256::new(), 0, 0);
        self.version = version;
        self.is_pieced = false;
        Ok(())
    }

    /// Leaves so many bytes, behind which is written.
    fn cut(&mut self, bytes: u64) -> Result<(), DataError> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
        cut.map(drop).map_err(|source| DataError::Write { path: self.path.clone(), source })
    }

    /// Makes sure that what there is can be gone on from.
    pub(super) fn settle(&mut self) -> Result<(), DataError> {
        self.file.sync_data().map_err(|source| DataError::Write { path: self.path.clone(), source })?;
        self.sure = self.bytes;
        write(&self.note, &Checkpoint { version: self.version.clone(), bytes: self.bytes, sha256: self.sha256() })
    }

    /// Appends.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.file.write_all(bytes).map_err(|source| DataError::Write { path: self.path.clone(), source })?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.bytes - self.sure >= UNSURE { self.settle() } else { Ok(()) }
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

/// Writes a note, in one piece. One that a power cut spoils is none, and costs a transfer.
pub(super) fn write(path: &std::path::Path, note: &impl Serialize) -> Result<(), DataError> {
    let failed = |source| DataError::Write { path: path.to_owned(), source };
    let text = serde_json::to_vec(note).map_err(|error| failed(error.into()))?;
    let draft = path.with_extension("json.draft");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, path)).map_err(failed)
}
