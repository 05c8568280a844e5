//! The top level of a spec, as its JSON Schema has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::step::{LimitsSpec, RetrySpec};
use super::{DataSpec, ParamSpec, SecretSpec, ServiceSpec, StepSpec};

/// A pipeline of stepwise.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "its parts are read one by one, so that one error does not hide another")]
struct Top {
    /// The version of this format: 1.
    version: u32,
    /// The pipeline's name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first.
    name: String,
    /// How long a call of `stepwise run` may take before the steps that are `always` run; without it, as long as it takes.
    #[schemars(example = &"90s", example = &"10m")]
    timeout: Option<String>,
    /// What a caller may choose, by name.
    #[serde(default)]
    params: BTreeMap<String, ParamSpec>,
    /// Changes to this spec, by the name under which `--profile` chooses them.
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
    /// What holds for every step that does not say otherwise.
    #[serde(default)]
    defaults: Defaults,
    /// Where steps may send requests, by the names that steps use.
    #[serde(default)]
    services: BTreeMap<String, ServiceSpec>,
    /// Where secrets are read that are no environment variable of their own name, by the name that `${{ secrets.NAME }}` has.
    #[serde(default)]
    secrets: BTreeMap<String, SecretSpec>,
    /// The data sets, by name.
    #[serde(default)]
    data: BTreeMap<String, DataSpec>,
    /// The models that do not lie beside the spec, by name.
    #[serde(default)]
    models: BTreeMap<String, DataSpec>,
    /// The steps, in the order in which they run.
    steps: Vec<StepSpec>,
}

/// Changes to a spec: each value replaces the one that stands there without the profile, `null` removes it.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "profiles are merged, not read")]
struct Profile {
    /// Profiles that this one adds to, by name.
    #[schemars(schema_with = "names")]
    extends: Value,
    /// How long a run may take.
    #[schemars(example = &"90s", example = &"10m")]
    timeout: Option<String>,
    /// Values of params, by name.
    params: BTreeMap<String, Value>,
    /// Changes to services, by name.
    services: BTreeMap<String, ServiceSpec>,
    /// Changes to where secrets are read, by name.
    secrets: BTreeMap<String, SecretSpec>,
    /// Changes to data sets, by name.
    data: BTreeMap<String, DataSpec>,
    /// Changes to models, by name.
    models: BTreeMap<String, DataSpec>,
    /// Changes to steps, by id.
    steps: BTreeMap<String, StepSpec>,
}

/// What holds for every step that does not say otherwise.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "defaults are merged, not read")]
struct Defaults {
    /// How long a step may take, each try.
    #[schemars(example = &"90s", example = &"10m")]
    timeout: Option<String>,
    /// Whether a step is run again.
    retry: Option<RetrySpec>,
    /// Limits other than the built-in ones.
    limits: Option<LimitsSpec>,
}

fn names(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": ["string", "array"], "items": {"type": "string"}})
}

/// Makes a schema one of changes to what it describes: nothing is required, and everything may be `null`.
fn of_changes(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("required");
    object.remove("default");
    match object.get_mut("type") {
        Some(Value::String(name)) => object["type"] = serde_json::json!([name, "null"]),
        Some(Value::Array(names)) if !names.iter().any(|name| name == "null") => names.push("null".into()),
        _ => {}
    }
    for key in ["properties", "additionalProperties"] {
        match object.get_mut(key) {
            Some(Value::Object(properties)) if key == "properties" => properties.values_mut().for_each(of_changes),
            Some(additional) => of_changes(additional),
            None => {}
        }
    }
}

/// The JSON Schema of a spec, without references, so that a path into it is a path into its text.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Top>().to_value();
    if let Some(profile) = schema.pointer_mut("/properties/profiles/additionalProperties") {
        of_changes(profile);
    }
    schema
}
