//! Records: payload and feedback.

use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::Options;

use crate::client::Client;

fn feedback(client: &Client) -> String {
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    client.monitor(&subscription);
    client.data_set(&subscription, "feedback")
}

#[test]
fn every_form_of_feedback_is_taken_and_scored() {
    let client = Client::new();
    let id = feedback(&client);
    for body in [
        json!([{"x1": 1, "x2": 2.5, "y": 1, "other": "ignored"}]),
        json!([{"fields": ["x1", "x2", "y"], "values": [[-1, -1, 0], [3, 1, 1]]}]),
        json!({"fields": ["y", "x1", "x2"], "values": [[0, -5, 1]]}),
    ] {
        assert_eq!(client.record(&id, &body).body, json!({"state": "active"}));
    }
    let csv = client.ai(&format!("data_sets/{id}/records?header=true&delimiter=,&csv_max_line_length=10000000"));
    assert_eq!(client.send("POST", &csv, "text/csv", b"x1,x2,y\n1,1,1\n").status, 202);
    client.until(&client.ai(&format!("data_sets/{id}/records")), |answer| answer.body["records"][4].is_object());
    assert_eq!(client.count(&id), 5);
    let read = client.get(&client.ai(&format!("data_sets/{id}/records?limit=1&offset=2&include_total_count=true")));
    let values = &read.body["records"][0]["entity"]["values"];
    assert_eq!((&values["y"], &values["_original_prediction"]), (&json!(1), &json!(1)));
    assert_eq!(values["_original_probability"].as_array().unwrap().len(), 2);
    assert_eq!(read.body["total_count"], 5);
    let listed = client.get(&client.ai(&format!("data_sets/{id}/records?format=list&filter=y:eq:0")));
    assert_eq!(listed.body["records"][0]["values"].as_array().unwrap().len(), 2);
    assert_eq!(client.get(&client.ai(&format!("data_sets/{id}/records?filter=y"))).status, 400);
}

#[test]
fn feedback_that_lacks_something_ends_as_an_error_and_stores_nothing() {
    let client = Client::new();
    let id = feedback(&client);
    let reason = |body: Value| {
        let ended = client.record(&id, &body);
        assert_eq!(ended.body["state"], "error", "{ended:?}");
        ended.body["failure"]["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(json!([{"x1": 1, "x2": 1, "y": 1}, {"x1": 1, "y": 1}])), "record 2: the feature `x2` is missing");
    assert_eq!(reason(json!([{"x1": 1, "x2": 1}])), "record 1: the label `y` is missing");
    assert_eq!(reason(json!([{"x1": "1", "x2": 1, "y": 1}])), "record 1: the feature `x1` does not take \"1\"");
    assert_eq!(
        reason(json!([{"x1": 1, "x2": 1, "y": "yes"}])),
        "record 1: the label \"yes\" has another type than the prediction 1"
    );
    assert_eq!(reason(json!([{"fields": ["x1"], "values": [[1, 2]]}])), "a row has 2 values for 1 fields");
    assert_eq!(client.count(&id), 0);
    let path = client.ai(&format!("data_sets/{id}/records?on_error=continue"));
    client.post(&path, &json!([{"x1": 1, "x2": 1, "y": 1}, {"x1": 1, "y": 1}]));
    client.until(&client.ai(&format!("data_sets/{id}/records")), |answer| answer.body["records"][0].is_object());
    assert_eq!(client.count(&id), 1);
}

#[test]
fn what_is_no_records_request_is_refused_at_once() {
    let client = Client::with(Options { records_limit: 1000, settle: Duration::ZERO, ..Options::default() });
    let id = feedback(&client);
    let path = client.ai(&format!("data_sets/{id}/records"));
    assert_eq!(client.send("POST", &path, "application/json", b"[").status, 400);
    assert_eq!(client.send("POST", &path, "application/json", b"1").status, 400);
    assert_eq!(client.send("POST", &path, "text/plain", b"[]").status, 415);
    assert_eq!(client.send("POST", &path, "text/csv", b"x1\n1").status, 400);
    assert_eq!(client.send("POST", &path, "application/json", &[b' '; 1001]).refusal().0, 413);
    assert_eq!(client.post(&client.ai("data_sets/none/records"), &json!([])).status, 404);
    assert_eq!(client.get(&client.ai(&format!("data_sets/{id}/requests/none"))).status, 404);
}

#[test]
fn records_take_their_time() {
    let client = Client::new();
    let id = feedback(&client);
    client.stub.set_settle(Duration::from_mins(10));
    let row = json!([{"x1": 1, "x2": 1, "y": 1}]);
    let sent = client.post(&client.ai(&format!("data_sets/{id}/records")), &row);
    let request = client.ai(sent.header("location").strip_prefix("/v2/").unwrap());
    assert_eq!(client.get(&request).body, json!({"state": "preparing"}));
    assert_eq!(client.count(&id), 0);
    client.stub.set_settle(Duration::from_millis(20));
    assert_eq!(client.record(&id, &row).body, json!({"state": "active"}));
    assert_eq!(client.count(&id), 1);
}

#[test]
fn predictions_may_come_with_the_feedback() {
    let client = Client::new();
    let (subscription, deployment) = client.subscribe("binary.onnx", "binary", "pre_production");
    client.monitor(&subscription);
    let id = client.data_set(&subscription, "feedback");
    client.delete(&client.wml(&format!("deployments/{deployment}")));
    let ended = client.record(&id, &json!([{"x1": 1, "x2": 1, "y": 1}]));
    assert_eq!(ended.body["failure"]["errors"][0]["message"], "the deployment cannot be scored");
    let row = json!([{"x1": 1, "x2": 1, "y": 1, "_original_prediction": 0, "_original_probability": [0.9, 0.1]}]);
    assert_eq!(client.record(&id, &row).body["state"], "active");
}

#[test]
fn payload_is_taken_in_both_forms_and_checked() {
    let client = Client::new();
    let (subscription, _) = client.subscribe("binary.onnx", "binary", "pre_production");
    let id = client.data_set(&subscription, "payload_logging");
    let asked = json!({"fields": ["x1", "x2"], "values": [[1, 1], [2, 2]]});
    let answered = json!({"fields": ["prediction", "probability"], "values": [[1, [0.1, 0.9]], [1, [0.2, 0.8]]]});
    let plain = json!([{"request": asked, "response": answered, "scoring_id": "s", "response_time": 460}]);
    assert_eq!(client.record(&id, &plain).body["state"], "active");
    let wml = json!([{"request": {"input_data": [asked]}, "response": {"predictions": [answered]},
        "scoring_timestamp": "2026-11-22T08:54:35.462Z", "multiple_records": true}]);
    assert_eq!(client.record(&id, &wml).body["state"], "active");
    assert_eq!(client.count(&id), 4);
    let read = client.get(&client.ai(&format!("data_sets/{id}/records?limit=2")));
    assert_eq!(read.body["records"][1]["entity"]["values"]["scoring_id"], "s-2");
    let reason = |request: &Value, response: &Value| {
        let ended = client.record(&id, &json!([{"request": request, "response": response}]));
        ended.body["failure"]["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    let half = json!({"fields": ["x1"], "values": [[1], [2]]});
    assert_eq!(reason(&half, &answered), "`request` lacks the field `x2`");
    let onnx = json!({"predictions": [{"id": "label", "values": [1, 1]}]});
    assert_eq!(reason(&asked, &onnx), "`fields` is not an array of names or `values` not one of rows");
    let short = json!({"fields": ["prediction", "probability"], "values": [[1, [0.1, 0.9]]]});
    assert_eq!(reason(&asked, &short), "`request` has 2 rows, `response` 1");
}

#[test]
fn the_service_logs_payload_by_itself_in_production_only() {
    for (space, rows) in [("production", 2), ("pre_production", 0)] {
        let client = Client::new();
        let (subscription, deployment) = client.subscribe("binary.onnx", "binary", space);
        let body = json!({"input_data": [{"fields": ["x1", "x2"], "values": [[1, 1], [-1, -1]]}]});
        assert_eq!(client.predict(&deployment, &body).status, 200);
        let id = client.data_set(&subscription, "payload_logging");
        assert_eq!(client.count(&id), rows);
        if rows > 0 {
            let read = client.get(&client.ai(&format!("data_sets/{id}/records")));
            let values = &read.body["records"][1]["entity"]["values"];
            assert_eq!(
                (&values["x1"], &values["prediction"], &values["deployment_id"]),
                (&json!(-1), &json!(0), &json!(deployment))
            );
        }
    }
}
