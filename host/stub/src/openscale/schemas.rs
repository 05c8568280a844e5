//! The schemas of a subscription, and the roles of their fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::subscription_body::Properties;

/// A Spark struct.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Struct,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Struct {
    Struct,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(super) name: String,
    /// A type's name, or `{"type": "array", …}`.
    #[serde(rename = "type")]
    pub(super) kind: Value,
    #[serde(default = "yes")]
    nullable: bool,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

fn yes() -> bool {
    true
}

impl Field {
    pub(super) fn new(name: &str, kind: Value) -> Self {
        Self { name: name.to_owned(), kind, nullable: true, metadata: Map::new() }
    }

    /// Whether a value, null apart, has the field's type. Types that the stub does not know take anything.
    pub(super) fn takes(&self, value: &Value) -> bool {
        match self.kind.as_str() {
            Some("double" | "float" | "decimal") => value.is_number(),
            Some("integer" | "long" | "short" | "int" | "int64" | "bigint") => {
                value.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        }
    }
}

impl Schema {
    pub(super) fn of(fields: Vec<Field>) -> Self {
        Self { id: None, kind: Struct::Struct, fields }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Gives every field the role that the properties' names say.
    pub(super) fn assign_roles(&mut self, properties: &Properties) {
        for field in &mut self.fields {
            if let Some(role) = role(field, properties) {
                field.metadata.insert("modeling_role".into(), json!(role));
            }
            let among = |names: &Option<Vec<String>>| names.iter().flatten().any(|name| *name == field.name);
            if among(&properties.categorical_fields) {
                field.metadata.insert("measure".into(), json!("discrete"));
            }
            if properties.transaction_id_field.as_ref() == Some(&field.name) {
                field.metadata.insert("transaction_id_key".into(), json!(true));
            }
        }
    }
}

fn role(field: &Field, properties: &Properties) -> Option<&'static str> {
    let is = |name: &Option<String>| name.as_ref() == Some(&field.name);
    let among = |names: &Option<Vec<String>>| names.iter().flatten().any(|name| *name == field.name);
    if is(&properties.label_column) {
        Some("target")
    } else if is(&properties.prediction_field) {
        Some("prediction")
    } else if is(&properties.predicted_target_field) {
        Some("decoded-target")
    } else if among(&properties.probability_fields) {
        Some(if field.kind.is_object() { "probability" } else { "class_probability" })
    } else if among(&properties.feature_fields) {
        Some("feature")
    } else {
        None
    }
}
