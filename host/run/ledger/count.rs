//! `ledger.count`: how many lines of the ledger are on disk.
//!
//! A ledger that was cut between two lines looks whole. What was announced is only found again by its entry, so every
//! announcement is counted, with all lines before it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::run::seal::OF_LINE;

/// The file, which is only used under the ledger's lock.
#[derive(Debug)]
pub(super) struct Count(PathBuf);

impl Count {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("ledger.count"))
    }

    /// How many there are at least. A file that is not there, or damaged, knows of none.
    pub(super) fn get(&self) -> u64 {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let object = OF_LINE.open(text.trim_end()).ok().and_then(|object| serde_json::from_str(&object).ok());
        object.and_then(|object: serde_json::Value| object["lines"].as_u64()).unwrap_or_default()
    }

    /// Always of the same length, and written in place at once: a kill leaves the old text or the new one.
    pub(super) fn set(&self, lines: u64) -> std::io::Result<()> {
        let text = OF_LINE.close(&format!("{{\"lines\":{lines:>20}}}")) + "\n";
        OpenOptions::new().create(true).truncate(false).write(true).open(&self.0)?.write_all_at(text.as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_known_until_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let count = Count::new(folder.path());
        assert_eq!(count.get(), 0);
        for lines in [1, 7, 1_000_000, u64::MAX] {
            count.set(lines).unwrap();
            assert_eq!(count.get(), lines);
        }
        let file = folder.path().join("ledger.count");
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 3]).unwrap();
        assert_eq!(count.get(), 0);
    }
}
