//! WML's answer to rows that were sent for scoring, in the three shapes that it has, told apart by what is in it: `scikit-learn` answers
//! one table with fields, `pytorch-onnx` one without, `onnxruntime` an entry for every output.

use crate::prediction::Misfit;
use crate::{Failure, ModelOutput, Prediction, json};
use serde::Deserialize;
use serde_json::Value;

/// The answer of `POST /ml/v4/deployments/*/predictions`.
#[derive(Debug, Deserialize)]
pub struct ScoringAnswer {
    predictions: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: Option<String>,
    fields: Option<Vec<String>>,
    values: Vec<Value>,
}

impl ScoringAnswer {
    /// The predictions of rows that stand on these lines of a data set. `prediction` and `probability` are the names of
    /// their fields, which decide where the answer has names.
    pub fn predictions(self, lines: &[u64], prediction: &str, probability: &str) -> Result<Vec<Prediction>, Failure> {
        let rows = lines.len();
        let outputs = self.outputs(prediction, probability)?;
        if let Some(odd) = outputs.iter().find(|output| output.rows.len() != rows) {
            let (answered, word) = (odd.rows.len(), if odd.rows.len() == 1 { "row" } else { "rows" });
            let text = format!("the deployment answered {answered} {word} to {rows}");
            return Err(Failure::internal(text));
        }
        Prediction::pick(&outputs, prediction, probability).map_err(|Misfit { row, why }| {
            let to_line = row.map(|row| format!(" to line {}", lines[row])).unwrap_or_default();
            Failure::internal(format!("the deployment's answer{to_line} is not understood: {why}"))
        })
    }

    fn outputs(mut self, prediction: &str, probability: &str) -> Result<Vec<ModelOutput>, Failure> {
        if self.predictions.iter().all(|entry| entry.id.is_some()) {
            let output = |entry: Entry| ModelOutput { name: entry.id, rows: entry.values };
            return Ok(self.predictions.into_iter().map(output).collect());
        }
        let (Some(entry), true) = (self.predictions.pop(), self.predictions.is_empty()) else {
            return Err(Failure::internal("the deployment's answer is not understood: several tables without ids"));
        };
        match entry.fields {
            Some(fields) => columns(&fields, &entry.values, prediction, probability),
            None => Ok(ModelOutput::of_rows(entry.values)),
        }
    }
}

/// The two columns that matter: a table may repeat the features beside them.
fn columns(
    fields: &[String],
    rows: &[Value],
    prediction: &str,
    probability: &str,
) -> Result<Vec<ModelOutput>, Failure> {
    if !fields.iter().any(|field| field == prediction) {
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let text = format!("the deployment answers no field `{prediction}`, but {}", fields.join(", "));
        return Err(Failure::invalid_input(text).hint("name one of them in `prediction_field`"));
    }
    let wanted = fields.iter().enumerate().filter(|(_, field)| *field == prediction || *field == probability);
    wanted
        .map(|(index, field)| {
            let cell = |row: &Value| {
                row.as_array().filter(|row| row.len() == fields.len()).map(|row| row[index].clone()).ok_or_else(|| {
                    Failure::internal(format!(
                        "the deployment answered the row `{}` under {} fields",
                        json::write(row),
                        fields.len()
                    ))
                })
            };
            Ok(ModelOutput { name: Some(field.clone()), rows: rows.iter().map(cell).collect::<Result<_, _>>()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FailureCategory;

    fn read(rows: usize, answer: Value) -> Result<Vec<(Value, Vec<f64>)>, Failure> {
        let answer: ScoringAnswer = serde_json::from_value(answer).unwrap();
        let lines: Vec<u64> = (2..).take(rows).collect();
        let predictions = answer.predictions(&lines, "prediction", "probability")?;
        Ok(predictions.into_iter().map(|row| (row.value, row.probabilities)).collect())
    }

    #[test]
    fn the_three_shapes_mean_the_same() {
        let expected = [(json!(1), vec![0.1, 0.9]), (json!(0), vec![0.8, 0.2])];
        for shape in [
            json!([{"fields": ["prediction", "probability"], "values": [[1, [0.1, 0.9]], [0, [0.8, 0.2]]]}]),
            json!([{"fields": ["x", "probability", "prediction"], "values": [[7, [0.1, 0.9], 1], [7, [0.8, 0.2], 0]]}]),
            json!([{"values": [[1, [0.1, 0.9]], [0, [0.8, 0.2]]]}]),
            json!([{"values": [[0.1, 0.9], [0.8, 0.2]]}]),
            json!([{"id": "label", "values": [1, 0]}, {"id": "probabilities", "values": [[0.1, 0.9], [0.8, 0.2]]}]),
            json!([{"id": "label", "values": [[1], [0]]},
                {"id": "probabilities", "values": [{"0": 0.1, "1": 0.9}, {"0": 0.8, "1": 0.2}]}]),
        ] {
            assert_eq!(read(2, json!({"predictions": shape})).unwrap(), expected, "{shape}");
        }
    }

    #[test]
    fn a_regression_has_one_output_in_every_shape() {
        for shape in [
            json!([{"fields": ["prediction"], "values": [[1.5], [2.5]]}]),
            json!([{"values": [[1.5], [2.5]]}]),
            json!([{"values": [1.5, 2.5]}]),
            json!([{"id": "variable", "values": [[1.5], [2.5]]}]),
        ] {
            let predictions = read(2, json!({"predictions": shape})).unwrap();
            assert_eq!(predictions, [(json!(1.5), vec![]), (json!(2.5), vec![])], "{shape}");
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_the_rows_is_no_answer() {
        for (shape, message) in [
            (json!([{"values": [[1]]}]), "the deployment answered 1 row to 2"),
            (json!([{"id": "label", "values": [1, 0, 1]}]), "the deployment answered 3 rows to 2"),
            (
                json!([{"values": []}, {"values": []}]),
                "the deployment's answer is not understood: several tables without ids",
            ),
            (json!([]), "the deployment's answer is not understood: no output"),
            (
                json!([{"id": "label", "values": [1, null]}]),
                "the deployment's answer to line 3 is not understood: `null` is not one value",
            ),
            (
                json!([{"fields": ["prediction", "probability"], "values": [[1], [0]]}]),
                "the deployment answered the row `[1]` under 2 fields",
            ),
        ] {
            let failure = read(2, json!({"predictions": shape})).unwrap_err();
            assert_eq!(failure.message, message, "{shape}");
            assert_eq!(failure.category, FailureCategory::Internal);
        }
    }

    #[test]
    fn a_prediction_field_that_is_not_answered_is_the_inputs_fault() {
        let answer = json!({"predictions": [{"fields": ["predictedLabel"], "values": [[1]]}]});
        let failure = read(1, answer).unwrap_err();
        assert_eq!(failure.category, FailureCategory::InvalidInput);
        assert_eq!(failure.message, "the deployment answers no field `prediction`, but `predictedLabel`");
    }
}
