//! How `evaluate` fails; missed gates are in `gates`.

use serde_json::json;

use super::{Case, fails};
use crate::harness::{Bench, always, answers};

const RUNS: &str = "/openscale/*/v2/monitor_instances/*/runs";
const ANY_RUN: &str = "/openscale/*/v2/monitor_instances/*/runs/*";
const MONITOR_ID: &str = "\"${{ steps.subscribe.monitor_instance_id }}\"";
const PROBLEM: &str = "problem_type: binary";

#[test]
fn evaluate_refuses_inputs_that_do_not_fit() {
    let cases = [
        Case {
            name: "half of a comparison",
            bench: || {
                Bench::sample().spec("      model: model.onnx\n      data: target\n", "      model: model.onnx\n")
            },
            category: "invalid-input",
            message: "the comparison needs all of `model`, `data`, `predictions` and `input_fields`",
            hint: Some("give all four, or only `gates`"),
        },
        Case {
            name: "other data than was scored",
            bench: || {
                Bench::sample().spec("model: model.onnx\n      data: target", "model: model.onnx\n      data: training")
            },
            category: "invalid-input",
            message: "`predictions` and `data` do not have the same number of rows",
            hint: None,
        },
    ];

    fails("evaluate", &cases);
}

#[test]
fn evaluate_says_what_the_service_refuses() {
    let cases = [
        Case {
            name: "too little feedback",
            bench: || Bench::sample().spec(PROBLEM, &format!("{PROBLEM}\n      min_feedback_size: 500")),
            category: "refused",
            message: "run `ID` of monitor instance `ID` is `error`: there are 171 feedback records, 500 are needed",
            hint: None,
        },
        Case {
            name: "an unknown monitor",
            bench: || Bench::sample().spec(MONITOR_ID, "11111111-2222-3333-4444-555555555555"),
            category: "refused",
            message: "`POST /openscale/ID/v2/monitor_instances/ID/runs` answered 404: monitor instance `ID` does not exist",
            hint: None,
        },
    ];

    fails("evaluate", &cases);
}

#[test]
fn evaluate_says_that_the_service_is_away_or_slow() {
    let cases = [
        Case {
            name: "503 to every request",
            bench: || Bench::sample().fails(always("POST", RUNS, 503)),
            category: "unavailable",
            message: "`POST /openscale/ID/v2/monitor_instances/ID/runs` answered 503: a fault answers 503",
            hint: None,
        },
        Case {
            name: "a run that never ends",
            bench: || {
                let bench = Bench::sample().spec(MONITOR_ID, &format!("{MONITOR_ID}\n      timeout_seconds: 0"));
                bench.fails(answers("GET", ANY_RUN, json!({"entity": {"status": {"state": "running"}}})))
            },
            category: "unavailable",
            message: "run `ID` of monitor instance `ID` took longer than 0 s: still `running`",
            hint: Some("raise `timeout_seconds`"),
        },
    ];

    fails("evaluate", &cases);
}

#[test]
fn evaluate_says_what_it_does_not_understand() {
    let cases = [Case {
        name: "a run without an id",
        bench: || Bench::sample().fails(answers("POST", RUNS, json!({"entity": {}}))),
        category: "internal",
        message: "OpenScale answered a resource without an id",
        hint: None,
    }];

    fails("evaluate", &cases);
}
