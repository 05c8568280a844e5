//! `params`: values that a caller may choose.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// An entry of `params`; steps read it as `${{ params.NAME }}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ParamSpec {
    /// What kind of value it is.
    #[serde(rename = "type")]
    #[schemars(required)]
    pub kind: Option<ParamType>,
    /// The value, unless a profile or `--set` gives another; without it, one of these must. It may read `env`.
    pub default: Option<Value>,
    /// The values that it may have; without it, any.
    pub allowed: Option<Vec<Value>>,
    /// What it is for.
    pub description: Option<String>,
}

/// The kinds of values of params.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// A text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl ParamType {
    /// Whether a value is of this kind.
    pub fn has(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
        }
    }

    /// As JSON Schema calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}
