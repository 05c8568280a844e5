//! The top level of a spec, as its JSON Schema has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{DataSpec, ServiceSpec, StepSpec};

/// A pipeline of stepwise.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "its parts are read one by one, so that one error does not hide another")]
struct Top {
    /// The version of this format: 1.
    version: u32,
    /// The pipeline's name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first.
    name: String,
    /// Where steps may send requests, by the names that steps use.
    #[serde(default)]
    services: BTreeMap<String, ServiceSpec>,
    /// The data sets, by name.
    #[serde(default)]
    data: BTreeMap<String, DataSpec>,
    /// The steps, in the order in which they run.
    steps: Vec<StepSpec>,
}

/// The JSON Schema of a spec, without references, so that a path into it is a path into its text.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Top>().to_value()
}
