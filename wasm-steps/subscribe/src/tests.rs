//! Subscribe against a fake host.

use serde_json::{Value, json};
use step_sdk::fake::Fake;
use step_sdk::services::Error;
use step_sdk::{Failure, FailureCategory, Level};

const BASE: &str = "/openscale/00000000-0000-0000-0000-000000000000/v2";

fn get(path: &str) -> String {
    format!("GET {BASE}/{path}")
}

fn post(path: &str) -> String {
    format!("POST {BASE}/{path}")
}

fn in_state(id: &str, state: &str) -> Value {
    json!({"metadata": {"id": id}, "entity": {"status": {"state": state}}})
}

fn provider() -> Value {
    let entity = json!({
        "deployment_space_id": "s", "operational_space_id": "pre_production", "status": {"state": "active"},
    });
    json!({"metadata": {"id": "p"}, "entity": entity})
}

/// A host that has a data mart and a provider, and where everything comes up at the second look.
fn host() -> Fake {
    let host = Fake::new();
    let mart = "00000000-0000-0000-0000-000000000000";
    host.always(&get("data_marts"), move |_| (200, json!({"data_marts": [in_state(mart, "active")]})));
    host.always(&get(&format!("data_marts/{mart}")), move |_| (200, in_state(mart, "active")));
    host.always(&get("service_providers"), |_| (200, json!({"service_providers": [provider()]})));
    host.always(&get("service_providers/p"), |_| (200, provider()));
    host.always(&get("ml_deployments"), |_| (200, json!({"resources": [{"metadata": {"guid": "d"}, "entity": {}}]})));
    host.always(&get("ml_deployments/d"), |_| {
        let asset = json!({"asset_id": "m", "name": "model", "url": "https://inside/m", "asset_type": "model"});
        let endpoint = json!({"url": "https://inside/d"});
        (200, json!({"entity": {"name": "screening", "asset": asset, "scoring_endpoint": endpoint}}))
    });
    host.always(&post("subscriptions"), |_| (202, in_state("sub", "preparing")));
    host.answer(&get("subscriptions/sub"), 200, in_state("sub", "preparing"));
    host.always(&get("subscriptions/sub"), |_| (200, in_state("sub", "active")));
    host.always(&post("monitor_instances"), |_| (202, in_state("mon", "preparing")));
    host.answer(&get("monitor_instances/mon"), 200, in_state("mon", "preparing"));
    host.always(&get("monitor_instances/mon"), |_| (200, in_state("mon", "active")));
    host.answer(&get("data_sets"), 200, json!({"data_sets": []}));
    host.always(&get("data_sets"), |sent| {
        (200, json!({"data_sets": [in_state(sent.query("type").unwrap_or_default(), "active")]}))
    });
    host
}

fn inputs() -> Value {
    json!({
        "deployment_id": "d", "space_id": "s", "label_column": "malignant", "problem_type": "binary",
        "input_fields": [{"name": "a", "type": "double"}, {"name": "b", "type": "string"}],
        "categorical_fields": ["b"],
        "gates": {"area_under_roc": {"at_least": 0.9}, "false_positive_rate": {"at_most": 0.1}},
    })
}

fn run(host: &Fake, inputs: &Value) -> Result<Value, Failure> {
    crate::run_json(host, &inputs.to_string()).map(|outputs| serde_json::from_str(&outputs).unwrap())
}

fn fails(host: &Fake) -> (FailureCategory, String) {
    let failure = run(host, &inputs()).unwrap_err();
    (failure.category, failure.message)
}

fn announced(host: &Fake) -> Vec<(String, Option<String>)> {
    host.ledger().into_iter().map(|entry| (entry.announcement.kind, entry.id)).collect()
}

#[test]
fn the_deployment_is_subscribed_and_its_quality_monitored() {
    let host = host();
    let outputs = run(&host, &inputs()).unwrap();
    assert_eq!(
        outputs,
        json!({
            "data_mart_id": "00000000-0000-0000-0000-000000000000", "service_provider_id": "p",
            "subscription_id": "sub", "monitor_instance_id": "mon", "payload_data_set_id": "payload_logging",
            "feedback_data_set_id": "feedback", "operational_space": "pre_production",
        })
    );
    let monitor = host.requests_to(&post("monitor_instances"))[0].json();
    let thresholds = json!([
        {"metric_id": "area_under_roc", "type": "lower_limit", "value": 0.9},
        {"metric_id": "false_positive_rate", "type": "upper_limit", "value": 0.1},
    ]);
    assert_eq!(monitor["thresholds"], thresholds);
    assert_eq!(monitor["parameters"], json!({"min_feedback_data_size": 50}));
    assert_eq!(monitor["target"], json!({"target_type": "subscription", "target_id": "sub"}));
}

#[test]
fn what_others_made_is_used_and_not_announced() {
    let host = host();
    run(&host, &inputs()).unwrap();
    let own = [("subscription", "sub"), ("monitor instance", "mon")];
    assert_eq!(announced(&host), own.map(|(kind, id)| (kind.to_owned(), Some(id.to_owned()))));
}

#[test]
fn the_subscription_has_the_wires_names_and_schemas() {
    let host = host();
    run(&host, &inputs()).unwrap();
    let sent = host.requests_to(&post("subscriptions"))[0].json();
    let field = |name: &str, kind: Value, role: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {"modeling_role": role}});
    let features = [field("a", json!("double"), "feature"), field("b", json!("string"), "feature")];
    let schema = |more: &[Value]| {
        let fields = [&features, more].concat();
        json!({"type": "struct", "fields": fields})
    };
    let array = json!({"type": "array", "elementType": "double", "containsNull": true});
    assert_eq!(
        sent,
        json!({
            "data_mart_id": "00000000-0000-0000-0000-000000000000", "service_provider_id": "p",
            "asset": {
                "asset_id": "m", "name": "model", "url": "https://inside/m", "asset_type": "model",
                "input_data_type": "structured", "problem_type": "binary",
            },
            "deployment": {
                "deployment_id": "d", "name": "screening (run-1)", "deployment_type": "online",
                "url": "https://inside/d", "scoring_endpoint": {"url": "https://inside/d"},
            },
            "asset_properties": {
                "label_column": "malignant", "prediction_field": "prediction", "probability_fields": ["probability"],
                "feature_fields": ["a", "b"], "categorical_fields": ["b"],
                "input_data_schema": schema(&[]),
                "training_data_schema": schema(&[field("malignant", json!("integer"), "target")]),
                "output_data_schema": schema(&[
                    field("prediction", json!("integer"), "prediction"),
                    field("probability", array, "probability"),
                ]),
            },
        })
    );
}

#[test]
fn a_regression_has_no_probabilities() {
    let host = host();
    let mut inputs = inputs();
    inputs["problem_type"] = json!("regression");
    inputs["training_data_reference"] = json!({"type": "cos"});
    run(&host, &inputs).unwrap();
    let properties = &host.requests_to(&post("subscriptions"))[0].json()["asset_properties"];
    assert_eq!(properties["probability_fields"], Value::Null);
    assert_eq!(properties["output_data_schema"]["fields"][2]["type"], "double");
    assert_eq!(properties["output_data_schema"]["fields"].as_array().map(Vec::len), Some(3));
    assert_eq!(properties["training_data_reference"], json!({"type": "cos"}));
}

#[test]
fn data_mart_and_provider_are_made_for_all_where_there_are_none() {
    let host = host();
    host.answer(&get("data_marts"), 200, json!({"data_marts": []}));
    host.answer(&post("data_marts"), 202, in_state("mart", "preparing"));
    host.answer(&get("data_marts/mart"), 200, in_state("mart", "active"));
    host.answer(&get("service_providers"), 200, json!({"service_providers": []}));
    host.answer(&post("service_providers"), 202, in_state("p", "preparing"));
    host.always("GET /openscale/mart/v2/ml_deployments", |_| {
        (200, json!({"resources": [{"metadata": {"guid": "d"}}]}))
    });
    host.always("GET /openscale/mart/v2/ml_deployments/d", |_| {
        (200, json!({"entity": {"name": "screening", "asset": {"asset_id": "m"}}}))
    });

    assert_eq!(run(&host, &inputs()).unwrap()["data_mart_id"], "mart");

    let mart = host.requests_to(&post("data_marts"))[0].json();
    let description = "created by stepwise, run-1";
    assert_eq!(mart, json!({"name": "stepwise", "description": description, "internal_database": true}));
    let provider = host.requests_to(&post("service_providers"))[0].json();
    assert_eq!(
        provider,
        json!({
            "name": "stepwise run-2", "description": "created by stepwise, run-2", "credentials": {},
            "service_type": "watson_machine_learning", "operational_space_id": "pre_production",
            "deployment_space_id": "s",
        })
    );
    let shared: Vec<_> = host.ledger().iter().map(|entry| entry.announcement.shared).collect();
    assert_eq!(shared, [true, true, false, false]);
}

#[test]
fn a_provider_bound_elsewhere_is_used_and_said() {
    let host = host();
    let mut inputs = inputs();
    inputs["operational_space"] = json!("production");
    assert_eq!(run(&host, &inputs).unwrap()["operational_space"], "pre_production");
    assert_eq!(host.logged(Level::Warn), ["service provider `p` is bound to \"pre_production\", not \"production\""]);
}

#[test]
fn a_subscription_that_errors_speaks_for_itself() {
    let host = host();
    host.answer(&get("subscriptions/sub"), 200, in_state("sub", "preparing"));
    let failure = json!({"trace": "t", "errors": [{"code": "AIQ1", "message": "no endpoint"}]});
    let failed = json!({"entity": {"status": {"state": "error", "failure": failure}}});
    host.always(&get("subscriptions/sub"), move |_| (200, failed.clone()));
    let message = "subscription `screening` is `error`: no endpoint";
    assert_eq!(fails(&host), (FailureCategory::Refused, message.to_owned()));
}

#[test]
fn a_monitor_that_never_comes_up_is_unavailable() {
    let host = host();
    host.always(&get("monitor_instances/mon"), |_| (200, in_state("mon", "preparing")));
    let message = "the quality monitor took longer than 300 s: still `preparing`";
    assert_eq!(fails(&host), (FailureCategory::Unavailable, message.to_owned()));
}

#[test]
fn a_data_set_that_never_comes_is_unavailable() {
    let host = host();
    host.always(&get("data_sets"), |_| (200, json!({"data_sets": []})));
    let message = "the payload_logging data set took longer than 300 s: it is not there yet";
    assert_eq!(fails(&host), (FailureCategory::Unavailable, message.to_owned()));
}

#[test]
fn a_deployment_that_the_provider_does_not_see_is_refused() {
    let host = host();
    host.answer(&get("ml_deployments"), 200, json!({"resources": []}));
    let message = "service provider `p` does not see the deployment `d`";
    assert_eq!(fails(&host), (FailureCategory::Refused, message.to_owned()));
}

#[test]
fn a_second_subscription_that_the_service_refuses_is_not_taken_for_the_runs_own() {
    let host = host();
    host.answer(&post("subscriptions"), 409, json!({"errors": [{"message": "it is subscribed"}]}));
    assert_eq!(fails(&host).0, FailureCategory::Refused);
    let entry = &host.ledger()[0];
    assert_eq!(entry.id, None);
    assert_eq!(entry.announcement.find.value, "screening ({tag})");
}

#[test]
fn a_lost_answer_does_not_make_a_second_subscription() {
    let host = host();
    host.fail(&post("subscriptions"), Error::NoAnswer("cut".into()));
    let listed = json!({"metadata": {"id": "sub"}, "entity": {"deployment": {"name": "screening (run-1)"}}});
    host.answer(&get("subscriptions"), 200, json!({"subscriptions": [listed]}));
    assert_eq!(run(&host, &inputs()).unwrap()["subscription_id"], "sub");
    assert_eq!(host.requests_to(&post("subscriptions")).len(), 1);
}

#[test]
fn an_answer_without_a_status_is_the_services_mistake() {
    let host = host();
    host.answer(&get("subscriptions/sub"), 200, json!({}));
    assert_eq!(fails(&host).0, FailureCategory::Internal);
}

#[test]
fn a_wrong_input_is_named() {
    let mut inputs = inputs();
    inputs["gates"]["area_under_roc"] = json!({"at_leest": 0.9});
    let failure = run(&host(), &inputs).unwrap_err();
    assert_eq!(failure.category, FailureCategory::InvalidInput);
    assert!(failure.message.starts_with("input `gates.area_under_roc.at_leest`: unknown field"), "{}", failure.message);
}
