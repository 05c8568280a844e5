//! The body of a subscription: the asset, its deployment, and what the monitors know about them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::data_sets::Row;
use super::schemas::{Field, Schema};

/// The body of a subscription, as made and as patched.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub(super) data_mart_id: String,
    pub(super) service_provider_id: String,
    pub(super) asset: Asset,
    pub(super) deployment: Deployment,
    #[serde(default)]
    pub(super) asset_properties: Properties,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_evaluation_status: Option<Risk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analytics_engine: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_sources: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integration_reference: Option<Value>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
pub(crate) struct Asset {
    pub(super) asset_id: String,
    asset_type: AssetType,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_data_type: Option<InputDataType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem_type: Option<ProblemType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum AssetType {
    Model,
    Function,
    Prompt,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum InputDataType {
    Structured,
    UnstructuredText,
    UnstructuredImage,
    UnstructuredAudio,
    UnstructuredVideo,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemType {
    Binary,
    Multiclass,
    Regression,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
pub(crate) struct Deployment {
    pub(super) deployment_id: String,
    pub(super) name: String,
    deployment_type: DeploymentType,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_rn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoring_endpoint: Option<ScoringEndpoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum DeploymentType {
    Online,
    Batch,
    Detached,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScoringEndpoint {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoring_timeout: Option<u32>,
}

/// What the monitors know about the asset.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Properties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prediction_field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) predicted_target_field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probability_fields: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_fields: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) categorical_fields: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transaction_id_field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training_data_reference: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) training_data_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_data_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_data_schema: Option<Schema>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Risk {
    state: RiskState,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum RiskState {
    PendingEvaluation,
    Approved,
    Rejected,
}

impl Properties {
    /// Features without the label, which an input schema may carry.
    pub(super) fn discover(&mut self) {
        if let (None, Some(schema)) = (&self.feature_fields, &self.input_data_schema) {
            let names = schema.fields.iter().map(|field| field.name.clone());
            self.feature_fields = Some(names.filter(|name| Some(name) != self.label_column.as_ref()).collect());
        }
        let roles = self.clone();
        let schemas = [&mut self.training_data_schema, &mut self.input_data_schema, &mut self.output_data_schema];
        for schema in schemas.into_iter().flatten() {
            schema.assign_roles(&roles);
        }
    }

    /// A reference holds keys to the data: the service keeps it as a secret and never shows it again.
    pub(super) fn keep_secrets(&mut self) {
        if let Some(reference) = &mut self.training_data_reference
            && !reference.contains_key("secret_id")
        {
            *reference = Map::from_iter([("secret_id".to_owned(), json!(Uuid::new_v4().to_string()))]);
        }
    }

    /// Takes the output schema from the first payload that is logged, if none was given.
    pub(super) fn learn_outputs(&mut self, row: &Row) {
        if self.output_data_schema.is_some() {
            return;
        }
        let names = self.prediction_field.iter().chain(self.probability_fields.iter().flatten());
        let kind = |value: &Value| match value {
            Value::Array(_) => json!({"type": "array", "elementType": "double", "containsNull": true}),
            Value::String(_) => json!("string"),
            Value::Number(number) if number.is_i64() => json!("integer"),
            _ => json!("double"),
        };
        self.output_data_schema =
            Some(Schema::of(names.map(|name| Field::new(name, kind(row.get(name).unwrap_or(&Value::Null)))).collect()));
        self.discover();
    }
}
