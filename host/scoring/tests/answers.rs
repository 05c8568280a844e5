//! Every answer to the whole data, against onnxruntime's: of models as they are exported, and of single operators.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod zoo;

use std::fs;

use stepwise_scoring::{Element, Model, Tensor, Values};
use zoo::{answers, assert_same, exported, root};

fn tensor(rows: &[Vec<f64>]) -> Tensor {
    Tensor { shape: vec![rows.len(), rows[0].len()], values: Values::Floats(rows.concat()) }
}

/// What a tensor says about each row, column by column.
fn columns(tensor: &Tensor) -> Vec<Vec<String>> {
    let rows = tensor.shape[0];
    let cells: Vec<String> = match &tensor.values {
        Values::Floats(values) => values.iter().map(f64::to_string).collect(),
        Values::Integers(values) => values.iter().map(i64::to_string).collect(),
        Values::Texts(values) => values.clone(),
        Values::Booleans(_) => panic!("no model answers booleans"),
    };
    let width = cells.len() / rows;
    (0..width).map(|column| cells.iter().skip(column).step_by(width).cloned().collect()).collect()
}

#[test]
fn exported_models_answer_as_in_onnxruntime() {
    for exported in exported() {
        let name = &exported.name;
        let model = Model::load(&exported.content).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outputs = model.run(&[tensor(&exported.rows)]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<_> = outputs.iter().flat_map(columns).collect();
        assert_same(name, &found, &exported.answers);
    }
}

#[test]
fn maps_tell_their_classes_and_the_rest_its_true_shape() {
    let load =
        |name: &str| Model::load(&fs::read(root().join(format!("tests/models/zoo/{name}.onnx"))).unwrap()).unwrap();
    let classes = |name: &str| load(name).outputs()[1].classes.clone().map(|classes| classes.join(" "));
    assert_eq!(classes("forest").as_deref(), Some("0 1"));
    assert_eq!(classes("forest_text").as_deref(), Some("setosa versicolor virginica"));
    assert_eq!(classes("forest_text_plain"), None);
    // The file says that there is one label.
    let outputs = load("lightgbm_text").outputs().to_vec();
    assert_eq!((outputs[0].element, outputs[0].shape.as_slice()), (Element::Text, [None].as_slice()));
    assert_eq!((outputs[1].element, outputs[1].shape.as_slice()), (Element::Float32, [None, Some(3)].as_slice()));
}

#[test]
fn operators_answer_as_in_onnxruntime() {
    // POINTS of models/operators.py.
    let points = [[-2.0, 0.1], [-1.0, -3.0], [0.0, 0.0], [0.5, 0.2], [1.0, f64::NAN], [f64::NAN, 0.1], [2.0, 4.0]];
    let points: Vec<Vec<f64>> = points.iter().map(|point| point.to_vec()).collect();
    let folder = "host/scoring/tests/models";
    let model = Model::load(&fs::read(root().join(format!("{folder}/operators.onnx"))).unwrap()).unwrap();
    let wanted = answers(&format!("{folder}/operators.csv"));
    let outputs = model.run(&[tensor(&points)]).unwrap();
    assert_eq!(outputs.len(), wanted.len());
    for (port, output) in model.outputs().iter().zip(&outputs) {
        assert_same(&port.name, &columns(output), &wanted[&port.name]);
    }
}
