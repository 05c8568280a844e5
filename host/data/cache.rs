//! The user's folder of what was fetched and unpacked: named after its SHA-256, so that nothing in it is ever out of date.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::DataError;
use crate::deadline::Stop;
use crate::engine::{check_private, user_cache};

/// How long to wait before another look at what another process holds.
const LOOK: Duration = Duration::from_millis(50);

/// A folder that only its user may write to.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The user's own, made if it is not there.
    pub(super) fn of_user() -> Result<Self, DataError> {
        let root = user_cache().ok_or(DataError::NoCache)?;
        let folder = root.join("data");
        let failed = |source| DataError::Write { path: folder.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        for folder in [&root, &folder] {
            check_private(folder).map_err(|reason| DataError::Cache { path: folder.clone(), reason })?;
        }
        Ok(Self { folder })
    }

    /// Where something is, or will be.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is there under a name.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        Some(self.path(name)).filter(|path| path.is_file())
    }

    /// Waits until no other process fetches or unpacks the same; holds them off while the file is open.
    pub(super) fn lock(&self, key: &str, name: &str, stop: &Stop, say: &dyn Fn(&str)) -> Result<File, DataError> {
        let path = self.path(&format!("{key}.lock"));
        let file = create(&path)?;
        let mut is_told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if !std::mem::replace(&mut is_told, true) {
                        say(&format!("waiting for another run that brings `{name}`"));
                    }
                    if stop.wait(LOOK) {
                        return Err(DataError::Interrupted { name: name.to_owned() });
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(DataError::Write { path, source: error.into() }),
            }
        }
    }

    /// Gives a whole file its name.
    pub(super) fn keep(&self, draft: &Path, file: &File, name: &str) -> Result<PathBuf, DataError> {
        let path = self.path(name);
        // What has the name must be whole after any crash.
        let kept = file.sync_all().and_then(|()| fs::rename(draft, &path));
        kept.map_err(|source| unwritten(&path, source))?;
        Ok(path)
    }
}

/// Opens a file for reading and writing, made if it is not there, for its user alone.
pub(super) fn create(path: &Path) -> Result<File, DataError> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|source| unwritten(path, source))
}

fn unwritten(path: &Path, source: io::Error) -> DataError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::IsADirectory => DataError::Folder { path },
        _ => DataError::Write { path, source },
    }
}
