//! The quality monitor's metrics, against those that scikit-learn computes of the same rows (tests/expected/tables.py).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::Client;
use crate::evaluation::run;

/// Up to here metrics are the same, relative to those above 1.
const TOLERANCE: f64 = 1e-9;

fn cases(problem: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/expected/tables.json");
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    cases.into_iter().filter(|case| case["problem"] == problem).collect()
}

/// The result of a run over feedback that brings its own predictions.
fn measured(file: &str, problem: &str, case: &Value) -> Value {
    let client = Client::new();
    let (subscription, _) = client.subscribe(file, problem, "pre_production");
    let monitor = client.monitor(&subscription);
    let column = |name: &str| case[name].as_array().cloned().unwrap_or_default();
    let (actual, predicted, probabilities) = (column("actual"), column("predicted"), column("probabilities"));
    let rows: Vec<Value> = (0..actual.len())
        .map(|row| {
            let mut cells = vec![json!(0), json!(0), actual[row].clone(), predicted[row].clone()];
            cells.extend(probabilities.get(row).cloned());
            cells.into()
        })
        .collect();
    let mut fields = vec!["x1", "x2", "y", "_original_prediction"];
    if !probabilities.is_empty() {
        fields.push("_original_probability");
    }
    let feedback = json!([{"fields": fields, "values": rows}]);
    let stored = client.record(&client.data_set(&subscription, "feedback"), &feedback);
    assert_eq!(stored.body["state"], "active", "{stored:?}");
    let run = run(&client, &monitor);
    assert_eq!(run.state(), "finished", "{run:?}");
    run.body["entity"]["status"]["operators"][0]["result"].clone()
}

fn assert_as_scikit_learn(file: &str, problem: &str) {
    let cases = cases(problem);
    assert!(cases.len() > 20);
    for case in cases {
        let result = measured(file, problem, &case);
        let name = &case["name"];
        for (id, wanted) in case["metrics"].as_object().unwrap() {
            let found = &result["metrics"][id];
            let same = match (found.as_f64(), wanted.as_f64()) {
                (Some(found), Some(wanted)) => (found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0),
                _ => found.is_null() && wanted.is_null(),
            };
            assert!(same, "{name}: `{id}` is {found}, not {wanted}");
        }
        let shown = result["metrics"].as_object().unwrap().len();
        assert_eq!(shown, case["metrics"].as_object().unwrap().len(), "{name}");
        let counts = |of: &Value| of.to_string().replace(".0", "");
        assert_eq!(counts(&result["confusion_matrix"]["values"]), counts(&case["matrix"]), "{name}");
        assert_eq!(result["confusion_matrix"]["labels"], case["labels"], "{name}");
    }
}

#[test]
fn metrics_of_two_classes_are_those_of_scikit_learn() {
    assert_as_scikit_learn("binary.onnx", "binary");
}

#[test]
fn metrics_of_several_classes_are_those_of_scikit_learn() {
    assert_as_scikit_learn("multiclass.onnx", "multiclass");
}

#[test]
fn metrics_of_regressions_are_those_of_scikit_learn() {
    assert_as_scikit_learn("regression.onnx", "regression");
}
