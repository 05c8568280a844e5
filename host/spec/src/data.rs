//! `data`: where data sets come from.

use schemars::JsonSchema;
use serde::Deserialize;

/// An entry of `data`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DataSpec {
    /// A local file, relative to the spec.
    pub file: Option<String>,
    /// What the file's SHA-256 must be, 64 hex digits.
    pub sha256: Option<String>,
}
