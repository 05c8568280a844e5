//! Brings the files that a step's inputs name to `/data`, read-only.
//!
//! A step sees a folder, not single files, so a folder is made that holds those files and nothing else: hard links where
//! the file system allows, else copies. A shard is lent its part of the rows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{DataError, Local, Shard, ShardError, copy_shard, digest_once, digest_shard, is_below};

/// A file that was lent to a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LentFile {
    /// The input's value; the file is `/data/<value>`.
    pub value: String,
    /// `data-set`, `model` or `artifact`.
    pub format: String,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// What it was made of, if it came in another form.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub made_of: Option<MadeOf>,
}

/// What a lent file was made of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MadeOf {
    /// What the source is called.
    pub source: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// Why a file cannot be lent.
#[derive(Debug, thiserror::Error)]
pub enum LendError {
    /// The file cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The value leads out of the folders that may be lent from.
    #[error("`{0}` is not a path below its folder")]
    Outside(String),
    /// Its rows cannot be split.
    #[error("the data set `{value}`: {source}")]
    Shard {
        /// The input's value.
        value: String,
        /// Why not.
        source: ShardError,
    },
    /// Two inputs name different files the same.
    #[error("two inputs name different files `{0}`")]
    Twice(String),
    /// The file system says no.
    #[error("failed to lend `{value}`: {source}")]
    Lend {
        /// The input's value.
        value: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// A folder with lent files; removed when it is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<LentFile>,
    pub(super) models: BTreeMap<String, PathBuf>,
}

/// A file to lend: the input's value, its format, where it is, and of which shard its rows are lent, if not all.
pub(super) struct Loan {
    pub(super) value: String,
    pub(super) format: &'static str,
    pub(super) source: Local,
    pub(super) shard: Option<Shard>,
}

impl Loan {
    /// SHA-256 and length of what is lent.
    pub(super) fn digest(&self) -> Result<(String, u64), LendError> {
        match self.shard {
            Some(shard) => digest_shard(&self.source.path, shard).map_err(|source| self.not_split(source)),
            None => Ok(digest_once(&self.source.path)?),
        }
    }

    fn not_split(&self, source: ShardError) -> LendError {
        LendError::Shard { value: self.value.clone(), source }
    }
}

impl Lent {
    /// Lends the files in a new folder.
    pub(super) fn new(folder: PathBuf, loans: Vec<Loan>) -> Result<Self, LendError> {
        let mut lent = Self { folder, files: Vec::new(), models: BTreeMap::new() };
        // Left there by a run that was killed.
        let _ = fs::remove_dir_all(&lent.folder);
        fs::create_dir_all(&lent.folder).map_err(|source| LendError::Lend { value: "/data".into(), source })?;
        let mut sources: BTreeMap<String, Local> = BTreeMap::new();
        for loan in loans {
            if !is_below(&loan.value) {
                return Err(LendError::Outside(loan.value));
            }
            match sources.get(&loan.value) {
                Some(known) if *known == loan.source => continue,
                Some(_) => return Err(LendError::Twice(loan.value)),
                None => {}
            }
            let (sha256, bytes) = lent.lend(&loan)?;
            if loan.format == "model" {
                lent.models.insert(loan.value.clone(), lent.folder.join(&loan.value));
            }
            let made_of = loan.source.made_of.clone().map(|(source, sha256)| MadeOf { source, sha256 });
            sources.insert(loan.value.clone(), loan.source);
            lent.files.push(LentFile { value: loan.value, format: loan.format.to_owned(), sha256, bytes, made_of });
        }
        Ok(lent)
    }

    /// Lends a file; answers its SHA-256 and its length.
    fn lend(&self, loan: &Loan) -> Result<(String, u64), LendError> {
        let failed = |source| LendError::Lend { value: loan.value.clone(), source };
        let target = self.folder.join(&loan.value);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let Some(shard) = loan.shard else {
            Self::link(&loan.source.path, &target).map_err(failed)?;
            return loan.digest();
        };
        let mut out = BufWriter::new(File::create(target).map_err(failed)?);
        let copied = copy_shard(&loan.source.path, shard, &mut out).map_err(|source| loan.not_split(source))?;
        out.flush().map_err(failed)?;
        Ok(copied)
    }

    fn link(source: &Path, target: &Path) -> std::io::Result<()> {
        // A symbolic link would be linked itself, and lead nowhere.
        let source = fs::canonicalize(source)?;
        // Another file system, or another user's file: a copy does as well.
        fs::hard_link(&source, target).or_else(|_| fs::copy(&source, target).map(|_| ()))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What stays behind is removed when the step runs again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
