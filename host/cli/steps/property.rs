//! What a person wants to know of an input or output, and of what a step needs beside services.

use serde_json::Value;

use crate::engine::{Format, Info, Schema, types};
use crate::spec::is_given;

/// An input or output.
pub(super) struct Property {
    pub(super) name: String,
    /// What may stand there, in words.
    pub(super) kind: String,
    /// Its default, or whether it must be there.
    pub(super) state: String,
    /// Of one line or more.
    pub(super) description: String,
}

impl Property {
    /// All of a schema, in its order.
    pub(super) fn all(schema: &Schema) -> Vec<Self> {
        schema.properties().map(|(name, property)| Self::read(name, property, schema.requires(name))).collect()
    }

    fn read(name: &str, property: &Value, required: bool) -> Self {
        let format = property.get("format").and_then(Value::as_str).and_then(Format::parse);
        let kind = match (format, types(property)) {
            (Some(format), _) => format.name().to_owned(),
            (None, Some(types)) => types.into_iter().filter(|name| name != "null").collect::<Vec<_>>().join(" or "),
            (None, None) => "anything".to_owned(),
        };
        let state = match property.get("default").filter(|default| !default.is_null()) {
            Some(default) => format!("default {default}"),
            None if is_given(property) => "given".to_owned(),
            None if required => "required".to_owned(),
            None => "optional".to_owned(),
        };
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { name: name.to_owned(), kind, state, description }
    }
}

/// What it needs beside services.
pub(super) fn wishes(info: &Info) -> impl Iterator<Item = &'static str> {
    let wishes = [
        (info.scoring, "local scoring"),
        (info.artifacts, "a folder for artifacts"),
        (info.removes, "to remove what the run created"),
    ];
    wishes.into_iter().filter(|(needs, _)| *needs).map(|(_, wish)| wish)
}
