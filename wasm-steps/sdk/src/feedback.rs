//! Feedback for a subscription: labelled rows, with what the deployment answered to them.

use crate::{Failure, Prediction, Records, Row};
use serde_json::{Value, json};

/// Feedback on its way to a subscription's data set.
pub struct Feedback<'a> {
    records: Records<'a>,
    label: String,
    fields: Vec<String>,
}

impl<'a> Feedback<'a> {
    /// `records` is the subscription's feedback data set. Rows have the cells of `features`, then that of the label.
    pub fn new(records: Records<'a>, features: &[String], label: &str) -> Self {
        let names = [label, "_original_prediction", "_original_probability"];
        let fields = features.iter().map(String::as_str).chain(names);
        Self { records, label: label.to_owned(), fields: fields.map(str::to_owned).collect() }
    }

    /// Sends those rows that have a label.
    pub fn send(&mut self, rows: &[Row], predictions: &[Prediction]) -> Result<(), Failure> {
        let records = rows.iter().zip(predictions).filter_map(|(row, prediction)| self.record(row, prediction));
        let records: Vec<Vec<Value>> = records.collect::<Result<_, _>>()?;
        let fields = &self.fields;
        self.records.send(&records, &|records| json!([{"fields": fields, "values": records}]))
    }

    /// Waits until all is in, and answers how many records that is.
    pub fn finish(self) -> Result<u64, Failure> {
        self.records.finish()
    }

    /// The record of a row; none if it has no label.
    fn record(&self, row: &Row, prediction: &Prediction) -> Option<Result<Vec<Value>, Failure>> {
        let (label, features) = row.cells.split_last()?;
        let label = label.as_str()?;
        let Some(typed) = typed(label, &prediction.value) else {
            let text = format!(
                "`data` line {}: the label `{}` is `{label}`, but the deployment predicts numbers",
                row.line, self.label
            );
            return Some(Err(Failure::invalid_input(text)));
        };
        let answered = [typed, prediction.value.clone(), json!(prediction.probabilities)];
        Some(Ok(features.iter().cloned().chain(answered).collect()))
    }
}

/// The label in the type of the predictions, as feedback must have it; none if it cannot be.
fn typed(label: &str, prediction: &Value) -> Option<Value> {
    match prediction {
        Value::Number(number) if number.is_f64() => {
            label.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(Value::from)
        }
        // Tools that know no empty integers write whole numbers as `1.0`.
        Value::Number(_) => label.trim().trim_end_matches(".0").parse::<i64>().ok().map(Value::from),
        Value::Bool(_) => label.trim().to_ascii_lowercase().parse::<bool>().ok().map(Value::from),
        _ => Some(label.into()),
    }
}
