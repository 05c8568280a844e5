//! The quality metrics of `OpenScale` by the formulas of openscale.md 13. Pure: rows in, numbers out.
//!
//! The real order of labels is not known; here they are sorted ascending, and the positive class is the last one.

mod binary;
mod confusion;
mod labels;
mod multiclass;
mod regression;

pub(crate) use confusion::Confusion;

use serde_json::Value;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Binary,
    Multiclass,
    Regression,
}

/// What was and what was predicted, row by row.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub(crate) actual: Vec<Value>,
    pub(crate) predicted: Vec<Value>,
    /// A probability per label, labels ascending; none if a single row lacks them.
    pub(crate) probabilities: Option<Vec<Vec<f64>>>,
}

/// Every metric of the problem by its id, none where it cannot be computed.
#[derive(Debug)]
pub(crate) struct Quality {
    pub(crate) metrics: Vec<(&'static str, Option<f64>)>,
    pub(crate) confusion: Option<Confusion>,
}

/// Computes the metrics, or says what is wrong with the rows.
pub(crate) fn evaluate(problem: Problem, rows: &Observations) -> Result<Quality, String> {
    match problem {
        Problem::Regression => Ok(Quality { metrics: regression::metrics(rows)?, confusion: None }),
        Problem::Binary => {
            let confusion = Confusion::of(rows);
            if confusion.labels.len() > 2 {
                return Err(format!("a binary model has {} labels", confusion.labels.len()));
            }
            Ok(Quality { metrics: binary::metrics(&confusion, rows), confusion: Some(confusion) })
        }
        Problem::Multiclass => {
            let confusion = Confusion::of(rows);
            Ok(Quality { metrics: multiclass::metrics(&confusion, rows), confusion: Some(confusion) })
        }
    }
}

/// A ratio that is 0 when there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// No number instead of one that is not finite.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
