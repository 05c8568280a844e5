//! Models as scikit-learn's exporters write them by default, from commit to verified deployment.

use std::fs;
use std::path::Path;

use crate::harness::{Bench, ROOT, each};
use crate::zoo::{assert_same, exported};

/// A model, and the pipeline of another one of its kind.
struct Case {
    model: &'static str,
    pipeline: &'static str,
    /// What the labels of the pipeline's data are called by this model.
    labels: &'static [(&'static str, &'static str)],
}

const SPECIES: &[(&str, &str)] = &[("0", "setosa"), ("1", "versicolor"), ("2", "virginica")];

const CASES: [Case; 5] = [
    Case { model: "forest_text", pipeline: "tests/models/iris", labels: SPECIES },
    Case { model: "lightgbm_text", pipeline: "tests/models/iris", labels: SPECIES },
    Case { model: "boosting", pipeline: "model", labels: &[] },
    Case { model: "xgboost", pipeline: "model", labels: &[] },
    Case { model: "forest_regression", pipeline: "tests/models/diabetes", labels: &[] },
];

/// The rows of a data set, with the labels that the model answers.
fn relabelled(file: &Path, labels: &[(&str, &str)]) -> Vec<Vec<String>> {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    rows.map(|mut row| {
        let label = row.pop().unwrap();
        let other = labels.iter().find(|(number, _)| *number == label);
        row.push(other.map_or(label, |(_, text)| (*text).to_owned()));
        row
    })
    .collect()
}

fn csv(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| row.join(",") + "\n").collect()
}

#[test]
fn exported_models_pass_through_the_whole_pipeline() {
    each(
        &CASES,
        |case| case.model,
        |case| {
            let exported = exported().into_iter().find(|exported| exported.name == case.model).unwrap();
            let folder = Path::new(ROOT).join(case.pipeline);
            let data = if case.pipeline == "model" { "data/" } else { "" };
            let mut bench =
                Bench::new().copies(case.pipeline, &["pipeline.yaml"]).file("model.onnx", &exported.content);
            let mut target = Vec::new();
            for part in ["training", "target"] {
                let name = format!("{data}{part}.csv");
                target = relabelled(&folder.join(&name), case.labels);
                bench = bench.file(&name, csv(&target));
            }

            if !case.labels.is_empty() {
                bench = bench.spec("problem_type: multiclass", "problem_type: multiclass\n      label_type: string");
            }

            bench.run().succeeds();

            let predictions =
                fs::read_to_string(bench.folder.path().join(".stepwise/r/artifacts/score/predictions.csv"));
            let predictions = predictions.unwrap();
            let rows: Vec<Vec<String>> =
                predictions.lines().skip(1).map(|line| line.split(',').skip(1).map(str::to_owned).collect()).collect();
            let found: Vec<Vec<String>> =
                (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].clone()).collect()).collect();
            // The target rows are the last of the whole data.
            let first = exported.rows.len() - (target.len() - 1);
            let wanted: Vec<_> = exported.answers.iter().map(|column| column[first..].to_vec()).collect();
            assert_same(case.model, &found, &wanted);

            let outputs = bench.outputs("evaluate");
            assert_eq!(outputs["comparison"]["same"], true, "{outputs:#}");
            let labels = target[1..].iter().map(|row| row.last().unwrap());
            if let Some(accuracy) = outputs["metrics"]["accuracy"].as_f64() {
                let right = labels.zip(&found[0]).filter(|(label, found)| label == found).count();
                assert!((accuracy - right as f64 / rows.len() as f64).abs() < 1e-12, "{}: {accuracy}", case.model);
            } else {
                let errors = labels.zip(&found[0]).map(|(label, found)| number(label) - number(found));
                let error = errors.map(f64::abs).sum::<f64>() / rows.len() as f64;
                let told = outputs["metrics"]["mean_absolute_error"].as_f64().unwrap();
                assert!((told - error).abs() < 1e-9 * error, "{}: {told}, not {error}", case.model);
            }
            bench.leaves_nothing();
        },
    );
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn a_model_with_an_operator_that_is_not_there_is_refused_by_its_name() {
    let content = fs::read(Path::new(ROOT).join("host/scoring/tests/models/lacking.onnx")).unwrap();
    let bench = Bench::sample().file("model.onnx", content);

    bench.run().exits_with(3).fails_in(
        "store",
        "invalid-input",
        "cannot run the model `model.onnx`: the model uses `ai.onnx.ml.Binarizer`, `ai.onnx.ml.SVMRegressor`, which cannot \
         be run here: tract has no such operator",
    );

    assert!(!bench.requests().iter().any(|request| request.starts_with("POST /ml/v4/")));
    bench.leaves_nothing();
}
