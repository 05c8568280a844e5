//! What a run of OpenScale's quality monitor found: its measurement, completed from the run's own result, which also has the
//! metrics that could not be computed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Metrics by id; without a value where it could not be computed.
pub type Metrics = BTreeMap<String, Option<f64>>;

/// How often which label was predicted as which
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ConfusionMatrix {
    /// The labels, in the order of rows and columns; the last one is the positive class
    labels: Vec<Value>,
    /// A row per actual label, a column per predicted one
    values: Vec<Vec<f64>>,
}

/// The metrics of a measurement and of its run. Both can hold those of variants of the model: they are left out.
pub fn metrics(measurement: Option<&Value>, run: &Value) -> Metrics {
    let mut metrics = Metrics::new();
    for (id, value) in result(run)["metrics"].as_object().into_iter().flatten() {
        metrics.insert(id.clone(), value.as_f64());
    }
    let values = measurement.and_then(|measurement| measurement["entity"]["values"].as_array());
    for metric in values
        .into_iter()
        .flatten()
        .filter(|values| is_original(values))
        .filter_map(|values| values["metrics"].as_array())
        .flatten()
    {
        if let Some(id) = metric["id"].as_str() {
            metrics.insert(id.to_owned(), metric["value"].as_f64());
        }
    }
    metrics
}

/// The confusion matrix in a run's result.
pub fn matrix_of_run(run: &Value) -> Option<ConfusionMatrix> {
    ConfusionMatrix::deserialize(&result(run)["confusion_matrix"]).ok()
}

/// The confusion matrix in the sources of a single measurement.
pub fn matrix_of_measurement(measurement: &Value) -> Option<ConfusionMatrix> {
    let sources = measurement["entity"]["sources"].as_array()?;
    let source = sources.iter().find(|source| source["type"] == "confusion_matrix")?;
    ConfusionMatrix::deserialize(&source["data"]).ok()
}

fn is_original(values: &Value) -> bool {
    let mut tags = values["tags"].as_array().into_iter().flatten().filter(|tag| tag["id"] == "model_type");
    tags.all(|tag| tag["value"] == "original")
}

/// The run's result for the model itself; another operator, which never finishes, can stand beside it.
fn result(run: &Value) -> &Value {
    let operators = run["entity"]["status"]["operators"].as_array().into_iter().flatten();
    let mut original = operators.filter(|operator| operator["id"] == "original").map(|operator| &operator["result"]);
    original.find(|result| !result.is_null()).unwrap_or(&Value::Null)
}
