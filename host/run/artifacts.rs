//! The files that steps write, a folder for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::{DataError, digest_once, is_below};
use crate::engine::{ENTRY, Format, Schema};

use super::folder::RunFolder;

/// Why an artifact is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Outside of the step's folder.
    #[error("the artifact `{0}` does not lie in `/artifacts`")]
    Outside(String),
    /// Not there.
    #[error("there is no artifact `{0}`")]
    Missing(String),
    /// It cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Puts the step's id before each artifact that its outputs name, so that later steps find it. Answers their digests.
pub(super) fn place(
    folder: &RunFolder,
    step: &str,
    schema: &Schema,
    outputs: &mut Value,
) -> Result<BTreeMap<String, String>, ArtifactError> {
    let mut digests = BTreeMap::new();
    for (pointer, format, value) in schema.files(outputs) {
        if format == Format::Artifact {
            let value = format!("{step}/{value}");
            digests.insert(value.clone(), digest_once(&find(folder, &value)?)?.0);
            if let Some(output) = outputs.pointer_mut(&pointer) {
                *output = Value::String(value);
            }
        }
    }
    Ok(digests)
}

/// What the files of a folder count for the step's limit. Those that an earlier try has left are still its own.
pub(super) fn counted(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0_u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let inside = if metadata.is_dir() { counted(&entry.path())? } else { metadata.len() };
        sum = sum.saturating_add(ENTRY).saturating_add(inside);
    }
    Ok(sum)
}

/// The file of an artifact, `<step>/<path>`.
pub(super) fn find(folder: &RunFolder, value: &str) -> Result<PathBuf, ArtifactError> {
    let outside = || ArtifactError::Outside(value.to_owned());
    let missing = |_| ArtifactError::Missing(value.to_owned());
    if !is_below(value) {
        return Err(outside());
    }
    let artifacts = folder.artifacts().canonicalize().map_err(missing)?;
    let file = artifacts.join(value);
    // A component can make links, also such that lead out of its folder; it cannot follow them there, the host could.
    if file.canonicalize().map_err(missing)? != file {
        return Err(outside());
    }
    if file.is_file() { Ok(file) } else { Err(ArtifactError::Missing(value.to_owned())) }
}
