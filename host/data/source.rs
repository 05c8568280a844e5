//! A kind of source: what it must know of itself, so that everything else is done for it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::services::Secret;

/// Where bytes come from. The type is what stands under its key in the spec, and its schema documents it. References are
/// resolved before it is read; a text that its schema marks with `x-secret` may or must be one to `secrets`.
pub trait Source: fmt::Debug + Send + Sync {
    /// What is wrong with it that its schema does not tell.
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }

    /// What messages call it. It tells no secret.
    fn name(&self) -> String;

    /// Where the bytes are. It is asked before every request, so that a signature need not last.
    fn location(&self) -> Location;

    /// What tells it from every other source.
    fn identity(&self) -> String {
        self.name()
    }

    /// What nobody may read.
    fn secrets(&self) -> Vec<&Secret> {
        Vec::new()
    }

    /// What an answer without the bytes means, where this is better known than from its status.
    fn refusal(&self, _status: u16, _body: &str) -> Option<Refusal> {
        None
    }
}

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file, relative to the spec.
    File(PathBuf),
    /// Behind an address that answers `GET`; nobody is told it.
    Address(String),
}

/// What is wrong with a source as it is typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Under which of its keys, if not the whole.
    pub key: Option<&'static str>,
    /// What: lowercase, no full stop.
    pub message: String,
}

/// Why a server does not give the bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why: lowercase, no full stop.
    pub why: String,
    /// The one action that mends it.
    pub hint: Option<&'static str>,
}

/// A kind of source, as the spec names it.
pub struct Kind {
    /// The key of the spec.
    pub key: &'static str,
    /// The schema of what stands under it.
    pub schema: fn() -> Value,
    pub(super) read: fn(Value) -> Result<Arc<dyn Source>, serde_json::Error>,
}

impl Kind {
    pub(super) const fn of<S: Source + DeserializeOwned + JsonSchema + 'static>(key: &'static str) -> Self {
        Self { key, schema: schema_of::<S>, read: read::<S> }
    }
}

fn read<S: Source + DeserializeOwned + 'static>(value: Value) -> Result<Arc<dyn Source>, serde_json::Error> {
    Ok(Arc::new(serde_json::from_value::<S>(value)?))
}

pub(super) fn schema_of<S: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<S>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
        schema.remove("title");
    }
    schema
}

/// For `#[serde(deserialize_with)]`: a text that was a reference to `secrets`.
pub(super) fn secret<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Secret, D::Error> {
    Ok(Secret::new(String::deserialize(value)?))
}

/// The same where it may be absent.
pub(super) fn optional_secret<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(Secret::new))
}
