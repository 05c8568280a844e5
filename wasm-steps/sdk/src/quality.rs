//! What a run of OpenScale's quality monitor found: its measurement, completed from the run's own result, which also
//! has the metrics that could not be computed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Metrics by id: a number, or null where it could not be computed. A map of values, because each further type of map
/// makes a component 5 kB larger.
pub type Metrics = Map<String, Value>;

/// How often which label was predicted as which
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ConfusionMatrix {
    /// The labels, in the order of rows and columns; the last one is the positive class
    labels: Vec<Value>,
    /// A row per actual label, a column per predicted one
    values: Vec<Vec<f64>>,
}

/// The metrics of a measurement and of its run. Both can hold those of variants of the model: they are left out.
pub fn metrics(measurement: Option<&Value>, run: &Value) -> Metrics {
    let mut metrics = Metrics::new();
    let mut add = |id: &str, value: &Value| {
        // Other shapes are no metrics of ours.
        if value.is_number() || value.is_null() {
            metrics.insert(id.to_owned(), value.clone());
        }
    };
    for (id, value) in result(run)["metrics"].as_object().into_iter().flatten() {
        add(id, value);
    }
    let values = measurement.and_then(|measurement| measurement["entity"]["values"].as_array());
    for values in values.into_iter().flatten().filter(|values| is_original(values)) {
        for metric in values["metrics"].as_array().into_iter().flatten() {
            add(metric["id"].as_str().unwrap_or_default(), &metric["value"]);
        }
    }
    metrics
}

/// The confusion matrix in a run's result.
pub fn matrix_of_run(run: &Value) -> Option<ConfusionMatrix> {
    matrix(&result(run)["confusion_matrix"])
}

/// The confusion matrix in the sources of a single measurement.
pub fn matrix_of_measurement(measurement: &Value) -> Option<ConfusionMatrix> {
    let sources = measurement["entity"]["sources"].as_array()?;
    let source = sources.iter().find(|source| source["type"] == "confusion_matrix")?;
    matrix(&source["data"])
}

fn matrix(data: &Value) -> Option<ConfusionMatrix> {
    let row = |row: &Value| row.as_array()?.iter().map(Value::as_f64).collect();
    let values = data["values"].as_array()?.iter().map(row).collect::<Option<_>>()?;
    Some(ConfusionMatrix { labels: data["labels"].as_array()?.clone(), values })
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
