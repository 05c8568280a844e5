//! Spaces, specifications, models.

use serde_json::{Value, json};
use stepwise_stub::Options;

use crate::client::{Client, archive};

#[test]
fn spaces_are_found_by_id_and_in_absolute_pages() {
    let spaces = vec!["one".to_owned(), "two".to_owned()];
    let client = Client::with(Options { spaces, ..Options::default() });
    let space = client.get(&format!("/v2/spaces/{}", client.space));
    assert_eq!((space.status, &space.body["entity"]["name"]), (200, &json!("one")));
    assert_eq!(client.get("/v2/spaces/none").refusal(), (404, "does_not_exist", "space `none` does not exist"));
    let first = client.get("/v2/spaces?limit=1");
    assert_eq!(first.body["resources"][0]["entity"]["name"], "one");
    let next = first.body["next"]["href"].as_str().unwrap().strip_prefix(client.stub.url()).unwrap();
    let second = client.get(next);
    assert_eq!(second.body["resources"][0]["entity"]["name"], "two");
    assert_eq!(second.body.get("next"), None);
}

#[test]
fn specifications_are_found_by_name() {
    let client = Client::new();
    let found = client.get("/v2/software_specifications?name=onnxruntime_opset_21&version=2021-06-24");
    assert_eq!(found.body["total_results"], 1);
    assert_eq!(found.body["resources"][0]["metadata"]["asset_id"], "d0b5361f-0810-554e-8d7b-874b5ff799b1");
    let unknown = client.get("/v2/software_specifications?name=onnxruntime_opset_99");
    assert_eq!((unknown.status, unknown.body), (200, json!({"total_results": 0, "resources": []})));
    assert_eq!(client.get("/v2/hardware_specifications?name=S").body["total_results"], 1);
}

#[test]
fn a_model_keeps_what_it_was_stored_with() {
    let client = Client::new();
    let mut request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    request["tags"] = json!(["run-1"]);
    request["description"] = json!("d");
    let created = client.post(&client.wml("models"), &request);
    assert_eq!(created.status, 201);
    let read = client.get(&client.wml(&format!("models/{}", created.id())));
    assert_eq!(read.status, 200);
    assert_eq!(read.body, created.body);
    assert_eq!(read.body["metadata"]["tags"], json!(["run-1"]));
    assert_eq!(read.body["metadata"]["space_id"], client.space);
    assert_eq!(read.body["entity"]["schemas"], request["schemas"]);
    assert_eq!(read.body["entity"]["software_spec"]["name"], "onnxruntime_opset_21");
    assert_eq!(read.body["system"]["warnings"], json!([]));
    let listed = client.get(&format!("{}&tag.value=run-1", client.wml("models")));
    assert_eq!(listed.body["resources"][0], read.body);
    assert_eq!(client.get(&format!("{}&tag.value=run-2", client.wml("models"))).body["resources"], json!([]));
}

#[test]
fn models_come_in_relative_pages_without_a_version() {
    let client = Client::new();
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    let ids: Vec<String> = (0..5).map(|_| client.post(&client.wml("models"), &request).id()).collect();
    let mut found = Vec::new();
    let mut next = Some(format!("{}&limit=2", client.wml("models")));
    while let Some(path) = next {
        let page = client.get(&path);
        found.extend(page.body["resources"].as_array().unwrap().iter().map(|one| one["metadata"]["id"].clone()));
        next = page.body["next"]["href"].as_str().map(str::to_owned);
        assert!(next.as_ref().is_none_or(|next| next.starts_with("/ml/v4/models?start=") && !next.contains("version")));
    }
    assert_eq!(found, ids.into_iter().map(Value::from).collect::<Vec<_>>());
    let path = client.wml("models");
    assert_eq!(client.get(&path).body["limit"], 100);
    assert_eq!(client.get(&format!("{path}&limit=201")).status, 400);
    assert_eq!(client.get(&format!("{path}&start=2")).status, 400);
    assert_eq!(client.get(&format!("{path}&limit=2&limit=200&space_id=x")).body["limit"], 2);
}

#[test]
fn the_space_of_the_query_is_the_space_of_the_body() {
    let spaces = vec!["one".to_owned(), "two".to_owned()];
    let client = Client::with(Options { spaces, ..Options::default() });
    let other = client.get("/v2/spaces?name=two").body["resources"][0]["metadata"]["id"].as_str().unwrap().to_owned();
    let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    let path = format!("/ml/v4/models?version=2021-06-24&space_id={other}");
    assert_eq!(client.post(&path, &request).refusal().0, 400);
    let id = client.post(&client.wml("models"), &request).id();
    assert_eq!(client.get(&format!("/ml/v4/models/{id}?version=2021-06-24&space_id={other}")).status, 404);
}

#[test]
fn the_content_is_kept_as_it_is() {
    let client = Client::new();
    let content = archive("binary.onnx");
    let id = client.store("binary.onnx");
    let path = client.wml(&format!("models/{id}/download"));
    assert_eq!(client.get(&format!("{path}&content_format=native")).bytes, content);
    let listed = client.get(&client.wml(&format!("models/{id}/content")));
    let attachment = listed.body["attachments"][0]["attachment_id"].as_str().unwrap();
    assert_eq!(client.get(&client.wml(&format!("models/{id}/content/{attachment}"))).bytes, content);
    let path = client.wml(&format!("models/{id}/content"));
    assert_eq!(client.send("PUT", &path, "application/gzip", b"x").refusal().1, "invalid_input_argument");
    let path = format!("{path}&content_format=native");
    assert_eq!(client.send("PUT", &path, "application/json", b"").status, 400);
    let answer = client.send("PUT", &path, "application/json", b"x");
    assert_eq!((answer.status, &answer.body["persisted"]), (201, &json!(true)));
}

#[test]
fn a_model_request_is_read_strictly() {
    let client = Client::new();
    let refused = |key: &str, value: Value| {
        let mut request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
        request[key] = value;
        let answer = client.post(&client.wml("models"), &request);
        let (status, code, _) = answer.refusal();
        (status, code.to_owned())
    };
    let schema = (400, "json_validation_error".to_owned());
    let entity = (400, "invalid_request_entity".to_owned());
    assert_eq!(refused("nmae", json!("m")), schema);
    assert_eq!(refused("name", json!("")), schema);
    assert_eq!(refused("name", json!(1)), schema);
    assert_eq!(refused("tags", json!("a")), schema);
    assert_eq!(refused("schemas", json!({"input": [{"fields": [{"name": "x"}]}]})), schema);
    assert_eq!(refused("type", json!("onnxruntime_1.16")), entity);
    assert_eq!(refused("software_spec", json!({"name": "none"})), entity);
    assert_eq!(refused("space_id", json!("none")).0, 404);
    let path = "/ml/v4/models?version=2021-06-24";
    let mut request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
    assert_eq!(client.post(path, &request).status, 201);
    request["space_id"] = json!("none");
    assert_eq!(client.post(path, &request).status, 404);
    assert_eq!(client.send("POST", path, "", b"{}").status, 415);
    assert_eq!(client.send("POST", path, "application/json", b"{\"name\": NaN}").refusal().1, "invalid_request_entity");
}

#[test]
fn a_model_is_deleted_on_either_path_but_not_while_deployed() {
    let client = Client::new();
    let id = client.store("binary.onnx");
    let deployment = client.deploy(&id, "ready");
    let path = client.wml(&format!("models/{id}"));
    assert_eq!(client.delete(&path).status, 409);
    assert_eq!(client.delete(&client.wml(&format!("deployments/{deployment}"))).status, 204);
    let asset = format!("/v2/assets/{id}?version=2021-06-24&space_id={}", client.space);
    assert_eq!(client.get(&asset).body["metadata"]["asset_id"], id);
    assert_eq!(client.delete(&format!("{asset}&purge_on_delete=true")).status, 204);
    assert_eq!(client.get(&path).status, 404);
    assert_eq!(client.delete(&path).status, 404);
    let other = client.store("binary.onnx");
    assert_eq!(client.delete(&client.wml(&format!("models/{other}"))).status, 204);
    assert_eq!(client.stub.leftovers(), []);
}

#[test]
fn a_model_is_described_anew() {
    let client = Client::new();
    let id = client.store("binary.onnx");
    let path = client.wml(&format!("models/{id}"));
    let patched = client.patch(&path, &json!([{"op": "replace", "path": "/name", "value": "other"}]));
    assert_eq!((patched.status, &patched.body["metadata"]["name"]), (200, &json!("other")));
    assert_eq!(client.patch(&path, &json!([{"op": "replace", "path": "/type", "value": "x"}])).status, 400);
}
