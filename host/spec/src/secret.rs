//! `secrets`: where secrets are read that are not an environment variable of their own name.

use schemars::JsonSchema;
use serde::Deserialize;

/// An entry of `secrets`: one of the two.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SecretSpec {
    /// A file that holds nothing else, relative to the spec; one line break at its end is no part of the secret.
    pub file: Option<String>,
    /// An environment variable of another name.
    pub env: Option<String>,
}
