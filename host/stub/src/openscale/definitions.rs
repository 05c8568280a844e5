//! Monitor definitions: fixed. Clients build their constants from the names.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::site::Site;

use super::allow;

/// The quality monitor's id.
pub(super) const QUALITY: &str = "quality";
const LOWER: &[&str] = &["lower_limit"];
const UPPER: &[&str] = &["upper_limit"];
const BINARY: &[&str] = &["binary"];
const MULTICLASS: &[&str] = &["multiclass"];
const CLASSES: &[&str] = &["binary", "multiclass"];
const REGRESSION: &[&str] = &["regression"];
const ALL: &[&str] = &["binary", "multiclass", "regression"];

/// A monitor definition.
pub(super) struct Definition {
    pub(super) id: &'static str,
    name: &'static str,
    pub(super) metrics: &'static [Metric],
}

/// A metric of a definition.
pub(super) struct Metric {
    pub(super) id: &'static str,
    name: &'static str,
    /// On which sides it may be limited.
    pub(super) limits: &'static [&'static str],
    problems: &'static [&'static str],
}

const fn metric(
    id: &'static str,
    name: &'static str,
    limits: &'static [&'static str],
    problems: &'static [&'static str],
) -> Metric {
    Metric { id, name, limits, problems }
}

const DEFINITIONS: [Definition; 5] = [
    Definition {
        id: QUALITY,
        name: "Quality",
        metrics: &[
            metric("area_under_roc", "Area under ROC", LOWER, BINARY),
            metric("area_under_pr", "Area under PR", LOWER, BINARY),
            metric("accuracy", "Accuracy", LOWER, CLASSES),
            metric("true_positive_rate", "True positive rate (TPR)", LOWER, BINARY),
            metric("false_positive_rate", "False positive rate (FPR)", UPPER, BINARY),
            metric("recall", "Recall", LOWER, BINARY),
            metric("precision", "Precision", LOWER, BINARY),
            metric("f1_measure", "F1-Measure", LOWER, BINARY),
            metric("log_loss", "Logarithmic loss", UPPER, CLASSES),
            metric("brier_score", "Brier score", UPPER, BINARY),
            metric("gini_coefficient", "Gini coefficient", LOWER, BINARY),
            metric("matthews_correlation_coefficient", "Matthews correlation coefficient", LOWER, CLASSES),
            metric("label_skew", "Label skew", &["lower_limit", "upper_limit"], CLASSES),
            metric("weighted_true_positive_rate", "Weighted True Positive Rate (wTPR)", LOWER, MULTICLASS),
            metric("weighted_false_positive_rate", "Weighted False Positive Rate (wFPR)", UPPER, MULTICLASS),
            metric("weighted_recall", "Weighted recall", LOWER, MULTICLASS),
            metric("weighted_precision", "Weighted precision", LOWER, MULTICLASS),
            metric("weighted_f_measure", "Weighted F1-Measure", LOWER, MULTICLASS),
            metric("r2", "R squared", LOWER, REGRESSION),
            metric("explained_variance", "Proportion explained variance", LOWER, REGRESSION),
            metric("root_mean_squared_error", "Root of mean squared error", UPPER, REGRESSION),
            metric("mean_absolute_error", "Mean absolute error", UPPER, REGRESSION),
            metric("mean_squared_error", "Mean squared error", UPPER, REGRESSION),
        ],
    },
    Definition { id: "performance", name: "Performance", metrics: &[metric("record_count", "Record count", &[], ALL)] },
    Definition {
        id: "fairness",
        name: "Fairness",
        metrics: &[metric("fairness_value", "Fairness value", LOWER, CLASSES)],
    },
    Definition { id: "explainability", name: "Explainability", metrics: &[] },
    Definition {
        id: "model_health",
        name: "Model health",
        metrics: &[metric("total_payload_size", "Payload size", UPPER, ALL)],
    },
];

/// The definition of that id.
pub(super) fn find(id: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|one| one.id == id)
}

impl Definition {
    fn present(&self) -> Value {
        let thresholds = |metric: &Metric| -> Vec<Value> {
            let default =
                |side: &&str| json!({"type": side, "default": if *side == "lower_limit" { 0.8 } else { 0.2 }});
            metric.limits.iter().map(default).collect()
        };
        let metrics = self.metrics.iter().map(|metric| {
            json!({
                "id": metric.id, "name": metric.name, "thresholds": thresholds(metric), "required": false,
                "expected_direction": if metric.limits == UPPER { "decreasing" } else { "increasing" },
                "applies_to": {"problem_type": metric.problems},
            })
        });
        json!({
            "metadata": {"id": self.id, "url": format!("/v2/monitor_definitions/{}", self.id), "created_at": "2024-01-01T00:00:00.000000Z"},
            "entity": {"name": self.name, "description": "", "metrics": metrics.collect::<Vec<_>>(), "tags": [], "parameters_schema": {}},
        })
    }
}

/// `GET /v2/monitor_definitions`.
pub(crate) fn list(_: &Site, call: &Call) -> Outcome {
    allow(call, &["name", "type"])?;
    let found = DEFINITIONS.iter().filter(|one| call.lets("name", one.name));
    Ok(Answer::ok(&json!({"monitor_definitions": found.map(Definition::present).collect::<Vec<_>>()})))
}

/// `GET /v2/monitor_definitions/{id}`.
pub(crate) fn get(_: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let found = find(call.id()).ok_or_else(|| Refusal::unknown("monitor definition", call.id()))?;
    Ok(Answer::ok(&found.present()))
}
