//! What a model answers, against onnxruntime, and how it refuses.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use stepwise_scoring::{Element, Model, Port, ScoringError, Tensor, Values};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn bytes(file: &str) -> Vec<u8> {
    fs::read(root().join(file)).unwrap()
}

fn model(file: &str) -> Model {
    Model::load(&bytes(file)).unwrap()
}

fn sample() -> Model {
    model("model/model.onnx")
}

/// The numbers of a CSV file below its header, row by row.
fn rows(file: &str) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect()
}

/// The rows without their last column, the label.
fn features(rows: &[Vec<f64>]) -> Tensor {
    let width = rows[0].len() - 1;
    let values = rows.iter().flat_map(|row| &row[..width]).copied().collect();
    Tensor { shape: vec![rows.len(), width], values: Values::Floats(values) }
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match &tensor.values {
        Values::Floats(values) => values.clone(),
        Values::Integers(values) => values.iter().map(|value| *value as f64).collect(),
        other => panic!("no numbers: {other:?}"),
    }
}

/// Scores a target file and compares every answer with those that onnxruntime gave (tests/expected/metrics.py).
fn assert_agrees(model: &str, target: &str, expected: &str, relative: f64) {
    let answers = self::model(model).run(&[features(&rows(target))]).unwrap();
    let expected = rows(expected);
    for (row, wanted) in expected.iter().enumerate() {
        let got = answers.iter().flat_map(|answer| {
            let width = answer.values.len() / expected.len();
            numbers(answer)[row * width..(row + 1) * width].to_vec()
        });
        let got: Vec<f64> = got.collect();
        assert_eq!(got.len(), wanted.len() - 1);
        for (got, wanted) in got.iter().zip(&wanted[1..]) {
            assert!((got - wanted).abs() <= relative * wanted.abs().max(1.0), "row {}: {got}, not {wanted}", row + 1);
        }
    }
}

#[test]
fn a_binary_model_answers_as_in_onnxruntime() {
    assert_agrees("model/model.onnx", "model/data/target.csv", "tests/expected/tumour-screening.csv", 1e-6);
}

#[test]
fn a_multiclass_model_answers_as_in_onnxruntime() {
    let folder = "tests/models/iris";
    assert_agrees(&format!("{folder}/model.onnx"), &format!("{folder}/target.csv"), "tests/expected/iris.csv", 1e-6);
}

#[test]
fn a_regression_model_answers_as_in_onnxruntime() {
    let folder = "tests/models/diabetes";
    let target = format!("{folder}/target.csv");
    assert_agrees(&format!("{folder}/model.onnx"), &target, "tests/expected/diabetes.csv", 1e-6);
}

#[test]
fn a_model_says_what_it_takes_and_gives() {
    let model = sample();
    let port = |name: &str, element, shape: &[Option<usize>]| Port {
        name: name.into(),
        element,
        shape: shape.to_vec(),
        classes: None,
    };
    assert_eq!(model.inputs(), [port("features", Element::Float32, &[None, Some(30)])]);
    assert_eq!(
        model.outputs(),
        [port("label", Element::Int64, &[None]), port("probabilities", Element::Float32, &[None, Some(2)])]
    );
    assert_eq!(model.sha256().len(), 64);
}

#[test]
fn one_model_runs_any_number_of_rows() {
    let model = sample();
    let target = rows("model/data/target.csv");
    let all = model.run(&[features(&target)]).unwrap();
    for count in [1, 2, 7, 100] {
        let some = model.run(&[features(&target[..count])]).unwrap();
        assert_eq!(some[1].shape, [count, 2]);
        assert_eq!(numbers(&some[0]), numbers(&all[0])[..count]);
    }
}

#[test]
fn no_rows_give_no_answers() {
    let nothing = Tensor { shape: vec![0, 30], values: Values::Floats(vec![]) };
    let answers = sample().run(&[nothing]).unwrap();
    assert_eq!((answers[0].shape.as_slice(), answers[1].shape.as_slice()), ([0].as_slice(), [0, 2].as_slice()));
}

#[test]
fn several_threads_run_one_model() {
    let model = sample();
    let target = features(&rows("model/data/target.csv"));
    let alone = model.run(std::slice::from_ref(&target)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(model.run(std::slice::from_ref(&target)).unwrap(), alone));
        }
    });
}

#[test]
fn columns_of_several_types_are_inputs_of_their_own() {
    let model = model("host/scoring/tests/models/columns.onnx");
    let column = |values| Tensor { shape: vec![2, 1], values };
    let answers = model
        .run(&[
            column(Values::Floats(vec![1.5, 2.5])),
            column(Values::Integers(vec![10, 20])),
            column(Values::Booleans(vec![true, false])),
            column(Values::Integers(vec![100, 200])),
        ])
        .unwrap();
    assert_eq!(answers, [column(Values::Floats(vec![112.5, 222.5]))]);
}

#[test]
fn texts_go_in_and_come_out() {
    let model = model("host/scoring/tests/models/texts.onnx");
    let texts = Tensor { shape: vec![2], values: Values::Texts(vec!["a".into(), "b".into()]) };
    assert_eq!(model.run(std::slice::from_ref(&texts)).unwrap(), [texts]);
}

#[test]
fn trees_and_networks_run() {
    for (file, labels) in [("trees.onnx", [0, 1, 1]), ("network.onnx", [0, 1, 1])] {
        let model = model(&format!("host/scoring/tests/models/{file}"));
        let points = Tensor { shape: vec![3, 2], values: Values::Floats(vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) };
        assert_eq!(model.run(&[points]).unwrap()[0].values, Values::Integers(labels.to_vec()), "{file}");
    }
}

#[test]
fn the_coefficients_tell_a_width_that_the_file_leaves_free() {
    let model = model("host/scoring/tests/models/free.onnx");
    assert_eq!(model.inputs()[0].shape, [None, Some(3)]);
    let row = |width| Tensor { shape: vec![1, width], values: Values::Floats(vec![1.0; width]) };
    assert_eq!(numbers(&model.run(&[row(3)]).unwrap()[0]), [6.0]);
    assert!(matches!(model.run(&[row(2)]), Err(ScoringError::Shape { .. })));
}

/// What the sample model says about a tensor.
fn refusal(shape: &[usize], values: Values) -> String {
    sample().run(&[Tensor { shape: shape.to_vec(), values }]).unwrap_err().to_string()
}

#[test]
fn a_wrong_number_of_inputs_is_refused() {
    assert_eq!(sample().run(&[]).unwrap_err(), ScoringError::Count { wanted: 1, got: 0 });
}

#[test]
fn a_wrong_shape_is_refused() {
    assert_eq!(
        refusal(&[2, 29], Values::Floats(vec![0.0; 58])),
        "input `features` takes the shape [?, 30], not [2, 29]"
    );
    assert_eq!(refusal(&[30], Values::Floats(vec![0.0; 30])), "input `features` takes the shape [?, 30], not [30]");
    assert_eq!(
        refusal(&[2, 30], Values::Floats(vec![0.0; 59])),
        "input `features` takes the shape [?, 30], not [2, 30] with 59 values"
    );
    assert_eq!(
        refusal(&[usize::MAX, 30], Values::Floats(vec![])),
        format!("input `features` takes the shape [?, 30], not [{}, 30] with 0 values", usize::MAX)
    );
}

#[test]
fn a_wrong_type_is_refused() {
    assert_eq!(
        refusal(&[1, 30], Values::Texts(vec!["1".into(); 30])),
        "input `features` takes 32 bit floats, not texts"
    );
    let columns = model("host/scoring/tests/models/columns.onnx");
    let column = |values| Tensor { shape: vec![1, 1], values };
    let run = |integer, small| {
        let first = column(Values::Floats(vec![0.0]));
        columns.run(&[first, column(integer), column(Values::Booleans(vec![true])), column(small)])
    };
    let error = |integer, small| run(integer, small).unwrap_err().to_string();
    let one = || Values::Integers(vec![1]);
    assert!(run(Values::Floats(vec![2.0]), Values::Floats(vec![-2.0])).is_ok());
    assert_eq!(error(Values::Floats(vec![1.5]), one()), "input `second` takes 64 bit integers, not 1.5");
    assert_eq!(error(Values::Floats(vec![f64::NAN]), one()), "input `second` takes 64 bit integers, not NaN");
    assert_eq!(
        error(one(), Values::Integers(vec![1 << 40])),
        "input `fourth` takes 32 bit integers, not 1099511627776"
    );
}

#[test]
fn columns_of_unequal_length_are_refused() {
    let column = |rows, values| Tensor { shape: vec![rows, 1], values };
    let error = model("host/scoring/tests/models/columns.onnx").run(&[
        column(1, Values::Floats(vec![0.0])),
        column(2, Values::Integers(vec![0, 0])),
        column(1, Values::Booleans(vec![true])),
        column(1, Values::Integers(vec![0])),
    ]);
    assert!(matches!(error, Err(ScoringError::Run { .. })), "{error:?}");
}

/// What loading a test model says.
fn rejection(file: &str) -> String {
    Model::load(&bytes(&format!("host/scoring/tests/models/{file}"))).unwrap_err().to_string()
}

#[test]
fn operators_that_tract_lacks_are_named_all_at_once() {
    assert_eq!(
        rejection("lacking.onnx"),
        "the model uses `ai.onnx.ml.Binarizer`, `ai.onnx.ml.SVMRegressor`, which cannot be run here: tract has no such operator"
    );
}

#[test]
fn maps_that_the_graph_itself_reads_are_refused() {
    let operators = "`SequenceAt`, `ai.onnx.ml.ZipMap`";
    assert_eq!(
        rejection("maps.onnx"),
        format!("the model uses {operators}, which cannot be run here: tract has no such operator")
    );
}

#[test]
fn an_operator_that_tract_refuses_is_named_with_its_reason() {
    assert_eq!(
        rejection("probit.onnx"),
        "the model uses `ai.onnx.ml.LinearClassifier`, which cannot be run here: it has one score, whose PROBIT makes no second one"
    );
}

#[test]
fn weights_in_another_file_are_refused() {
    assert_eq!(
        rejection("split.onnx"),
        "the model cannot be run here: the weights `weights` are in another file; save the model as one file"
    );
}

#[test]
fn coefficients_for_another_width_are_refused() {
    assert_eq!(rejection("narrow.onnx"), "the model cannot be run here: `sum.matmul` sums over 2 and 3 values at once");
}

#[test]
fn trees_that_make_no_sense_are_refused() {
    for (file, reason) in [
        ("circle.onnx", "its nodes form no trees"),
        (
            "second.onnx",
            "the second of its two classes has weights, which onnxruntime takes for those of the only score",
        ),
        ("bases.onnx", "it has 2 base values, not 1"),
        ("inner.onnx", "a weight belongs to no leaf"),
    ] {
        let operator = "the model uses `ai.onnx.ml.TreeEnsembleClassifier`, which cannot be run here";
        assert_eq!(rejection(file), format!("{operator}: {reason}"));
    }
}

#[test]
fn operators_of_more_columns_than_there_are_are_refused() {
    for (file, reason) in [
        ("scales.onnx", "`scaled` scales 3 columns, but is given 2"),
        ("feature.onnx", "`TreeEnsembleClassifier` reads 8 columns, but is given 2"),
    ] {
        let rejection = rejection(file);
        assert!(rejection.starts_with("the model cannot be run here: ") && rejection.ends_with(reason), "{rejection}");
    }
}

#[test]
fn what_is_no_model_is_refused() {
    assert_eq!(Model::load(b"").unwrap_err().to_string(), "not an ONNX model: it has no graph");
    assert!(matches!(Model::load(b"a,b\n1,2\n"), Err(ScoringError::NotOnnx { .. })));
    assert!(matches!(Model::load(&bytes("LICENSE")), Err(ScoringError::NotOnnx { .. })));
    assert!(matches!(Model::load(b"PK\x03\x04zip"), Err(ScoringError::NotOnnx { .. })));
}

/// Loading and running must end in an answer or an error, whatever the bytes are.
fn survives(bytes: &[u8]) {
    let Ok(model) = Model::load(bytes) else {
        return;
    };
    let inputs: Vec<Tensor> = (model.inputs().iter())
        .map(|port| {
            let shape: Vec<usize> = port.shape.iter().map(|length| length.unwrap_or(2).min(64)).collect();
            let values = Values::Floats(vec![1.0; shape.iter().product()]);
            Tensor { shape, values }
        })
        .collect();
    let _ = model.run(&inputs);
}

/// One of every kind, as small as it can be.
const SMALL: [&str; 5] = [
    "model/model.onnx",
    "tests/models/iris/model.onnx",
    "host/scoring/tests/models/trees.onnx",
    "tests/models/zoo/linear_scaled.onnx",
    "tests/models/zoo/logistic_text.onnx",
];

#[test]
fn no_truncated_model_panics() {
    for file in SMALL {
        let whole = bytes(file);
        (0..whole.len()).for_each(|length| survives(&whole[..length]));
    }
}

#[test]
fn no_garbled_model_panics() {
    for file in SMALL {
        let whole = bytes(file);
        for position in 0..whole.len() {
            for garble in [0x01, 0x80] {
                let mut garbled = whole.clone();
                garbled[position] ^= garble;
                survives(&garbled);
            }
        }
    }
}
