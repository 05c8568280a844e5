//! Gates: a missed one ends the run with exit code 4, after everything else has worked.

use std::fs;
use std::path::Path;

use crate::harness::{Bench, ROOT, each, hide_ids};

/// The gates that `evaluate` checks, apart from the monitor's thresholds.
fn sample(gates: &str) -> Bench {
    Bench::sample().spec("gates: *gates", &format!("gates: {{{gates}}}"))
}

/// Rows of one label, which the model predicts right: they have no skew.
fn of_one_label() -> Bench {
    let data = fs::read_to_string(Path::new(ROOT).join("model/data/target.csv")).unwrap();
    let (header, rows) = data.split_once('\n').unwrap();
    let answers = fs::read_to_string(Path::new(ROOT).join("tests/expected/tumour-screening.csv")).unwrap();
    let right = answers.lines().skip(1).zip(rows.lines()).filter(|(answer, _)| answer.split(',').nth(1) == Some("0"));
    let benign: Vec<_> = right.map(|(_, row)| row).filter(|row| row.ends_with(",0")).collect();
    sample("label_skew: {at_most: 0.5}").file("data/target.csv", format!("{header}\n{}\n", benign.join("\n")))
}

/// The committed model with other numbers in it.
fn another_model() -> Vec<u8> {
    let mut model = fs::read(Path::new(ROOT).join("model/model.onnx")).unwrap();
    let name = b"intercepts";
    let at = model.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // Each number is a tag and four bytes.
    for start in [at + 1, at + 6] {
        let number = f32::from_le_bytes(model[start..start + 4].try_into().unwrap());
        model[start..start + 4].copy_from_slice(&(number / 2.0).to_le_bytes());
    }
    model
}

#[test]
fn a_missed_gate_says_what_the_metric_is_and_cleanup_still_runs() {
    struct Case {
        name: &'static str,
        bench: fn() -> Bench,
        message: &'static str,
    }
    let cases = [
        Case {
            name: "a metric below its limit",
            bench: || sample("accuracy: {at_least: 0.99}"),
            message: "`accuracy` is 0.9649122807017544, not at least 0.99",
        },
        Case {
            name: "a metric above its limit",
            bench: || sample("false_positive_rate: {at_most: 0.001}"),
            message: "`false_positive_rate` is 0.009345794392523364, not at most 0.001",
        },
        Case {
            name: "two of three gates",
            bench: || sample("accuracy: {at_least: 0.99}, recall: {at_least: 0.5, at_most: 0.6}"),
            message: "`accuracy` is 0.9649122807017544, not at least 0.99; `recall` is 0.921875, not at most 0.6",
        },
        Case {
            name: "a metric without a value",
            bench: of_one_label,
            message: "`label_skew` should be at most 0.5, but the monitor could not compute it",
        },
        Case {
            name: "a metric that the monitor does not report",
            bench: || sample("r2: {at_least: 0.5}"),
            message: "`r2` should be at least 0.5, but the monitor reported only `accuracy`, `area_under_pr`, \
                      `area_under_roc`, `brier_score`, `f1_measure`, `false_positive_rate`, `gini_coefficient`, \
                      `label_skew`, `log_loss`, `matthews_correlation_coefficient`, `precision`, `recall`, \
                      `true_positive_rate`",
        },
        Case {
            name: "another model than the one that was committed",
            bench: || {
                Bench::sample()
                    .file("other.onnx", another_model())
                    .spec("model: model.onnx\n      data", "model: other.onnx\n      data")
            },
            message: "the deployment's answers differ from the model's by 1, not at most 0.00001",
        },
    ];

    each(
        &cases,
        |case| case.name,
        |case| {
            let bench = (case.bench)();

            let ran = bench.run().exits_with(4).fails_in("evaluate", "gate", case.message);

            assert_eq!(bench.step("evaluate")["outcome"], "gate_missed");
            assert_eq!(bench.step("evaluate")["failure"]["hint"].as_str(), None);
            assert_eq!(bench.record()["outcome"], "gate_missed");
            assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
            bench.leaves_nothing();
            let stdout = hide_ids(&ran.stdout());
            let end =
                format!("step `evaluate` missed a gate: {}\nrun r of tumour-screening: missed a gate\n", case.message);
            assert!(stdout.ends_with(&end), "stdout:\n{stdout}\nshould end with:\n{end}");
        },
    );
}

#[test]
fn the_metrics_and_verdicts_are_shown_although_a_gate_was_missed() {
    let bench = sample("accuracy: {at_least: 0.99}, log_loss: {at_most: 0.5}");

    let ran = bench.run().exits_with(4);

    let stdout = ran.stdout();
    let gates = table(&stdout, "evaluate: gates");
    assert_eq!(
        gates,
        [
            "metric value wanted verdict",
            "accuracy 0.9649 at least 0.99 missed: 0.025 too low",
            "log_loss 0.1061 at most 0.5 passed"
        ]
    );
    let metrics = table(&stdout, "evaluate: metrics");
    assert_eq!(metrics.len(), 13);
    assert_eq!(metrics[0], "accuracy 0.964912");
    bench.metrics_are("tumour-screening");
}

/// The rows under a title, without lines and padding.
fn table(stdout: &str, title: &str) -> Vec<String> {
    let rows = stdout.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.is_empty());
    let words = rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
    words.filter(|row| !row.starts_with(['─', '═'])).collect()
}

#[test]
fn a_gate_at_its_limit_passes() {
    let bench = sample("recall: {at_least: 0.921875, at_most: 0.921875}");

    bench.run().succeeds();
}
