//! An entry of the spec's `data` or `models`: its schema, made of what all entries have and of what each kind adds.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::source::schema_of;
use super::{KINDS, Kind, Source};
use crate::spec::{DataSpec, Violation, violations};

/// What the bytes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A table, which steps read as CSV.
    Data,
    /// A model, which is lent as it is.
    Model,
}

impl Role {
    /// The key of the spec that holds such entries.
    pub fn key(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Model => "models",
        }
    }

    /// What messages call one.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Data => "data set",
            Self::Model => "model",
        }
    }
}

/// The schema of an entry, and what checks it.
static SCHEMA: LazyLock<(Value, jsonschema::Validator)> = LazyLock::new(|| {
    let mut schema = schema_of::<DataSpec>();
    for kind in KINDS {
        schema["properties"][kind.key] = (kind.schema)();
    }
    schema["additionalProperties"] = json!(false);
    let validator = jsonschema::draft202012::new(&schema).expect("it is made of types, and a test makes it");
    (schema, validator)
});

/// The kinds of source.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

/// The schema of an entry.
pub fn schema() -> &'static Value {
    &SCHEMA.0
}

/// What an entry has that its schema does not allow.
pub fn violated(entry: &Value) -> Vec<Violation> {
    violations(&SCHEMA.1, &SCHEMA.0, entry)
}

/// The schema of a whole spec, with the kinds of source in it.
pub fn with_kinds(mut schema: Value) -> Value {
    for role in [Role::Data, Role::Model] {
        schema["properties"][role.key()]["additionalProperties"] = SCHEMA.0.clone();
    }
    schema
}

/// A source of a kind; its value must be what the schema says, with all references resolved.
pub fn read(kind: &Kind, value: Value) -> Result<Arc<dyn Source>, String> {
    (kind.read)(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_spec_knows_every_kind() {
        let schema = with_kinds(crate::spec::schema());
        for kind in kinds() {
            for role in [Role::Data, Role::Model] {
                let pointer = format!("/properties/{}/additionalProperties/properties/{}", role.key(), kind.key);
                assert!(schema.pointer(&pointer).is_some_and(|kind| kind["description"].is_string()), "{pointer}");
            }
        }
    }

    #[test]
    fn an_unknown_key_of_a_kind_is_told() {
        let entry =
            json!({"s3": {"bucket": "b", "key": "k", "access_key_id": "a", "secret_access_key": "s", "regoin": "x"}});
        let found = violated(&entry);
        assert_eq!((found.len(), found[0].pointer.as_str(), found[0].key.as_deref()), (1, "/s3", Some("regoin")));
        assert_eq!(found[0].hint.as_deref(), Some("is `region` meant?"));
    }
}
