//! A step's JSON Schema, as far as the host looks into it.

use serde_json::{Map, Value};

use crate::spec::{Violation, violations};

/// A schema of inputs or outputs.
#[derive(Debug)]
pub struct Schema {
    /// The schema itself.
    pub value: Value,
    validator: jsonschema::Validator,
}

/// What a string of an input names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An entry of the spec's `data`.
    DataSet,
    /// A model's file, relative to the spec.
    Model,
    /// A file that a step wrote.
    Artifact,
}

impl Format {
    /// Reads a schema's `format`, if it is one of these.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "data-set" => Some(Self::DataSet),
            "model" => Some(Self::Model),
            "artifact" => Some(Self::Artifact),
            _ => None,
        }
    }

    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataSet => "data-set",
            Self::Model => "model",
            Self::Artifact => "artifact",
        }
    }
}

/// Inputs that the host gives to a step that is split into shards, by their names.
#[derive(Debug, Clone, Copy)]
pub struct ShardInputs<'a> {
    /// Which shard it is, if the step wants to know.
    pub which: Option<&'a str>,
    /// What all shards have answered, for the call that puts it together.
    pub answers: &'a str,
}

/// Whether a property has that part in splitting its step.
fn is_for(property: &Value, role: &str) -> bool {
    property.get("x-shard").and_then(Value::as_str) == Some(role)
}

impl Schema {
    /// Reads a schema of an object.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        if value.get("type").and_then(Value::as_str) != Some("object") {
            return Err("is not one of an object".to_owned());
        }
        let validator = jsonschema::draft202012::new(&value).map_err(|error| format!("is no JSON Schema: {error}"))?;
        Ok(Self { value, validator })
    }

    /// What does not fit.
    pub fn errors(&self, instance: &Value) -> Vec<Violation> {
        violations(&self.validator, &self.value, instance)
    }

    /// The properties of the object, in the schema's order.
    pub fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.value.get("properties").and_then(Value::as_object).unwrap_or(&NONE).iter()
    }

    /// Whether the object must have a property.
    pub fn requires(&self, name: &str) -> bool {
        let required = self.value.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|known| known == name))
    }

    /// The input that the host gives to a step which removes what lost runs have left.
    pub fn stale(&self) -> Option<&str> {
        let mut given = self.properties().filter(|(_, property)| property.get("x-stale") == Some(&Value::Bool(true)));
        given.next().map(|(name, _)| name.as_str())
    }

    /// The inputs by which a step is split into shards; none if it cannot be.
    pub fn shards(&self) -> Option<ShardInputs<'_>> {
        let named =
            |role| self.properties().find(|(_, property)| is_for(property, role)).map(|(name, _)| name.as_str());
        named("rows")?;
        Some(ShardInputs { which: named("which"), answers: named("answers")? })
    }

    /// Whether what a pointer leads to is a data set whose rows are split among shards.
    pub fn is_split(&self, pointer: &str) -> bool {
        self.at(pointer.split('/').skip(1)).is_some_and(|property| is_for(property, "rows"))
    }

    /// The part of the schema for what a path leads to; none if nothing can be there.
    pub fn at<'a>(&'a self, path: impl IntoIterator<Item = &'a str>) -> Option<&'a Value> {
        path.into_iter().try_fold(&self.value, |schema, key| child(schema, key))
    }

    /// All strings of an instance that name files: their JSON pointer, format and value.
    pub fn files(&self, instance: &Value) -> Vec<(String, Format, String)> {
        let mut files = Vec::new();
        collect(&self.value, instance, "", &mut files);
        files
    }
}

/// The types that a schema allows; none means any.
pub fn types(schema: &Value) -> Option<Vec<String>> {
    if let Some(alternatives) = alternatives(schema) {
        let types: Option<Vec<Vec<String>>> = alternatives.iter().map(types).collect();
        return types.map(|types| types.concat());
    }
    match schema.get("type") {
        Some(Value::String(name)) => Some(vec![name.clone()]),
        Some(Value::Array(names)) => Some(names.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => {
            let listed = schema.get("enum").and_then(Value::as_array)?;
            listed.iter().all(Value::is_string).then(|| vec!["string".to_owned()])
        }
    }
}

/// Whether a value of one schema can be one of another.
pub fn may_fit(from: &Value, to: &Value) -> bool {
    let (Some(from), Some(to)) = (types(from), types(to)) else { return true };
    from.iter().any(|from| to.contains(from) || (from == "integer" && to.iter().any(|to| to == "number")))
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

fn child<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    if let Some(found) = schema.get("properties").and_then(|properties| properties.get(key)) {
        return Some(found);
    }
    if key.parse::<usize>().is_ok()
        && let Some(items) = schema.get("items")
    {
        return Some(items);
    }
    if let Some(additional) = schema.get("additionalProperties").filter(|additional| additional.is_object()) {
        return Some(additional);
    }
    alternatives(schema)?.iter().find_map(|alternative| child(alternative, key))
}

fn collect(schema: &Value, instance: &Value, pointer: &str, files: &mut Vec<(String, Format, String)>) {
    if let Some(alternatives) = alternatives(schema) {
        for alternative in alternatives {
            collect(alternative, instance, pointer, files);
        }
    }
    match instance {
        Value::String(text) => {
            let format = schema.get("format").and_then(Value::as_str).and_then(Format::parse);
            files.extend(format.map(|format| (pointer.to_owned(), format, text.clone())));
        }
        Value::Object(members) => {
            for (key, member) in members {
                if let Some(schema) = child(schema, key) {
                    collect(schema, member, &format!("{pointer}/{key}"), files);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                if let Some(schema) = child(schema, &n.to_string()) {
                    collect(schema, item, &format!("{pointer}/{n}"), files);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(value: &Value) -> Schema {
        Schema::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn files_are_found_wherever_they_are() {
        let schema = schema(&json!({"type": "object", "properties": {
            "model": {"type": "string", "format": "model"},
            "data": {"anyOf": [{"type": "string", "format": "data-set"}, {"type": "null"}]},
            "more": {"type": "array", "items": {"type": "string", "format": "data-set"}},
            "name": {"type": "string"},
        }}));

        let files = schema.files(&json!({"model": "m.onnx", "data": "target", "more": ["a"], "name": "x"}));

        assert_eq!(
            files,
            [
                ("/data".into(), Format::DataSet, "target".into()),
                ("/model".into(), Format::Model, "m.onnx".into()),
                ("/more/0".into(), Format::DataSet, "a".into()),
            ]
        );
    }

    #[test]
    fn an_integer_may_stand_for_a_number_and_not_the_other_way_round() {
        assert!(may_fit(&json!({"type": "integer"}), &json!({"type": ["number", "null"]})));
        assert!(!may_fit(&json!({"type": "number"}), &json!({"type": "integer"})));
        assert!(may_fit(&json!({}), &json!({"type": "integer"})));
        assert!(!may_fit(&json!({"type": "string"}), &json!({"anyOf": [{"type": "integer"}, {"type": "null"}]})));
    }

    #[test]
    fn a_path_leads_through_properties_items_and_maps() {
        let schema = schema(&json!({"type": "object", "properties": {
            "metrics": {"type": "object", "additionalProperties": {"type": "number"}},
            "gates": {"type": "array", "items": {"type": "object", "properties": {"passed": {"type": "boolean"}}}},
        }}));

        assert_eq!(schema.at(["metrics", "accuracy"]), Some(&json!({"type": "number"})));
        assert_eq!(schema.at(["gates", "0", "passed"]), Some(&json!({"type": "boolean"})));
        assert_eq!(schema.at(["nothing"]), None);
    }
}
