//! Why a data set or a model cannot be had.

use std::path::PathBuf;

/// Why a data set or a model cannot be had. Every message names what it is about.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DataError {
    #[error("failed to read `{path}`: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("failed to write `{path}`: {source}", path = path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is not a file", path = path.display())]
    NotAFile { path: PathBuf },
    #[error("`{name}` has the SHA-256 {found}, the spec wants {wanted}")]
    Digest { name: String, found: String, wanted: String },
    #[error("there is no folder in which to keep what is fetched")]
    NoCache,
    #[error("the cache of data `{path}` {reason}", path = path.display())]
    Cache { path: PathBuf, reason: String },
    #[error("{why}")]
    Refused { why: String, hint: Option<&'static str> },
    #[error("`{name}` cannot be had for now: the server answers {status}")]
    Away { name: String, status: u16 },
    #[error("`{name}` cannot be reached{through}: {why}")]
    Unreachable { name: String, through: String, why: String },
    #[error("no secure connection for `{name}`{through}: {why}")]
    Insecure { name: String, through: String, why: String },
    #[error("{why}")]
    Trust { why: String },
    #[error("`{name}` leads from {from} to {to}")]
    Redirect { name: String, from: &'static str, to: String },
    #[error("`{name}` broke off after {got} bytes: {why}")]
    Broken { name: String, got: u64, why: String },
    #[error("`{name}` has more than the {max} bytes that it may have")]
    TooLarge { name: String, max: u64 },
    #[error("`{name}` has more than the {max} bytes that it may have once it is unpacked")]
    TooLargeUnpacked { name: String, max: u64 },
    #[error("`{path}` is a folder where the cache keeps a file", path = path.display())]
    Folder { path: PathBuf },
    #[error("`{name}` is Parquet compressed with {codec}, which is not read")]
    Codec { name: String, codec: String },
    #[error("`{name}` cannot be read as {form}: {why}")]
    Form { name: String, form: &'static str, why: String },
    #[error("`{name}` cannot be read as {form}: it ends too early")]
    Cut { name: String, form: &'static str },
    #[error("the column `{column}` of `{name}` {why}")]
    Column { name: String, column: String, why: String },
    #[error("interrupted while `{name}` was fetched")]
    Interrupted { name: String },
}

impl DataError {
    /// The one action that mends it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCache | Self::Cache { .. } => "set STEPWISE_CACHE to a folder of yours",
            Self::Refused { hint, .. } => (*hint)?,
            Self::Insecure { .. } => {
                "if its certificate is from an authority of your own, name that one's file as `ca_file`"
            }
            Self::TooLarge { .. } | Self::TooLargeUnpacked { .. } => "raise its `max_size`",
            Self::Folder { .. } => "remove it",
            Self::Codec { .. } => "write it with snappy, gzip, zstd or no compression",
            Self::Form { .. } => "say in which form it comes: `format: csv`, `gzip`, `zstd` or `parquet`",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the same spec may do better another time, or on another machine.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Write { .. }
                | Self::NoCache
                | Self::Cache { .. }
                | Self::Folder { .. }
                | Self::Away { .. }
                | Self::Unreachable { .. }
                | Self::Broken { .. }
                | Self::Interrupted { .. }
        )
    }
}
