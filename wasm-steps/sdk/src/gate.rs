//! Gates: the limits that a model's metrics have to keep.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Gates by metric id, for example `area_under_roc`.
pub type Gates = BTreeMap<String, Gate>;

/// The metrics that OpenScale's quality monitor knows, of all types of models.
pub const METRICS: [&str; 23] = [
    "accuracy",
    "area_under_pr",
    "area_under_roc",
    "brier_score",
    "explained_variance",
    "f1_measure",
    "false_positive_rate",
    "gini_coefficient",
    "label_skew",
    "log_loss",
    "matthews_correlation_coefficient",
    "mean_absolute_error",
    "mean_squared_error",
    "precision",
    "r2",
    "recall",
    "root_mean_squared_error",
    "true_positive_rate",
    "weighted_f_measure",
    "weighted_false_positive_rate",
    "weighted_precision",
    "weighted_recall",
    "weighted_true_positive_rate",
];

/// What a metric has to keep; both limits may stand.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Gate {
    /// The metric must not be below this
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The metric must not be above this
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// One limit of a gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Not below.
    AtLeast(f64),
    /// Not above.
    AtMost(f64),
}

impl Gate {
    /// Its limits, one or two.
    pub fn limits(&self) -> impl Iterator<Item = Limit> {
        [self.at_least.map(Limit::AtLeast), self.at_most.map(Limit::AtMost)].into_iter().flatten()
    }
}

impl Limit {
    /// In words: `at least 0.9`.
    pub fn wanted(&self) -> String {
        match self {
            Self::AtLeast(value) => format!("at least {value}"),
            Self::AtMost(value) => format!("at most {value}"),
        }
    }

    /// Whether a metric's value keeps it; NaN keeps nothing.
    pub fn passes(&self, metric: f64) -> bool {
        match self {
            Self::AtLeast(value) => metric >= *value,
            Self::AtMost(value) => metric <= *value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_passes() {
        let gate = Gate { at_least: Some(0.25), at_most: Some(0.5) };
        let verdicts = |metric| gate.limits().map(|limit| limit.passes(metric)).collect::<Vec<_>>();
        assert_eq!(verdicts(0.25), [true, true]);
        assert_eq!(verdicts(0.6), [true, false]);
        assert_eq!(verdicts(f64::NAN), [false, false]);
        assert_eq!(gate.limits().map(|limit| limit.wanted()).collect::<Vec<_>>(), ["at least 0.25", "at most 0.5"]);
    }
}
