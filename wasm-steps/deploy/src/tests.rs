//! Deploy against a fake host.

use serde_json::{Value, json};
use step_sdk::fake::Fake;
use step_sdk::services::Error;
use step_sdk::{Failure, FailureCategory};

const CREATE: &str = "POST /ml/v4/deployments";
const LIST: &str = "GET /ml/v4/deployments";
const GET: &str = "GET /ml/v4/deployments/d";

fn deployment(status: &Value) -> Value {
    json!({"metadata": {"id": "d", "tags": ["run-1"]}, "entity": {"status": status}})
}

fn in_state(state: &str) -> Value {
    deployment(&json!({ "state": state }))
}

fn run(host: &Fake, changes: &Value) -> Result<Value, Failure> {
    let mut inputs = json!({"name": "screening", "model_id": "m", "space_id": "s"});
    for (name, value) in changes.as_object().unwrap() {
        inputs[name] = value.clone();
    }
    crate::run_json(host, &inputs.to_string()).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn fails(host: &Fake) -> (FailureCategory, String) {
    let failure = run(host, &json!({})).unwrap_err();
    (failure.category, failure.message)
}

#[test]
fn the_deployment_is_awaited() {
    let host = Fake::new();
    host.answer(CREATE, 202, in_state("initializing"));
    host.answer(GET, 200, in_state("initializing"));
    host.answer(GET, 200, in_state("ready"));

    let outputs =
        run(&host, &json!({"description": "d", "tags": ["mine"], "hardware_spec": {"name": "S", "num_nodes": 2}}));

    let path = "/ml/v4/deployments/d/predictions";
    assert_eq!(outputs.unwrap(), json!({"deployment_id": "d", "scoring_path": path, "status": "ready"}));
    let sent = &host.requests_to(CREATE)[0];
    assert_eq!((sent.query("version"), sent.query("space_id")), (Some("2021-06-24"), Some("s")));
    assert_eq!(
        sent.json(),
        json!({
            "name": "screening", "asset": {"id": "m"}, "online": {}, "space_id": "s", "description": "d",
            "tags": ["mine", "run-1"], "hardware_spec": {"name": "S", "num_nodes": 2},
        })
    );
}

#[test]
fn a_failed_deployment_speaks_for_itself() {
    let host = Fake::new();
    host.answer(CREATE, 202, in_state("initializing"));
    let errors = json!({"errors": [{"code": "x", "message": "no `.onnx` file"}, "in the archive"]});
    host.answer(GET, 200, deployment(&json!({"state": "failed", "failure": errors})));
    let message = "deployment `screening` is `failed`: no `.onnx` file; in the archive";
    assert_eq!(fails(&host), (FailureCategory::Refused, message.to_owned()));
    assert_eq!(host.ledger()[0].id.as_deref(), Some("d"));
}

#[test]
fn a_state_that_is_neither_coming_up_nor_ready_is_a_failure() {
    let host = Fake::new();
    host.answer(CREATE, 202, in_state("initializing"));
    host.answer(GET, 200, in_state("updating"));
    let message = "deployment `screening` is in the unexpected state `updating`";
    assert_eq!(fails(&host), (FailureCategory::Internal, message.to_owned()));
}

#[test]
fn a_deployment_that_takes_too_long_is_unavailable() {
    let host = Fake::new();
    host.answer(CREATE, 202, in_state("initializing"));
    host.always(GET, |_| (200, in_state("initializing")));
    let message = "deployment `screening` took longer than 300 s: still `initializing`";
    assert_eq!(fails(&host), (FailureCategory::Unavailable, message.to_owned()));
}

#[test]
fn an_unknown_model_is_refused() {
    let host = Fake::new();
    host.answer(CREATE, 404, json!({"errors": [{"message": "model `m` does not exist"}]}));
    let message = "`POST /ml/v4/deployments` answered 404: model `m` does not exist";
    assert_eq!(fails(&host), (FailureCategory::Refused, message.to_owned()));
}

#[test]
fn a_deployment_of_an_earlier_try_is_adopted() {
    let host = Fake::new();
    host.fail(CREATE, Error::OutOfTime("the step's time is up".into()));
    assert_eq!(fails(&host).0, FailureCategory::Unavailable);
    host.answer(LIST, 200, json!({"resources": [in_state("ready")]}));
    host.answer(GET, 200, in_state("ready"));
    assert_eq!(run(&host, &json!({})).unwrap()["deployment_id"], "d");
    assert_eq!(host.requests_to(CREATE).len(), 1);
}

#[test]
fn an_unknown_input_is_refused() {
    let failure = run(&Fake::new(), &json!({"hardware_spec": {"nodes": 1}})).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
    assert!(failure.message.starts_with("input `hardware_spec.nodes`: unknown field"), "{}", failure.message);
}
