//! How `deploy` fails.

use serde_json::json;
use stepwise_stub::{Fault, FaultKind, Nth};

use super::{Case, fails};
use crate::harness::{Bench, always, answers};

const DEPLOYMENTS: &str = "/ml/v4/deployments";
const ANY_DEPLOYMENT: &str = "/ml/v4/deployments/*";
const MODEL_ID: &str = "\"${{ steps.store.model_id }}\"";

fn with_state(state: &str) -> Fault {
    answers("GET", ANY_DEPLOYMENT, json!({"entity": {"status": {"state": state}}}))
}

#[test]
fn deploy_refuses_inputs_that_have_no_value() {
    let cases = [
        Case {
            name: "an output that `store` did not answer",
            bench: || {
                Bench::sample().spec("      training_data: training\n      label_column: malignant\n", "").spec(
                    "name: tumour-screening\n      model_id",
                    "name: \"${{ steps.store.label_column }}\"\n      model_id",
                )
            },
            category: "invalid-input",
            message: "its input `name` has no value: `steps.store.label_column` has none in this run",
            hint: None,
        },
        Case {
            name: "a number that is too large",
            bench: || Bench::sample().spec(MODEL_ID, &format!("{MODEL_ID}\n      timeout_seconds: 5000000000")),
            category: "invalid-input",
            message: "input `timeout_seconds`: invalid value: integer `5000000000`, expected u32",
            hint: None,
        },
    ];

    fails("deploy", &cases);
}

#[test]
fn deploy_says_what_the_service_refuses() {
    let cases = [
        Case {
            name: "an unknown model",
            bench: || Bench::sample().spec(MODEL_ID, "11111111-2222-3333-4444-555555555555"),
            category: "refused",
            message: "`POST /ml/v4/deployments` answered 404: model `ID` does not exist",
            hint: None,
        },
        Case {
            name: "an unknown hardware specification",
            bench: || Bench::sample().spec(MODEL_ID, &format!("{MODEL_ID}\n      hardware_spec: {{name: XXL}}")),
            category: "refused",
            message: "`POST /ml/v4/deployments` answered 400: hardware specification `XXL` does not exist",
            hint: None,
        },
        Case {
            name: "the upload was answered, but not kept",
            bench: || Bench::sample().fails(always("PUT", "/ml/v4/models/*/content", 201)),
            category: "refused",
            message: "deployment `tumour-screening` is `failed`: the model has no content",
            hint: None,
        },
    ];

    fails("deploy", &cases);
}

#[test]
fn deploy_says_that_the_service_is_away_or_slow() {
    let cases = [
        Case {
            name: "never ready",
            bench: || {
                let bench = Bench::sample().fails(with_state("initializing"));
                bench.spec(MODEL_ID, &format!("{MODEL_ID}\n      timeout_seconds: 0"))
            },
            category: "unavailable",
            message: "deployment `tumour-screening` took longer than 0 s: still `initializing`",
            hint: Some("raise `timeout_seconds`"),
        },
        Case {
            name: "503 while it waits",
            bench: || Bench::sample().fails(always("GET", ANY_DEPLOYMENT, 503)),
            category: "unavailable",
            message: "`GET /ml/v4/deployments/ID` answered 503: a fault answers 503",
            hint: None,
        },
        Case {
            name: "every create request is dropped before it is acted on",
            bench: || Bench::sample().fails(Fault::new("POST", DEPLOYMENTS, FaultKind::DropConnection).on(Nth::Every)),
            category: "unavailable",
            message: "`POST /ml/v4/deployments` was sent, but its answer is lost: no answer from `wml`: \
                      the connection was closed",
            hint: None,
        },
    ];

    fails("deploy", &cases);
}

#[test]
fn deploy_says_what_it_does_not_understand() {
    let cases = [
        Case {
            name: "a state that nobody knows",
            bench: || Bench::sample().fails(with_state("dreaming")),
            category: "internal",
            message: "deployment `tumour-screening` is in the unexpected state `dreaming`",
            hint: None,
        },
        Case {
            name: "no status",
            bench: || Bench::sample().fails(answers("GET", ANY_DEPLOYMENT, json!({"entity": {}}))),
            category: "internal",
            message: "`GET /ml/v4/deployments/ID` answered what cannot be read at `entity`: missing field `status`",
            hint: None,
        },
    ];

    fails("deploy", &cases);
}
