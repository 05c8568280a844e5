//! What a model answers: one prediction per row, picked from whatever outputs it has.

use serde_json::{Map, Value};

use crate::json;

/// How far a row's probabilities may be from one in all; models compute in single precision.
const SUM_TOLERANCE: f64 = 1e-3;

/// The answer to one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// A number, a text or a boolean.
    pub value: Value,
    /// One per class, in the order of the model's classes; empty if the model answers none.
    pub probabilities: Vec<f64>,
}

/// Why outputs are no predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The row, from 0, if it is one.
    pub row: Option<usize>,
    /// What is amiss.
    pub why: String,
}

/// One output of a model, with a value per row: a number, text or boolean, a list of numbers, or an object with a
/// number per class, as ONNX's `ZipMap` makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOutput {
    /// Its name, where the answer tells it.
    pub name: Option<String>,
    /// Its values.
    pub rows: Vec<Value>,
}

impl Prediction {
    /// Picks the prediction and the probabilities of every row.
    ///
    /// The prediction is the output of that name, else the first one of integers or texts, else the first with one
    /// value per row. The probabilities are the output of that name, else the first with several values per row.
    /// Where there are only probabilities, the prediction is the likeliest class.
    pub fn pick(outputs: &[ModelOutput], prediction: &str, probability: &str) -> Result<Vec<Self>, Misfit> {
        let (single, several): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| !output.is_several());
        let values = named(&single, prediction)
            .or_else(|| single.iter().copied().find(|output| !output.rows.iter().any(is_float)))
            .or_else(|| single.first().copied());
        let probabilities = named(&several, probability).or_else(|| several.first().copied());
        let whole = |why: String| Misfit { row: None, why };
        let rows = values.or(probabilities).ok_or_else(|| whole("no output".to_owned()))?.rows.len();
        if let Some(odd) = [values, probabilities].into_iter().flatten().find(|output| output.rows.len() != rows) {
            return Err(whole(format!("one output has {rows} rows, another {}", odd.rows.len())));
        }
        let of_row = |row: usize| {
            let classes = probabilities.map(|output| classes(&output.rows[row])).transpose()?.unwrap_or_default();
            let value = match values {
                Some(output) => one(&output.rows[row])?.clone(),
                None => likeliest(&classes)?,
            };
            Ok(Self { value, probabilities: classes.into_iter().map(|(_, probability)| probability).collect() })
        };
        (0..rows).map(|row| of_row(row).map_err(|why| Misfit { row: Some(row), why })).collect()
    }
}

impl Prediction {
    /// The prediction as a file has it.
    pub fn text(&self) -> String {
        self.value.as_str().map_or_else(|| json::write(&self.value), str::to_owned)
    }
}

impl ModelOutput {
    /// Takes rows apart that hold the values of several outputs, as `pytorch-onnx` models answer. They do if a value
    /// is itself a list, or if integers or texts stand beside floats: one tensor has one type.
    pub fn of_rows(rows: Vec<Value>) -> Vec<Self> {
        let width = rows.first().and_then(Value::as_array).map_or(0, Vec::len);
        let even = rows.iter().all(|row| row.as_array().is_some_and(|row| row.len() == width));
        let cells = || rows.iter().filter_map(Value::as_array).flatten();
        let nested = cells().any(|cell| cell.is_array() || cell.is_object());
        let exact_column = |column: usize| rows.iter().all(|row| !is_float(&row[column]));
        let mixed = even && cells().any(is_float) && (0..width).any(exact_column);
        if width > 1 && even && (nested || mixed) {
            let column = |index| rows.iter().map(|row: &Value| row[index].clone()).collect();
            (0..width).map(|index| Self { name: None, rows: column(index) }).collect()
        } else {
            vec![Self { name: None, rows }]
        }
    }

    fn is_several(&self) -> bool {
        let lists = |row: &Value| (row.is_array() || row.is_object()) && one(row).is_err();
        self.rows.iter().all(lists)
    }
}

fn named<'a>(outputs: &[&'a ModelOutput], name: &str) -> Option<&'a ModelOutput> {
    outputs.iter().copied().find(|output| output.name.as_deref() == Some(name))
}

fn is_float(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(is_float),
        value => value.is_f64(),
    }
}

/// The only value of a row.
fn one(row: &Value) -> Result<&Value, String> {
    match row {
        Value::Number(_) | Value::String(_) | Value::Bool(_) => Ok(row),
        Value::Array(values) if values.len() == 1 => one(&values[0]),
        other => Err(format!("`{}` is not one value", json::write(other))),
    }
}

/// A row's classes and their probabilities.
fn classes(row: &Value) -> Result<Vec<(Value, f64)>, String> {
    let number = |value: &Value| {
        value.as_f64().ok_or_else(|| format!("the probability `{}` is not a number", json::write(value)))
    };
    match row {
        Value::Array(values) if values.len() == 1 && values[0].is_array() => classes(&values[0]),
        Value::Array(values) if values.len() == 1 && values[0].is_object() => classes(&values[0]),
        Value::Array(values) => {
            values.iter().enumerate().map(|(class, value)| Ok((class.into(), number(value)?))).collect()
        }
        Value::Object(values) => {
            in_order(values).into_iter().map(|(class, value)| Ok((class, number(value)?))).collect()
        }
        other => Err(format!("`{}` is no list of probabilities", json::write(other))),
    }
}

/// The members of a `ZipMap` object in the order of the classes. JSON objects have none, but classes are sorted:
/// as numbers if all are, else as texts.
fn in_order(values: &Map<String, Value>) -> Vec<(Value, &Value)> {
    let number = |class: &str| class.parse::<i64>().ok();
    let numbers = values.keys().all(|class| number(class).is_some());
    let mut sorted: Vec<(&String, &Value)> = Vec::new();
    for member in values {
        let before = |other: &(&String, &Value)| match (number(other.0), number(member.0)) {
            (Some(other), Some(class)) if numbers => other < class,
            _ => other.0 < member.0,
        };
        sorted.insert(sorted.partition_point(before), member);
    }
    let class = |class: &str| match number(class) {
        Some(number) if numbers => Value::from(number),
        _ => Value::from(class),
    };
    sorted.into_iter().map(|(name, value)| (class(name), value)).collect()
}

fn likeliest(classes: &[(Value, f64)]) -> Result<Value, String> {
    let sum: f64 = classes.iter().map(|(_, probability)| probability).sum();
    let likeliest = classes.iter().rev().max_by(|left, right| left.1.total_cmp(&right.1));
    match likeliest {
        Some((class, _)) if (sum - 1.0).abs() <= SUM_TOLERANCE => Ok(class.clone()),
        _ => Err("no output has one value per row, and none holds probabilities".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(name: &str, rows: Value) -> ModelOutput {
        ModelOutput { name: Some(name.to_owned()), rows: serde_json::from_value(rows).unwrap() }
    }

    fn pick(outputs: &[ModelOutput]) -> Result<Vec<(Value, Vec<f64>)>, String> {
        let predictions = Prediction::pick(outputs, "prediction", "probability").map_err(|misfit| misfit.why)?;
        Ok(predictions.into_iter().map(|row| (row.value, row.probabilities)).collect())
    }

    #[test]
    fn labels_and_probabilities_are_told_apart_by_their_values() {
        let outputs = [output("probabilities", json!([[0.1, 0.9], [0.8, 0.2]])), output("label", json!([1, 0]))];
        assert_eq!(pick(&outputs).unwrap(), [(json!(1), vec![0.1, 0.9]), (json!(0), vec![0.8, 0.2])]);
    }

    #[test]
    fn a_column_of_one_value_is_a_prediction() {
        assert_eq!(
            pick(&[output("variable", json!([[1.5], [2.5]]))]).unwrap(),
            [(json!(1.5), vec![]), (json!(2.5), vec![])]
        );
    }

    #[test]
    fn the_output_named_as_the_prediction_wins() {
        let outputs = [output("rank", json!([7])), output("prediction", json!([0.5]))];
        assert_eq!(pick(&outputs).unwrap(), [(json!(0.5), vec![])]);
    }

    #[test]
    fn zip_map_objects_come_in_the_order_of_the_classes() {
        let outputs = [output("label", json!(["b"])), output("scores", json!([{"10": 0.5, "9": 0.3, "-1": 0.2}]))];
        assert_eq!(pick(&outputs).unwrap(), [(json!("b"), vec![0.2, 0.3, 0.5])]);
        assert_eq!(
            pick(&[output("scores", json!([{"no": 0.3, "yes": 0.7}]))]).unwrap(),
            [(json!("yes"), vec![0.3, 0.7])]
        );
    }

    #[test]
    fn the_likeliest_class_is_the_prediction_where_there_is_no_label() {
        let outputs = ModelOutput::of_rows(serde_json::from_value(json!([[0.25, 0.75], [0.5, 0.5]])).unwrap());
        assert_eq!(pick(&outputs).unwrap(), [(json!(1), vec![0.25, 0.75]), (json!(0), vec![0.5, 0.5])]);
    }

    #[test]
    fn several_numbers_that_are_no_probabilities_are_not_guessed_at() {
        let error = pick(&[output("scores", json!([[3.0, -2.5]]))]).unwrap_err();
        assert_eq!(error, "no output has one value per row, and none holds probabilities");
    }

    #[test]
    fn rows_that_hold_several_outputs_are_taken_apart() {
        let nested = ModelOutput::of_rows(vec![json!([1, [0.1, 0.9]]), json!([0, [1.0, 0.0]])]);
        assert_eq!(pick(&nested).unwrap(), [(json!(1), vec![0.1, 0.9]), (json!(0), vec![1.0, 0.0])]);
        let mixed = ModelOutput::of_rows(vec![json!(["yes", 0.9]), json!(["no", 0.2])]);
        assert_eq!(pick(&mixed).unwrap(), [(json!("yes"), vec![]), (json!("no"), vec![])]);
    }

    #[test]
    fn outputs_of_unequal_length_are_refused() {
        let outputs = [output("label", json!([1, 0])), output("probabilities", json!([[0.1, 0.9]]))];
        assert_eq!(pick(&outputs).unwrap_err(), "one output has 2 rows, another 1");
    }
}
