//! `data` and `models`: what the entries have in common, wherever the bytes come from.

use schemars::JsonSchema;
use serde::Deserialize;

/// An entry of `data` or `models`. One more key says where it comes from; which there are is the host's matter, which also
/// refuses unknown ones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct DataSpec {
    /// What the SHA-256 of the source must be, 64 hex digits.
    pub sha256: Option<String>,
    /// How large it may be, as it comes and unpacked, for example `500MiB`. Without it, 4GiB for what is fetched or unpacked.
    #[schemars(example = &"500MiB")]
    pub max_size: Option<String>,
    /// The form in which a data set comes. Without it, its first bytes and its name tell.
    pub format: Option<FormatSpec>,
    /// `https`: PEM file with further certificate authorities, relative to the spec.
    pub ca_file: Option<String>,
    /// `https`: accept any certificate, and plain `http`.
    #[serde(default)]
    pub insecure: bool,
}

/// The forms in which a data set may come. A step is lent CSV, whichever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatSpec {
    /// Lent as it is.
    Csv,
    /// CSV in gzip.
    Gzip,
    /// CSV in zstd.
    Zstd,
    /// A Parquet file without nested columns.
    Parquet,
}
