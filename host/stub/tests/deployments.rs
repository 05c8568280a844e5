//! Deployments.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, zipped};

#[test]
fn a_deployment_takes_its_time() {
    let client = Client::settling(Duration::from_mins(10));
    let model = client.store("binary.onnx");
    let created = client.post(&client.wml("deployments"), &client.deployment(&model));
    assert_eq!((created.status, created.state()), (202, "initializing"));
    assert_eq!((created.body["entity"].get("hardware_spec"), created.body.get("system")), (None, None));
    let read = client.get(&client.wml(&format!("deployments/{}", created.id())));
    assert_eq!((read.status, read.state()), (200, "initializing"));
    assert_eq!(read.body["entity"]["hardware_spec"]["name"], "S");
    let scored = client.predict(&created.id(), &json!({"input_data": [{"values": [[1, 1]]}]}));
    assert_eq!(scored.refusal().0, 409);
}

#[test]
fn a_ready_deployment_tells_where_it_scores() {
    let client = Client::new();
    let id = client.deploy(&client.store("binary.onnx"), "ready");
    let read = client.get(&client.wml(&format!("deployments/{id}")));
    let url = format!("{}/ml/v4/deployments/{id}/predictions", client.stub.url());
    let wanted = json!({"state": "ready", "online_url": {"url": url}, "serving_urls": [url]});
    assert_eq!(read.body["entity"]["status"], wanted);
    assert_eq!(read.body["entity"]["deployed_asset_type"], "model");
    assert_eq!(read.body["system"]["warnings"][0]["id"], "Deprecated");
}

#[test]
fn a_bad_archive_fails_with_its_reason() {
    let client = Client::new();
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    for (content, reason) in [
        (b"a bare file".to_vec(), "the content is not a zip, tar or tar.gz archive"),
        (zipped("deep/m.onnx", b"x"), "the archive has no `.onnx` file at its top level"),
        (zipped("m.onnx", b"no model"), ""),
    ] {
        let id = client.deploy(&client.store_as(&request, &content), "failed");
        let read = client.get(&client.wml(&format!("deployments/{id}")));
        let message = read.body["entity"]["status"]["failure"]["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(reason) && !message.is_empty(), "{message}");
        let scored = client.predict(&id, &json!({"input_data": [{"values": [[1, 1]]}]}));
        assert_eq!(scored.refusal().0, 409);
    }
    let empty = client.post(&client.wml("models"), &request).id();
    client.deploy(&empty, "failed");
}

#[test]
fn a_model_that_the_stub_cannot_run_fails_without_a_twin() {
    let client = Client::new();
    let request = client.model("scikit-learn_1.3", "runtime-24.1-py3.11");
    let no_twin =
        "the stub cannot run a model of type `scikit-learn_1.3`, and has no ONNX file to answer for it (`--twin`)";
    for (content, reason) in [
        (zipped("model.pkl", b"\x80\x04N."), no_twin),
        (b"\x80\x04N.".to_vec(), "the content is not a zip, tar or tar.gz archive"),
    ] {
        let id = client.deploy(&client.store_as(&request, &content), "failed");
        let read = client.get(&client.wml(&format!("deployments/{id}")));
        assert_eq!(read.body["entity"]["status"]["failure"]["errors"][0]["message"], reason);
    }
}

#[test]
fn deployments_are_filtered_and_never_paged() {
    let client = Client::new();
    let (model, other) = (client.store("binary.onnx"), client.store("binary.onnx"));
    let mut request = client.deployment(&model);
    request["tags"] = json!(["run-1"]);
    let id = client.post(&client.wml("deployments"), &request).id();
    client.deploy(&other, "ready");
    let count = |filter: &str| {
        let listed = client.get(&format!("{}{filter}", client.wml("deployments")));
        assert_eq!(listed.body.as_object().unwrap().len(), 1);
        listed.body["resources"].as_array().unwrap().len()
    };
    client.until(&client.wml(&format!("deployments/{id}")), |answer| answer.state() == "ready");
    assert_eq!(count(""), 2);
    assert_eq!(count(&format!("&asset_id={model}")), 1);
    assert_eq!(count("&tag.value=run-1"), 1);
    assert_eq!(count("&name=none"), 0);
    assert_eq!(count("&state=ready"), 2);
    assert_eq!(count("&state=failed"), 0);
}

#[test]
fn a_deployment_request_is_read_strictly() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let status = |key: &str, value: serde_json::Value| {
        let mut request = client.deployment(&model);
        request[key] = value;
        client.post(&client.wml("deployments"), &request).refusal().0
    };
    assert_eq!(status("asset", json!({"id": "none"})), 404);
    assert_eq!(status("asset", json!({"href": "x"})), 400);
    assert_eq!(status("online", json!({"paramters": {}})), 400);
    assert_eq!(status("batch", json!({})), 400);
    assert_eq!(status("online", json!(null)), 400);
    assert_eq!(status("hardware_spec", json!({"name": "XXL"})), 400);
    assert_eq!(status("space_id", json!("none")), 404);
}

#[test]
fn a_serving_name_is_taken_once() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let free = "/ml/v4/deployments?serving_name=screen&conflict=true&version=2021-06-24";
    assert_eq!(client.get(free).status, 200);
    let mut request = client.deployment(&model);
    request["online"] = json!({"parameters": {"serving_name": "screen"}});
    let id = client.post(&client.wml("deployments"), &request).id();
    assert_eq!(client.get(free).status, 409);
    assert_eq!(client.post(&client.wml("deployments"), &request).status, 409);
    client.until(&client.wml(&format!("deployments/{id}")), |answer| answer.state() == "ready");
    assert_eq!(client.predict("screen", &json!({"input_data": [{"values": [[1, 1]]}]})).status, 200);
}

#[test]
fn another_asset_is_deployed_anew() {
    let client = Client::new();
    let id = client.deploy(&client.store("binary.onnx"), "ready");
    let path = client.wml(&format!("deployments/{id}"));
    let renamed = client.patch(&path, &json!([{"op": "replace", "path": "/name", "value": "other"}]));
    assert_eq!((renamed.status, &renamed.body["metadata"]["name"]), (200, &json!("other")));
    let broken = client.store_as(&client.model("onnxruntime_1.17", "onnxruntime_opset_21"), &zipped("m.onnx", b"x"));
    let patched = client.patch(&path, &json!([{"op": "replace", "path": "/asset/id", "value": broken}]));
    assert_eq!(patched.status, 202);
    assert_eq!(client.until(&path, |answer| answer.state() != "initializing").state(), "failed");
}

#[test]
fn a_list_takes_what_the_official_clients_send_with_it() {
    let client = Client::new();
    let deployment = client.deploy(&client.store("binary.onnx"), "ready");
    // The service does not page deployments: whatever the limit, all of them come.
    let listed = client.get(&format!("{}&limit=200", client.wml("deployments")));
    assert_eq!(listed.body["resources"][0]["metadata"]["id"], deployment);
    let functions = client.get(&format!("{}&limit=200", client.wml("functions")));
    assert_eq!((functions.status, &functions.body["resources"]), (200, &json!([])));
    assert_eq!(client.get("/v2/spaces?summary=false&limit=200").body["total_count"], 1);
}
