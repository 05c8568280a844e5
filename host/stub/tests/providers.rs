//! Data marts, service providers, discovery, monitor definitions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, MART};

fn request(client: &Client) -> Value {
    json!({"name": "p", "service_type": "watson_machine_learning", "credentials": {}, "deployment_space_id": client.space})
}

#[test]
fn a_data_mart_is_made_once_and_takes_its_time() {
    let client = Client::settling(Duration::from_mins(10));
    let body = json!({"name": "mart", "description": "d", "internal_database": true});
    let created = client.post(&client.ai("data_marts"), &body);
    assert_eq!((created.status, created.id().as_str(), created.state()), (202, MART, "preparing"));
    assert_eq!(created.body["metadata"]["url"], format!("/v2/data_marts/{MART}"));
    assert_eq!(client.post(&client.ai("data_marts"), &body).refusal().0, 409);
    assert_eq!(client.get(&client.ai("data_marts")).body["data_marts"][0], created.body);
    // Providers need it to be active.
    assert_eq!(client.post(&client.ai("service_providers"), &request(&client)).refusal().0, 409);
    let deleted = client.delete(&client.ai(&format!("data_marts/{MART}")));
    assert_eq!((deleted.status, deleted.state()), (202, "deleting"));
    assert_eq!(client.get(&client.ai("data_marts")).body["data_marts"][0]["entity"]["status"]["state"], "deleting");
}

#[test]
fn a_data_mart_needs_one_kind_of_database() {
    let client = Client::new();
    let path = client.ai("data_marts");
    assert_eq!(client.post(&path, &json!({"name": "m"})).refusal().1, "AIQST0400E");
    assert_eq!(client.post(&path, &json!({"name": "m", "internal_database": true, "databse": 1})).status, 400);
    let database = json!({"database_type": "db2", "credentials": {"password": "p"}});
    let created = client.post(&path, &json!({"database_configuration": database}));
    assert_eq!(created.status, 202);
    assert!(created.body["entity"]["database_configuration"]["credentials"]["secret_id"].is_string());
    assert!(!created.body.to_string().contains("\"p\""));
}

#[test]
fn a_provider_hides_its_credentials_and_is_filtered_by_space() {
    let client = Client::new();
    let id = client.provider("pre_production");
    let read = client.get(&client.ai(&format!("service_providers/{id}")));
    assert!(read.body["entity"]["credentials"]["secret_id"].is_string());
    assert_eq!(read.body["entity"]["instance_id"], "99999999-9999-9999-9999-999999999999");
    let count = |filter: &str| {
        let listed = client.get(&client.ai(&format!("service_providers?{filter}")));
        listed.body["service_providers"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("deployment_space_id={}", client.space)), 1);
    assert_eq!(count("deployment_space_id=none"), 0);
    assert_eq!(count("operational_space_id=production"), 0);
    assert_eq!(client.post(&client.ai("service_providers"), &request(&client)).refusal().0, 409);
    let patched = client.patch(
        &client.ai(&format!("service_providers/{id}")),
        &json!([{"op": "add", "path": "/description", "value": "new"}]),
    );
    assert_eq!((patched.status, &patched.body["entity"]["description"]), (200, &json!("new")));
    assert_eq!(client.delete(&client.ai(&format!("service_providers/{id}"))).status, 202);
    assert_eq!(client.get(&client.ai(&format!("service_providers/{id}"))).status, 404);
}

#[test]
fn a_provider_request_is_read_strictly() {
    let client = Client::new();
    client.post(&client.ai("data_marts"), &json!({"internal_database": true}));
    let status = |key: &str, value: Value| {
        let mut request = request(&client);
        request[key] = value;
        client.post(&client.ai("service_providers"), &request).refusal().0
    };
    assert_eq!(status("service_type", json!("wml")), 400);
    assert_eq!(status("operational_space_id", json!("prod")), 400);
    assert_eq!(status("credentials", json!(null)), 400);
    assert_eq!(status("deployment_space_id", json!("none")), 400);
    assert_eq!(status("deployment_space_id", json!(null)), 400);
    assert_eq!(status("space", json!("x")), 400);
}

#[test]
fn discovery_tells_the_asset_of_a_single_deployment_only() {
    let client = Client::new();
    let model = client.store("binary.onnx");
    let deployment = client.deploy(&model, "ready");
    let provider = client.provider("production");
    let query =
        format!("service_provider_id={provider}&service_type=watson_machine_learning&space_id={}", client.space);
    let listed = client.get(&client.ai(&format!("ml_deployments?limit=100&{query}")));
    assert_eq!(listed.body["resources"][0]["metadata"]["guid"], deployment);
    assert_eq!(listed.body["resources"][0]["entity"]["asset"], json!({}));
    let single = client.get(&client.ai(&format!("ml_deployments/{deployment}?{query}")));
    let entity = &single.body["entity"];
    assert_eq!(entity["asset"]["asset_id"], model);
    assert_eq!(entity["asset_properties"]["model_type"], "onnxruntime_1.17");
    assert_eq!(entity["asset_properties"]["input_data_schema"]["fields"][1]["name"], "x2");
    assert!(entity["scoring_endpoint"]["url"].as_str().unwrap().starts_with("https://internal-nginx-svc:12443/"));
    assert_eq!(client.get(&client.ai(&format!("ml_deployments/none?{query}"))).status, 404);
    assert_eq!(
        client.get(&client.ai(&format!("ml_deployments?service_provider_id={provider}&space_id=x"))).status,
        400
    );
}

#[test]
fn the_definitions_have_the_names_that_clients_read() {
    let client = Client::new();
    let listed = client.get(&client.ai("monitor_definitions"));
    let names: Vec<&str> = listed.body["monitor_definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["entity"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Quality", "Performance", "Fairness", "Explainability", "Model health"]);
    let quality = client.get(&client.ai("monitor_definitions/quality"));
    assert_eq!(quality.body["entity"]["metrics"][0]["id"], "area_under_roc");
    assert_eq!(client.get(&client.ai("monitor_definitions/none")).status, 404);
}
