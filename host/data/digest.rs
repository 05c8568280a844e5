//! SHA-256 of files, once per file and process.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::{DataError, Shard};

/// A file as it was when it was read: whoever writes to it changes its time.
#[derive(PartialEq, Eq, Hash)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Digests of the files and shards that this process has read. The check, the fetch and every loan of a run ask for them.
static KNOWN: LazyLock<Mutex<HashMap<What, (String, u64)>>> = LazyLock::new(Mutex::default);

/// What was read: a file as it was, all of it or a shard.
type What = (Stamp, Option<Shard>);

/// The same as [`digest`], from memory if the file has not changed since.
pub fn digest_once(path: &Path) -> Result<(String, u64), DataError> {
    remembered(path, None, || digest(path))
}

/// What was found of a file, or of a shard of it, if the file has not changed since; else it is found again.
pub(super) fn remembered<E>(
    path: &Path,
    shard: Option<Shard>,
    find: impl FnOnce() -> Result<(String, u64), E>,
) -> Result<(String, u64), E> {
    let stamp = || std::fs::metadata(path).map(|metadata| (Stamp::of(&metadata), shard)).ok();
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = stamp();
    if let Some(found) = before.as_ref().and_then(|before| known().get(before).cloned()) {
        return Ok(found);
    }
    let found = find()?;
    if let Some(before) = before
        && stamp().is_some_and(|after| after == before)
    {
        known().insert(before, found.clone());
    }
    Ok(found)
}

/// SHA-256 in hex, and the length in bytes.
pub fn digest(path: &Path) -> Result<(String, u64), DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let bytes = feed(&mut hash, &mut file).map_err(failed)?;
    Ok((hex(&hash.finalize()), bytes))
}

/// Hashes what is left to read; answers its length.
pub(super) fn feed(hash: &mut Sha256, file: &mut impl Read) -> std::io::Result<u64> {
    let mut chunk = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(bytes),
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

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        std::fs::write(&file, "a\n1\n").unwrap();
        assert_eq!(digest_once(&file).unwrap(), (digest_of(b"a\n1\n"), 4));
        std::fs::write(&file, "a\n12\n").unwrap();
        assert_eq!(digest_once(&file).unwrap(), (digest_of(b"a\n12\n"), 5));
    }
}
