//! Holds metrics against gates.

use crate::quality::Metrics;
use crate::{Gates, Limit};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What became of a gate
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// The metric's id
    metric: String,
    /// What it should be, as `at least 0.9`
    wanted: String,
    /// The limit, if the metric must not be below it
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
    /// The limit, if the metric must not be above it
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<f64>,
    /// What it is; null if it has no value
    value: Option<f64>,
    /// Whether the gate is passed
    passed: bool,
    /// Why there is no value
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Verdict {
    /// What a gate that was missed has to say.
    pub fn complaint(&self) -> Option<String> {
        let Self { metric, wanted, .. } = self;
        match (self.passed, self.value) {
            (true, _) => None,
            (false, Some(value)) => Some(format!("`{metric}` is {value}, not {wanted}")),
            (false, None) => {
                let reason = self.reason.as_deref().unwrap_or_default();
                Some(format!("`{metric}` should be {wanted}, but {reason}"))
            }
        }
    }
}

/// The verdict on every gate; a gate with two limits has two. `words` is what the service says of the run, if anything.
pub fn judge(gates: &Gates, metrics: &Metrics, words: Option<&str>) -> Vec<Verdict> {
    let limits = gates.iter().flat_map(|(metric, gate)| gate.limits().map(move |limit| (metric, limit)));
    limits
        .map(|(metric, limit)| {
            let value = metrics.get(metric).and_then(Value::as_f64);
            let (at_least, at_most) = match limit {
                Limit::AtLeast(value) => (Some(value), None),
                Limit::AtMost(value) => (None, Some(value)),
            };
            Verdict {
                metric: metric.clone(),
                wanted: limit.wanted(),
                at_least,
                at_most,
                value,
                passed: value.is_some_and(|value| limit.passes(value)),
                reason: value.is_none().then(|| why_absent(metric, metrics, words)),
            }
        })
        .collect()
}

fn why_absent(metric: &str, metrics: &Metrics, words: Option<&str>) -> String {
    let known: Vec<&str> = metrics.keys().map(String::as_str).collect();
    let reason = if metrics.contains_key(metric) {
        "the monitor could not compute it".to_owned()
    } else if known.is_empty() {
        "the monitor reported no metrics".to_owned()
    } else {
        format!("the monitor reported only `{}`", known.join("`, `"))
    };
    words.map_or(reason.clone(), |words| format!("{reason} ({words})"))
}
