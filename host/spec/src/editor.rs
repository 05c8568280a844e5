//! The JSON Schema of a spec for editors: with the inputs of every step in it.

use serde_json::{Value, json};

use super::top;

/// A step that a spec may name.
#[derive(Debug)]
pub struct KnownStep<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does, in one line.
    pub summary: &'a str,
    /// The schema of its inputs.
    pub inputs: &'a Value,
}

/// The schema of a spec whose steps are known.
pub fn schema_with(steps: &[KnownStep<'_>]) -> Value {
    let mut schema = top::schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "A pipeline of stepwise".into());
    }
    if let Some(version) = schema.pointer_mut("/properties/version") {
        version["const"] = json!(1);
    }
    let names: Vec<Value> = steps.iter().map(|step| json!({"const": step.name, "description": step.summary})).collect();
    if let Some(step) = schema.pointer_mut("/properties/steps/items").and_then(Value::as_object_mut) {
        step.insert("oneOf".to_owned(), json!([{"required": ["step"]}, {"required": ["module"]}]));
        step.insert("allOf".to_owned(), steps.iter().map(inputs).collect());
        if let Some(name) = step.get_mut("properties").and_then(|properties| properties.get_mut("step")) {
            name["anyOf"] = names.into();
        }
    }
    schema
}

/// Whether an input is the host's to give, by its schema: what is stale, which shard this is, or what all have answered.
pub fn is_given(property: &Value) -> bool {
    let shard = property.get("x-shard").and_then(Value::as_str);
    property.get("x-stale") == Some(&Value::Bool(true)) || matches!(shard, Some("which" | "answers"))
}

/// That a step's inputs are what it describes, but for those that the host gives.
fn inputs(step: &KnownStep<'_>) -> Value {
    let mut said = step.inputs.clone();
    if let Some(properties) = said.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|_, property| !is_given(property));
    }
    let is_said = |name: &Value| name.as_str().is_some_and(|name| said["properties"].get(name).is_some());
    let required = said.get("required").and_then(Value::as_array).into_iter().flatten();
    let required: Vec<_> = required.filter(|name| is_said(name)).cloned().collect();
    if let Some(names) = said.get_mut("required") {
        *names = required.into();
    }
    let mut then = json!({"properties": {"inputs": inside(&said)}});
    let required = said.get("required").and_then(Value::as_array);
    if required.is_some_and(|names| !names.is_empty()) {
        then["required"] = json!(["inputs"]);
    }
    json!({"if": {"properties": {"step": {"const": step.name}}, "required": ["step"]}, "then": then})
}

/// A schema whose parts may also be texts with references.
fn inside(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let Some(object) = schema.as_object_mut() else { return schema };
    for key in ["items", "additionalProperties"] {
        if let Some(part) = object.get_mut(key).filter(|part| part.is_object()) {
            *part = or_reference(part);
        }
    }
    for part in object.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut())
    {
        *part = or_reference(part);
    }
    for key in ["anyOf", "oneOf"] {
        for part in object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            *part = inside(part);
        }
    }
    schema
}

fn or_reference(schema: &Value) -> Value {
    let mut inner = inside(schema);
    let mut outer = json!({});
    // Editors show what stands at the top.
    for key in ["description", "default"] {
        if let Some(value) = inner.as_object_mut().and_then(|inner| inner.remove(key)) {
            outer[key] = value;
        }
    }
    outer["anyOf"] = json!([inner, {"type": "string", "pattern": r"\$\{\{.*\}\}"}]);
    outer
}
