//! Compiled components on disk, so that a component is compiled once.
//!
//! Compiled code is run as it is read: whoever can write it can run anything as this user. So the folder must belong
//! to the user and nobody else may write to it or to a file in it. A file is named after the SHA-256 of the component and
//! of the engine that compiled it; a stale one is therefore never read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::ComponentError;

/// A folder of compiled components.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The user's own: `$STEPWISE_CACHE`, `$XDG_CACHE_HOME/stepwise` or `~/.cache/stepwise`. None where there is no home.
    pub fn of_user() -> Option<Self> {
        Some(Self { folder: user_cache()? })
    }

    /// A compiled component that was kept.
    pub(super) fn find(&self, key: &str) -> Result<Option<PathBuf>, ComponentError> {
        in_folder(&self.folder, key)
    }

    /// Keeps a compiled component. Several processes may do so at once.
    pub(super) fn keep(&self, key: &str, compiled: &[u8]) -> Result<(), ComponentError> {
        let failed = |source| ComponentError::Write { file: self.folder.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        write(&self.folder.join(file_name(key)), compiled, 0o600).map_err(failed)
    }
}

/// The folder for all that this user need not make twice.
pub(crate) fn user_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("STEPWISE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("stepwise")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/stepwise")))
}

/// A compiled component in a folder, if nobody else can have written it.
pub(super) fn in_folder(folder: &Path, key: &str) -> Result<Option<PathBuf>, ComponentError> {
    let file = folder.join(file_name(key));
    if !file.exists() {
        return Ok(None);
    }
    for path in [folder, &file] {
        check_private(path).map_err(|reason| ComponentError::Cache { path: path.to_owned(), reason })?;
    }
    Ok(Some(file))
}

/// The file beside a component's source that holds it compiled.
pub(super) fn beside(source: &Path, key: &str) -> PathBuf {
    source.with_file_name(file_name(key))
}

fn file_name(key: &str) -> String {
    format!("{key}.cwasm")
}

/// Writes a file under its name only when it is whole.
pub(super) fn write(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let draft = file.with_extension(format!("{:016x}.draft", fastrand::u64(..)));
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    out.write_all(bytes)?;
    drop(out);
    fs::rename(&draft, file)
}

/// Refuses what another user than this one or root could have written.
pub(crate) fn check_private(path: &Path) -> Result<(), String> {
    let metadata = fs::symlink_metadata(path).map_err(|error| format!("cannot be looked at: {error}"))?;
    if metadata.is_symlink() {
        return Err("is a symbolic link".to_owned());
    }
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user && metadata.uid() != 0 {
        return Err(format!("belongs to user {}, not to {user}", metadata.uid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("may be written by others (mode {:o})", metadata.mode() & 0o777));
    }
    Ok(())
}
