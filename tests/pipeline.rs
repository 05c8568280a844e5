//! The main job: the sample pipeline from store to cleanup.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Bench, ROOT, json};

#[test]
fn the_sample_pipeline_runs_from_store_to_cleanup_and_leaves_nothing() {
    let bench = Bench::sample();

    bench.run().succeeds();

    bench.leaves_nothing();
    assert_eq!(bench.record()["outcome"], "succeeded");
}

#[test]
fn the_metrics_are_those_that_scikit_learn_computes() {
    let bench = Bench::sample();

    bench.run().succeeds();

    let expected = json(&Path::new(ROOT).join("tests/expected/tumour-screening.json"));
    let found = &bench.outputs("evaluate")["metrics"];
    for (id, value) in expected["metrics"].as_object().unwrap().iter().filter(|(_, value)| value.is_number()) {
        let difference = (value.as_f64().unwrap() - found[id].as_f64().unwrap_or(f64::NAN)).abs();
        assert!(difference < 1e-6, "{id}: expected {value}, found {}", found[id]);
    }
    let matrix = |value: &Value| serde_json::from_value::<Vec<Vec<f64>>>(value["confusion_matrix"]["values"].clone());
    assert_eq!(matrix(&bench.outputs("evaluate")).unwrap(), matrix(&expected).unwrap());
}
