//! Runs, measurements, metrics.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Client, quality};

/// A run of the monitor, ended.
pub(crate) fn run(client: &Client, monitor: &str) -> Answer {
    let started =
        client.post(&client.ai(&format!("monitor_instances/{monitor}/runs")), &json!({"triggered_by": "user"}));
    assert_eq!((started.status, started.state()), (201, "running"), "{started:?}");
    let path = client.ai(&format!("monitor_instances/{monitor}/runs/{}", started.id()));
    client.until(&path, |answer| answer.state() != "running")
}

fn measured(client: &Client, file: &str, problem: &str, feedback: &Value) -> (String, Answer) {
    let (subscription, _) = client.subscribe(file, problem, "pre_production");
    let monitor = client.monitor(&subscription);
    let ended = client.record(&client.data_set(&subscription, "feedback"), feedback);
    assert_eq!(ended.body["state"], "active", "{ended:?}");
    let run = run(client, &monitor);
    assert_eq!(run.state(), "finished", "{run:?}");
    (monitor, run)
}

fn binary_feedback() -> Value {
    json!([{"fields": ["x1", "x2", "y"], "values": [[1, 1, 1], [2, 1, 1], [-1, -1, 1], [-2, -1, 0], [-3, 0, 0], [1, 0, 0]]}])
}

#[test]
fn a_binary_run_measures_what_the_model_answers() {
    let client = Client::new();
    let (_, run) = measured(&client, "binary.onnx", "binary", &binary_feedback());
    let operators = &run.body["entity"]["status"]["operators"];
    let result = &operators[0]["result"];
    assert_eq!(result["metrics"]["accuracy"], json!(4.0 / 6.0));
    assert!((result["metrics"]["area_under_roc"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!(result["metrics"]["log_loss"].is_number() && result["metrics"]["brier_score"].is_number());
    assert_eq!(result["confusion_matrix"]["labels"], json!([0, 1]));
    assert_eq!(result["confusion_matrix"]["values"], json!([[2.0, 1.0], [1.0, 2.0]]));
    assert_eq!(operators[1]["status"]["state"], "queued");
    assert_eq!(run.body["entity"]["parameters"]["total_records_processed"], 6);
}

#[test]
fn multiclass_and_regression_have_their_own_metrics() {
    let client = Client::new();
    let rows = json!([{"fields": ["x1", "x2", "y"], "values": [[5, 0, 0], [0, 5, 1], [0, 0, 2], [5, 0, 1]]}]);
    let (_, run) = measured(&client, "multiclass.onnx", "multiclass", &rows);
    let result = &run.body["entity"]["status"]["operators"][0]["result"];
    assert_eq!(result["metrics"]["accuracy"], 0.75);
    assert_eq!(result["metrics"]["weighted_recall"], 0.75);
    assert_eq!(result["confusion_matrix"]["labels"], json!([0, 1, 2]));
    let client = Client::new();
    let rows = json!([{"fields": ["x1", "x2", "y"], "values": [[1, 1, 3.5], [2, 0, 4.0], [0, 0, -0.5]]}]);
    let (_, run) = measured(&client, "regression.onnx", "regression", &rows);
    let result = &run.body["entity"]["status"]["operators"][0]["result"];
    assert!((result["metrics"]["mean_absolute_error"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(result.get("confusion_matrix"), None);
}

#[test]
fn a_metric_that_cannot_be_computed_is_null_in_the_run_and_absent_in_the_measurement() {
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let monitor = client.monitor(&subscription);
    let rows = json!([{"fields": ["x1", "x2", "y", "_original_prediction"], "values": [[1, 1, 1, 1], [2, 1, 0, 1]]}]);
    client.record(&client.data_set(&subscription, "feedback"), &rows);
    let run = run(&client, &monitor);
    assert_eq!(run.body["entity"]["status"]["operators"][0]["result"]["metrics"]["log_loss"], Value::Null);
    let listed = client.get(&client.ai(&format!("monitor_instances/{monitor}/measurements?run_id={}", run.id())));
    let metrics = listed.body["measurements"][0]["entity"]["values"][0]["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|metric| metric["id"] == "accuracy"));
    assert!(!metrics.iter().any(|metric| metric["id"] == "log_loss"));
}

#[test]
fn too_little_feedback_ends_as_an_error() {
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let monitor = client.monitor(&subscription);
    let run = run(&client, &monitor);
    assert_eq!(run.state(), "error");
    let status = &run.body["entity"]["status"];
    let error = json!({"code": "AIQST2002E", "message": "there are 0 feedback records, 2 are needed"});
    assert_eq!(status["failure"]["errors"][0], error);
    assert_eq!(status["operators"][0]["status"]["failure"]["errors"][0], error);
    let listed = client.get(&client.ai(&format!("monitor_instances/{monitor}/measurements?run_id={}", run.id())));
    assert_eq!(listed.body["measurements"], json!([]));
}

#[test]
fn a_run_takes_its_time_and_needs_an_active_monitor() {
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    client.stub.set_settle(Duration::from_mins(10));
    let created = client.post(&client.ai("monitor_instances"), &quality(&subscription));
    assert_eq!(created.state(), "preparing");
    let runs = client.ai(&format!("monitor_instances/{}/runs", created.id()));
    assert_eq!(client.post(&runs, &json!({})).refusal().0, 409);
    client.delete(&client.ai(&format!("monitor_instances/{}", created.id())));
    assert_eq!(
        client.post(&runs, &json!({})).refusal(),
        (409, "AIQST0409E", format!("monitor instance `{}` is deleting", created.id()).as_str())
    );
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let runs = client.ai(&format!("monitor_instances/{}/runs", client.monitor(&subscription)));
    client.stub.set_settle(Duration::from_mins(10));
    assert_eq!(client.post(&runs, &json!({"triggered_by": "me"})).status, 400);
    assert_eq!(client.post(&runs, &json!({"trigger": "user"})).status, 400);
    let started = client.post(&runs, &json!({}));
    let read = client.get(&format!("{runs}/{}", started.id()));
    assert_eq!(read.state(), "running");
    assert_eq!(client.get(&runs).body["total_count"], 1);
    assert_eq!(client.get(&format!("{runs}/none")).status, 404);
}

#[test]
fn measurements_and_metrics_tell_limits_and_issues() {
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let mut request = quality(&subscription);
    request["thresholds"] = json!([
        {"metric_id": "area_under_roc", "type": "lower_limit", "value": 0.9},
        {"metric_id": "false_positive_rate", "type": "upper_limit", "value": 0.5},
    ]);
    let monitor = client.post(&client.ai("monitor_instances"), &request).id();
    client.record(&client.data_set(&subscription, "feedback"), &binary_feedback());
    let run = run(&client, &monitor);
    let path = client.ai(&format!("monitor_instances/{monitor}"));
    let time = "start=2020-01-01+08%3A54%3A35.462748%2B00%3A00&end=2099-01-01+00%3A00%3A00";
    let listed = client.get(&format!("{path}/measurements?{time}"));
    let entity = &listed.body["measurements"][0]["entity"];
    assert_eq!((&entity["issue_count"], &entity["run_id"]), (&json!(1), &json!(run.id())));
    assert_eq!(entity["values"][0]["tags"], json!([{"id": "model_type", "value": "original"}]));
    let metric =
        |id: &str| entity["values"][0]["metrics"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(metric("area_under_roc")["lower_limit"], 0.9);
    assert_eq!(metric("false_positive_rate")["upper_limit"], 0.5);
    assert_eq!(entity.get("sources"), None);
    let measurement = listed.body["measurements"][0]["metadata"]["id"].as_str().unwrap();
    let single = client.get(&format!("{path}/measurements/{measurement}"));
    assert_eq!(single.body["entity"]["sources"][0]["data"]["values"], json!([[2.0, 1.0], [1.0, 2.0]]));
    let latest =
        client.get(&client.ai(&format!("measurements?target_id={subscription}&target_type=subscription&format=full")));
    assert_eq!(latest.body["measurements"][0], single.body);
    let last = client.get(&format!("{path}/metrics?{time}&agg=area_under_roc:last"));
    let metric = &last.body["groups"][0]["metrics"][0];
    assert_eq!(
        (&metric["id"], &metric["lower_limit"], &metric["last"]["measurement_id"]),
        (&json!("area_under_roc"), &json!(0.9), &json!([measurement]))
    );
    let count = client.get(&format!("{path}/metrics?{time}&agg=count"));
    assert_eq!(count.body["groups"][0]["metrics"][0]["count"]["value"], json!([1]));
    assert_eq!(client.get(&format!("{path}/measurements")).status, 400);
    assert_eq!(client.get(&format!("{path}/measurements?start=x&end=y")).status, 400);
    let thresholds = client.get(&path).body["entity"]["thresholds"].as_array().unwrap().clone();
    assert!(thresholds.iter().any(|one| one["metric_id"] == "accuracy" && one.get("value").is_none()));
}
