//! How `score` fails; what is wrong with its data is in `score_data`.

use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind, Nth};

use super::{Case, fails};
use crate::harness::{Bench, always, answers};

const PREDICTIONS: &str = "/ml/v4/deployments/*/predictions";
const RECORDS: &str = "/openscale/*/v2/data_sets/*/records";
const REQUESTS: &str = "/openscale/*/v2/data_sets/*/requests/*";
const SCORING_PATH: &str = "\"${{ steps.deploy.scoring_path }}\"";

/// The sample tries three times.
fn tried_once() -> Bench {
    Bench::sample().spec("{attempts: 3}", "{attempts: 1}")
}

fn predictions(entries: &Value) -> Fault {
    answers("POST", PREDICTIONS, json!({"predictions": entries}))
}

#[test]
fn score_refuses_inputs_that_do_not_fit() {
    let cases = [
        Case {
            name: "a number that is too large",
            bench: || Bench::sample().spec(SCORING_PATH, &format!("{SCORING_PATH}\n      timeout_seconds: 5000000000")),
            category: "invalid-input",
            message: "input `timeout_seconds`: invalid value: integer `5000000000`, expected u32",
            hint: None,
        },
        Case {
            name: "a prediction field that the answer does not have",
            bench: || {
                let answer = json!([{"fields": ["class", "share"], "values": []}]);
                Bench::sample().fails(predictions(&answer))
            },
            category: "invalid-input",
            message: "the deployment answers no field `prediction`, but `class`, `share`",
            hint: Some("name one of them in `prediction_field`"),
        },
    ];

    fails("score", &cases);
}

#[test]
fn score_says_what_the_services_refuse() {
    let cases = [
        Case {
            name: "an unknown deployment",
            bench: || Bench::sample().spec(SCORING_PATH, "/ml/v4/deployments/nowhere/predictions"),
            category: "refused",
            message: "`POST /ml/v4/deployments/nowhere/predictions` answered 404: deployment `nowhere` does not exist",
            hint: None,
        },
        Case {
            name: "a path that is not one of scoring",
            bench: || Bench::sample().spec(SCORING_PATH, "/ml/v4/models"),
            category: "refused",
            message: "`POST /ml/v4/models` is not allowed: step `score` may not send `POST /ml/v4/models` to `wml`: its \
                      component does not declare that need",
            hint: Some(
                "add `POST /ml/v4/models` for `wml` to the needs that the component describes, and build it anew",
            ),
        },
        Case {
            name: "feedback is forbidden",
            bench: || Bench::sample().fails(always("POST", RECORDS, 403)),
            category: "refused",
            message: "`POST /openscale/ID/v2/data_sets/ID/records` answered 403: a fault answers 403",
            hint: None,
        },
        Case {
            name: "records that do not get in",
            bench: || {
                let failed = json!({"state": "error", "failure": {"errors": [{"message": "the table is gone"}]}});
                Bench::sample().fails(answers("GET", REQUESTS, failed))
            },
            category: "refused",
            message: "request `ID` of payload data set `ID` is `error`: the table is gone",
            hint: None,
        },
    ];

    fails("score", &cases);
}

#[test]
fn score_says_that_a_service_is_away_or_slow() {
    let cases = [
        Case {
            name: "503 to every request",
            bench: || tried_once().fails(always("POST", PREDICTIONS, 503)),
            category: "unavailable",
            message: "`POST /ml/v4/deployments/ID/predictions` answered 503: a fault answers 503",
            hint: None,
        },
        Case {
            name: "every answer is cut short",
            bench: || {
                let cut = Fault::new("POST", PREDICTIONS, FaultKind::Truncate).on(Nth::Every);
                tried_once().fails(cut)
            },
            category: "unavailable",
            message: "`POST /ml/v4/deployments/ID/predictions` was sent, but its answer is lost: no answer from `wml`: \
                      the answer broke off: the connection was closed",
            hint: None,
        },
        Case {
            name: "the answer takes longer than the step may",
            bench: || {
                let late = Fault::new("POST", PREDICTIONS, FaultKind::Delay(Duration::from_mins(1))).on(Nth::Every);
                tried_once().spec("timeout: 10m", "timeout: 1s").fails(late)
            },
            category: "unavailable",
            message: "not done within 1 s",
            hint: Some("give the step a longer `timeout`"),
        },
        Case {
            name: "records never get in",
            bench: || {
                let bench = tried_once();
                let bench = bench.spec(SCORING_PATH, &format!("{SCORING_PATH}\n      timeout_seconds: 0"));
                bench.fails(answers("GET", REQUESTS, json!({"state": "preparing"})))
            },
            category: "unavailable",
            message: "request `ID` of payload data set `ID` took longer than 0 s: still `preparing`",
            hint: Some("raise `timeout_seconds`"),
        },
    ];

    fails("score", &cases);
}

#[test]
fn score_says_what_it_does_not_understand() {
    let cases = [
        Case {
            name: "an answer with too few rows",
            bench: || {
                let answer = json!([{"id": "label", "values": [1]}, {"id": "probabilities", "values": [[0.1, 0.9]]}]);
                Bench::sample().fails(predictions(&answer))
            },
            category: "internal",
            message: "the deployment answered 1 row to 171",
            hint: None,
        },
        Case {
            name: "several tables without ids",
            bench: || Bench::sample().fails(predictions(&json!([{"values": [1]}, {"values": [2]}]))),
            category: "internal",
            message: "the deployment's answer is not understood: several tables without ids",
            hint: None,
        },
        Case {
            name: "no predictions",
            bench: || Bench::sample().fails(answers("POST", PREDICTIONS, json!({}))),
            category: "internal",
            message: "`POST /ml/v4/deployments/ID/predictions` answered what cannot be read: missing field `predictions`",
            hint: None,
        },
    ];

    fails("score", &cases);
}
