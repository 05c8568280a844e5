//! How `subscribe` fails.

use serde_json::{Value, json};
use stepwise_stub::Fault;

use super::{Case, fails};
use crate::harness::{Bench, always, answers};

const DATA_MARTS: &str = "/openscale/*/v2/data_marts";
const ANY_SUBSCRIPTION: &str = "/openscale/*/v2/subscriptions/*";
const ANY_MONITOR: &str = "/openscale/*/v2/monitor_instances/*";
const DEPLOYMENT_ID: &str = "deployment_id: \"${{ steps.deploy.deployment_id }}\"";

fn sample(more: &str) -> Bench {
    Bench::sample().spec(DEPLOYMENT_ID, &format!("{DEPLOYMENT_ID}\n      {more}"))
}

fn with_status(path: &str, status: &Value) -> Fault {
    answers("GET", path, json!({"entity": {"status": status}}))
}

fn failure(message: &str) -> Value {
    json!({"state": "error", "failure": {"trace": "t", "errors": [{"code": "AIQ1", "message": message}]}})
}

#[test]
fn subscribe_refuses_inputs_that_have_no_value() {
    let cases = [
        Case {
            name: "an output that `store` did not answer",
            bench: || {
                Bench::sample().spec("      training_data: training\n      label_column: malignant\n", "").spec(
                    "      label_column: malignant\n      problem_type",
                    "      label_column: \"${{ steps.store.label_column }}\"\n      problem_type",
                )
            },
            category: "invalid-input",
            message: "its input `label_column` has no value: `steps.store.label_column` has none in this run",
            hint: None,
        },
        Case {
            name: "a number that is too large",
            bench: || sample("min_feedback_size: 5000000000"),
            category: "invalid-input",
            message: "input `min_feedback_size`: invalid value: integer `5000000000`, expected u32",
            hint: None,
        },
    ];

    fails("subscribe", &cases);
}

#[test]
fn subscribe_says_what_the_service_refuses() {
    let cases = [
        Case {
            name: "an unknown deployment",
            bench: || Bench::sample().spec(DEPLOYMENT_ID, "deployment_id: 11111111-2222-3333-4444-555555555555"),
            category: "refused",
            message: "service provider `ID` does not see the deployment `ID`",
            hint: Some("the deployment must be online, and in the space that `space_id` names"),
        },
        Case {
            name: "a subscription that errors",
            bench: || Bench::sample().fails(with_status(ANY_SUBSCRIPTION, &failure("the scoring endpoint is away"))),
            category: "refused",
            message: "subscription `tumour-screening` is `error`: the scoring endpoint is away",
            hint: None,
        },
        Case {
            name: "a monitor that errors",
            bench: || Bench::sample().fails(with_status(ANY_MONITOR, &failure("no output schema"))),
            category: "refused",
            message: "the quality monitor is `error`: no output schema",
            hint: None,
        },
        Case {
            name: "no OpenScale for this user",
            bench: || Bench::sample().fails(always("GET", DATA_MARTS, 403)),
            category: "refused",
            message: "`GET /openscale/ID/v2/data_marts` answered 403: a fault answers 403",
            hint: None,
        },
    ];

    fails("subscribe", &cases);
}

#[test]
fn subscribe_says_that_the_service_is_away_or_slow() {
    let cases = [
        Case {
            name: "503 to a list",
            bench: || Bench::sample().fails(always("GET", DATA_MARTS, 503)),
            category: "unavailable",
            message: "`GET /openscale/ID/v2/data_marts` answered 503: a fault answers 503",
            hint: None,
        },
        Case {
            name: "the data mart is never active",
            bench: || {
                let preparing = with_status("/openscale/*/v2/data_marts/*", &json!({"state": "preparing"}));
                sample("timeout_seconds: 0").fails(preparing)
            },
            category: "unavailable",
            message: "the data mart took longer than 0 s: still `preparing`",
            hint: Some("raise `timeout_seconds`"),
        },
        Case {
            name: "the feedback data set never shows",
            bench: || {
                let none = answers("GET", "/openscale/*/v2/data_sets", json!({"data_sets": []}));
                sample("timeout_seconds: 3").fails(none)
            },
            category: "unavailable",
            message: "the payload_logging data set took longer than 3 s: it is not there yet",
            hint: Some("raise `timeout_seconds`"),
        },
    ];

    fails("subscribe", &cases);
}

#[test]
fn subscribe_says_what_it_does_not_understand() {
    let cases = [
        Case {
            name: "a deployment without an asset",
            bench: || {
                let bare = json!({"entity": {"name": "tumour-screening"}});
                Bench::sample().fails(answers("GET", "/openscale/*/v2/ml_deployments/*", bare))
            },
            category: "internal",
            message: "`GET /openscale/ID/v2/ml_deployments/ID` answered what cannot be read at `entity`: missing field `asset`",
            hint: None,
        },
        Case {
            name: "a data set without a status",
            bench: || {
                let bare = json!({"data_sets": [{"metadata": {"id": "d"}, "entity": {}}]});
                Bench::sample().fails(answers("GET", "/openscale/*/v2/data_sets", bare))
            },
            category: "internal",
            message: "the payload_logging data set is listed without its status",
            hint: None,
        },
        Case {
            name: "a data mart without an id",
            bench: || Bench::sample().fails(answers("GET", DATA_MARTS, json!({"data_marts": [{}]}))),
            category: "internal",
            message: "OpenScale answered a resource without an id",
            hint: None,
        },
    ];

    fails("subscribe", &cases);
}
