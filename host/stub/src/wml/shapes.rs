//! The three shapes of a scoring answer (wml.md 10).

use serde_json::{Value, json};

use super::serving::Output;

/// The shape of a model type's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    OnnxRuntime,
    PytorchOnnx,
    /// Of all other types too, which is the stub's guess.
    ScikitLearn,
}

impl Shape {
    pub(crate) fn of_type(model_type: &str) -> Self {
        match model_type.split('_').next() {
            Some("onnxruntime") => Self::OnnxRuntime,
            Some("pytorch-onnx") => Self::PytorchOnnx,
            _ => Self::ScikitLearn,
        }
    }

    /// Whether models of such a type are ONNX.
    pub(crate) fn is_onnx(self) -> bool {
        matches!(self, Self::OnnxRuntime | Self::PytorchOnnx)
    }
}

/// The members of `predictions` for one entry of `input_data`.
pub(crate) fn answer(shape: Shape, outputs: Vec<Output>) -> Vec<Value> {
    match shape {
        Shape::OnnxRuntime => {
            outputs.into_iter().map(mapped).map(|output| json!({"id": output.name, "values": output.rows})).collect()
        }
        Shape::PytorchOnnx => vec![json!({"values": joined(outputs.into_iter().map(mapped).collect())})],
        Shape::ScikitLearn => vec![scikit(outputs)],
    }
}

/// The output with its rows as maps, if the model answers these: `{"0": 0.25, "1": 0.75}`.
fn mapped(mut output: Output) -> Output {
    if let Some(classes) = &output.classes {
        let map = |row: Value| match row {
            Value::Array(values) => classes.iter().cloned().zip(values).collect(),
            other => other,
        };
        output.rows = output.rows.into_iter().map(map).collect();
    }
    output
}

/// One output's rows; of several outputs each row is the list of their values, which is the stub's guess.
fn joined(mut outputs: Vec<Output>) -> Vec<Value> {
    if outputs.len() == 1 {
        return outputs.remove(0).rows;
    }
    let rows = outputs.first().map_or(0, |output| output.rows.len());
    (0..rows).map(|row| outputs.iter().map(|output| output.rows[row].clone()).collect()).collect()
}

fn scikit(outputs: Vec<Output>) -> Value {
    let (wide, single): (Vec<_>, Vec<_>) = outputs.into_iter().partition(|output| output.width > 1);
    let flat = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([value]) => value.clone(),
        _ => value.clone(),
    };
    let mut fields = Vec::new();
    let mut columns: Vec<Vec<Value>> = Vec::new();
    if let Some(output) = single.first() {
        fields.push("prediction");
        columns.push(output.rows.iter().map(flat).collect());
    }
    if let Some(output) = wide.first() {
        fields.push("probability");
        columns.push(output.rows.clone());
    }
    let rows = columns.first().map_or(0, Vec::len);
    let values: Vec<Value> = (0..rows).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect();
    json!({"fields": fields, "values": values})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Vec<Output> {
        let labels = vec![json!(1), json!(0)];
        let label = Output { name: "label".into(), rows: labels, width: 1, labels: true, classes: None };
        let rows = vec![json!([0.2, 0.8]), json!([0.9, 0.1])];
        vec![label, Output { name: "probabilities".into(), rows, width: 2, labels: false, classes: None }]
    }

    #[test]
    fn each_model_type_has_its_own_shape() {
        assert_eq!(
            answer(Shape::OnnxRuntime, outputs()),
            [
                json!({"id": "label", "values": [1, 0]}),
                json!({"id": "probabilities", "values": [[0.2, 0.8], [0.9, 0.1]]})
            ]
        );
        assert_eq!(answer(Shape::PytorchOnnx, outputs()), [json!({"values": [[1, [0.2, 0.8]], [0, [0.9, 0.1]]]})]);
        assert_eq!(
            answer(Shape::ScikitLearn, outputs()),
            [json!({"fields": ["prediction", "probability"], "values": [[1, [0.2, 0.8]], [0, [0.9, 0.1]]]})]
        );
    }

    #[test]
    fn maps_are_objects_unless_scikit_learn_answers() {
        let mapped = || {
            let mut outputs = outputs();
            outputs[1].classes = Some(vec!["9".into(), "10".into()]);
            outputs
        };
        let maps = json!([{"9": 0.2, "10": 0.8}, {"9": 0.9, "10": 0.1}]);
        assert_eq!(
            answer(Shape::OnnxRuntime, mapped()),
            [json!({"id": "label", "values": [1, 0]}), json!({"id": "probabilities", "values": maps})]
        );
        assert_eq!(answer(Shape::PytorchOnnx, mapped()), [json!({"values": [[1, maps[0]], [0, maps[1]]]})]);
        assert_eq!(answer(Shape::ScikitLearn, mapped()), answer(Shape::ScikitLearn, outputs()));
    }

    #[test]
    fn one_output_of_pytorch_onnx_is_its_rows() {
        let one = vec![Output { name: "y".into(), rows: vec![json!([1.5])], width: 1, labels: false, classes: None }];
        assert_eq!(answer(Shape::PytorchOnnx, one), [json!({"values": [[1.5]]})]);
        assert_eq!(Shape::of_type("pytorch-onnx_2.1"), Shape::PytorchOnnx);
        assert_eq!(Shape::of_type("xgboost_1.6"), Shape::ScikitLearn);
    }
}
