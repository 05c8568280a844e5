//! Feedback for a subscription: labelled rows, with what the deployment answered to them.

use crate::table_text::{TableText, append};
use crate::{BatchRow, Failure, Prediction, Records};
use serde_json::{Number, Value, json};

/// The column of the feedback data set that tells which request a record came with.
pub const TRANSACTION: &str = "transaction_id";

/// Feedback on its way to a subscription's data set.
pub struct Feedback<'a> {
    records: Records<'a>,
    data: &'a str,
    features: Vec<String>,
    label: String,
}

impl<'a> Feedback<'a> {
    /// `records` is the subscription's feedback data set. The rows will have these `features`, and after them the label, as
    /// a text. `data` is what messages call their file.
    pub fn new(records: Records<'a>, data: &'a str, features: &[String], label: &str) -> Self {
        Self { records, data, features: features.to_vec(), label: label.to_owned() }
    }

    /// Sends those rows that have a label.
    pub fn send(&mut self, rows: &[BatchRow], predictions: &[Prediction]) -> Result<(), Failure> {
        let classified = predictions.iter().any(|prediction| !prediction.probabilities.is_empty());
        let mut records = Vec::new();
        for (row, prediction) in rows.iter().zip(predictions) {
            let Some(Value::String(label)) = row.rest.last() else { continue };
            let mut record = row.features.clone();
            let answer = [self.typed(label, prediction, row.line)?, prediction.value.clone()];
            let probabilities = classified.then(|| json!(prediction.probabilities));
            for cell in answer.iter().chain(&probabilities) {
                if !record.is_empty() {
                    record.push(b',');
                }
                append(&mut record, cell);
            }
            records.push(record);
        }
        let mut fields: Vec<&str> = self.features.iter().map(String::as_str).collect();
        fields.extend([&self.label, "_original_prediction"]);
        if classified {
            fields.push("_original_probability");
        }
        fields.push(TRANSACTION);
        self.records.send(&records, &|records, id| {
            let (mut table, id) = (TableText::new(&fields), json!(id));
            for record in records {
                table.row(record, &[&id]);
            }
            [&b"["[..], &table.end(), b"]"].concat()
        })
    }

    /// Waits until all is in, and answers how many records that is.
    pub fn finish(self) -> Result<u64, Failure> {
        self.records.finish()
    }

    /// The label in the type of the predictions, as feedback must have it.
    fn typed(&self, label: &str, prediction: &Prediction, line: u64) -> Result<Value, Failure> {
        let number = || label.parse().ok().and_then(Number::from_f64).map(Value::Number);
        // Tools that know no empty integers write whole numbers as `1.0`.
        let whole = || label.strip_suffix(".0").unwrap_or(label).parse::<i64>().ok().map(Value::from);
        let typed = match &prediction.value {
            Value::Number(answer) if answer.is_f64() => number(),
            Value::Number(_) => whole().or_else(number),
            Value::Bool(_) => label.to_ascii_lowercase().parse::<bool>().ok().map(Value::from),
            _ => Some(label.into()),
        };
        typed.ok_or_else(|| {
            let (data, column, answer) = (self.data, &self.label, prediction.text());
            Failure::invalid_input(format!(
                "`{data}` line {line}: the label `{column}` is `{label}`, but the deployment answers `{answer}`"
            ))
        })
    }
}
