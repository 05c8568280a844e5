//! A column of a data set, as WML's schemas name it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A column: its name and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The column's name
    pub name: String,
    /// What it holds
    pub r#type: FieldType,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<String>, r#type: FieldType) -> Self {
        Self { name: name.into(), r#type }
    }
}

/// What a column holds, in WML's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A number
    Double,
    /// A whole number
    Integer,
    /// A text
    String,
    /// True or false
    Boolean,
    /// Several numbers in one cell, such as the probabilities of the classes; only a model's output can be one
    Array,
}
