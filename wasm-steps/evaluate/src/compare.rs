//! Answers whether the deployment is the model that was committed: scores the same rows with the model's own file, or with
//! its twin's, and looks for the largest difference.

use schemars::JsonSchema;
use serde::Serialize;
use step_sdk::{
    Failure, Field, LocalModel, Prediction, PredictionsReader, Row, Table, WrittenPrediction, score_locally,
};

/// Rows that are held and scored at a time.
const ROWS: usize = 1000;

/// What the deployment's answers are compared with
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum Reference {
    /// The committed model
    Model,
    /// The committed model's ONNX twin
    Twin,
}

impl Reference {
    /// The input that names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Twin => "twin",
        }
    }
}

/// How the deployment's answers compare with the model's own, or its twin's
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// With what
    with: Reference,
    /// Rows compared
    rows: usize,
    /// Largest difference of a prediction or probability; labels that differ count as 1, null is more than any number
    largest_difference: Option<f64>,
    /// Up to where answers are the same
    tolerance: f64,
    /// Whether all are
    pub(crate) same: bool,
}

impl Comparison {
    /// What differs, if anything does.
    pub(crate) fn complaint(&self) -> Option<String> {
        let largest = self.largest_difference.map_or("more than any number".to_owned(), |largest| largest.to_string());
        let (tolerance, with) = (self.tolerance, self.with.name());
        (!self.same)
            .then(|| format!("the deployment's answers differ from the {with}'s by {largest}, not at most {tolerance}"))
    }
}

/// Compares what was written with what the model says, both read side by side.
pub(crate) fn compare(
    model: &dyn LocalModel,
    with: Reference,
    mut data: Table,
    mut written: PredictionsReader,
    fields: &[Field],
    tolerance: f64,
) -> Result<Comparison, Failure> {
    let (mut rows, mut largest) = (0, 0.0_f64);
    loop {
        let batch: Vec<Row> = data.by_ref().take(ROWS).collect::<Result<_, _>>()?;
        let theirs: Vec<WrittenPrediction> = written.by_ref().take(ROWS).collect::<Result<_, _>>()?;
        if batch.len() != theirs.len() {
            return Err(Failure::invalid_input("`predictions` and `data` do not have the same number of rows"));
        }
        if batch.is_empty() {
            break;
        }
        rows += batch.len();
        let ours = score_locally(model, &batch, fields)?;
        largest = ours.iter().zip(&theirs).map(|(ours, theirs)| difference(ours, theirs)).fold(largest, f64::max);
    }
    let largest_difference = largest.is_finite().then_some(largest);
    Ok(Comparison { with, rows, largest_difference, tolerance, same: largest <= tolerance })
}

fn difference(ours: &Prediction, theirs: &WrittenPrediction) -> f64 {
    let value = match (ours.value.as_f64(), theirs.value.parse()) {
        (Some(ours), Ok(theirs)) => apart(ours, theirs),
        _ => f64::from(u8::from(ours.text() != theirs.value)),
    };
    // A deployment need not answer probabilities, but if it does, then for the same classes.
    if !theirs.probabilities.is_empty() && ours.probabilities.len() != theirs.probabilities.len() {
        return f64::INFINITY;
    }
    let probabilities = ours.probabilities.iter().zip(&theirs.probabilities);
    probabilities.map(|(ours, theirs)| apart(*ours, *theirs)).fold(value, f64::max)
}

/// Never NaN, which `f64::max` passes over.
fn apart(ours: f64, theirs: f64) -> f64 {
    let apart = (ours - theirs).abs();
    if apart.is_nan() { f64::INFINITY } else { apart }
}
