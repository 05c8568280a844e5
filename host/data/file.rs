//! A data set that is a local file.

use std::path::{Path, PathBuf};

use super::DataError;

/// The file itself, if it is one.
pub(super) fn open(path: &Path) -> Result<PathBuf, DataError> {
    let metadata = std::fs::metadata(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    if metadata.is_file() { Ok(path.to_owned()) } else { Err(DataError::NotAFile { path: path.to_owned() }) }
}
