//! A data set or a model of a plan, and how it gets here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::Cache;
use super::convert::to_csv;
use super::download::Download;
use super::{DataError, Location, Role, Source, digest_once};
use crate::deadline::Stop;
use crate::services::Secret;
use crate::services::plain::{self, FetchTrust};
use crate::spec::FormatSpec;

/// What is fetched or unpacked may have as much, unless the spec says more: a folder of data in a wrong place must not
/// fill the disk.
const MAX_BYTES: u64 = 4 << 30;

/// A data set or a model as the plan knows it.
#[derive(Debug)]
pub struct DataSet {
    /// Where it comes from.
    pub source: Arc<dyn Source>,
    /// What it is for.
    pub role: Role,
    /// What the SHA-256 of the source must be, in lower case.
    pub sha256: Option<String>,
    /// How large it may be, if the spec says so.
    pub max_bytes: Option<u64>,
    /// The form in which it comes, if the spec says so.
    pub form: Option<FormatSpec>,
    /// PEM file of authorities that are trusted beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Trusts anybody, in the clear too.
    pub insecure: bool,
    /// What files are relative to.
    pub base: PathBuf,
}

/// A file of this machine that holds a data set or a model as steps read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The file.
    pub path: PathBuf,
    /// What the source is called, and its digest, if the file is made of it.
    pub made_of: Option<(String, String)>,
}

impl Local {
    /// A file that is lent as it is.
    pub fn file(path: PathBuf) -> Self {
        Self { path, made_of: None }
    }
}

impl DataSet {
    /// What can be known without a request: whether a local file is there, and is the right one, or whether there is
    /// what is trusted on the way.
    pub fn check(&self) -> Result<(), DataError> {
        match self.source.location() {
            Location::File(path) => self.open(&path).map(drop),
            Location::Address(_) => plain::check(&self.trust()).map_err(|why| DataError::Trust { why }),
        }
    }

    /// What everybody should know who trusts the run.
    pub fn warning(&self, name: &str) -> Option<String> {
        let Location::Address(url) = self.source.location() else { return None };
        let way = if url.starts_with("http://") { "without TLS" } else { "whatever its certificate says" };
        let who = if url.starts_with("http://") { "everybody" } else { "somebody" };
        let can = if self.sha256.is_some() { "read it" } else { "change it" };
        let noun = self.role.noun();
        self.insecure.then(|| format!("{noun} `{name}` is `insecure`; it is fetched {way}: {who} on the way can {can}"))
    }

    /// Brings it here, in the form that steps read.
    pub fn fetch(&self, stop: &Stop, say: &dyn Fn(&str)) -> Result<Local, DataError> {
        let path = match self.source.location() {
            Location::File(path) => self.open(&path)?,
            Location::Address(_) => Download { set: self, cache: &Cache::of_user()?, stop, say }.fetch()?,
        };
        match self.role {
            Role::Data => to_csv(self, path, stop, say),
            Role::Model => Ok(Local::file(path)),
        }
    }

    /// What of it, and of the way to it, nobody may read.
    pub fn secrets(&self) -> Vec<Secret> {
        let way = match self.source.location() {
            Location::File(_) => Vec::new(),
            Location::Address(url) => plain::secrets(&url),
        };
        self.source.secrets().into_iter().cloned().chain(way).collect()
    }

    /// The file itself, if it is one, and the right one.
    fn open(&self, path: &Path) -> Result<PathBuf, DataError> {
        let path = self.base.join(path);
        let metadata = std::fs::metadata(&path).map_err(|source| DataError::Read { path: path.clone(), source })?;
        if !metadata.is_file() {
            return Err(DataError::NotAFile { path });
        }
        let name = || path.display().to_string();
        if let Some(max) = self.max_bytes.filter(|max| metadata.len() > *max) {
            return Err(DataError::TooLarge { name: name(), max });
        }
        if let Some(wanted) = &self.sha256 {
            let (found, _) = digest_once(&path)?;
            if found != *wanted {
                return Err(DataError::Digest { name: name(), found, wanted: wanted.clone() });
            }
        }
        Ok(path)
    }

    /// How much may be fetched.
    pub(super) fn max_fetched(&self) -> u64 {
        self.max_bytes.unwrap_or(MAX_BYTES)
    }

    pub(super) fn trust(&self) -> FetchTrust<'_> {
        FetchTrust { ca_file: self.ca_file.as_deref(), insecure: self.insecure }
    }
}
