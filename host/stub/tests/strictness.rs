//! What holds for every route.

use serde_json::json;

use crate::client::Client;

#[test]
fn wml_wants_a_version_that_is_a_date() {
    let client = Client::new();
    let path = |version: &str| format!("/ml/v4/models?space_id={}{version}", client.space);
    assert_eq!(client.get(&path("&version=1999-12-31")).status, 200);
    assert_eq!(
        client.get(&path("")).refusal(),
        (400, "invalid_input_argument", "query parameter `version` is missing")
    );
    assert_eq!(client.get(&path("&version=latest")).status, 400);
    assert_eq!(client.get(&path("&version=2021-02-30")).status, 400);
}

#[test]
fn wml_wants_a_space_that_exists() {
    let client = Client::new();
    let id = client.store("binary.onnx");
    let path = format!("/ml/v4/models/{id}?version=2021-06-24");
    assert_eq!(client.get(&path).refusal(), (400, "invalid_input_argument", "query parameter `space_id` is missing"));
    assert_eq!(client.get(&format!("{path}&space_id=none")).status, 404);
    assert_eq!(client.delete(&path).status, 400);
}

#[test]
fn unknown_query_parameters_paths_and_methods_are_refused() {
    let client = Client::new();
    let typo = client.get(&format!("{}&asset_di=1", client.wml("deployments")));
    assert_eq!(typo.refusal(), (400, "invalid_input_argument", "unknown query parameter `asset_di`"));
    assert_eq!(client.get(&client.ai("subscriptions?deployment_id=1")).refusal().1, "AIQST0400E");
    assert_eq!(client.get(&client.wml("pipelines/1")).refusal().0, 404);
    assert_eq!(client.get("/wx/v1-beta/prompts/1").status, 404);
    assert_eq!(client.get(&client.ai("data_mart")).refusal().1, "AIQST0404E");
    assert_eq!(client.send("PUT", &client.wml("models"), "application/json", b"{}").refusal().0, 405);
}

#[test]
fn there_is_one_service_instance() {
    let client = Client::new();
    let path = "/openscale/11111111-1111-1111-1111-111111111111/v2/data_marts";
    assert_eq!(client.get(path).refusal().0, 404);
    assert_eq!(client.get(&client.ai("data_marts")).body, json!({"data_marts": []}));
}

#[test]
fn the_transaction_id_comes_back() {
    let client = Client::new();
    let url = format!("{}/v2/spaces", client.stub.url());
    let request = client.agent.get(&url).header("authorization", format!("Bearer {}", client.token));
    let answer = request.header("x-global-transaction-id", "t-1").call().unwrap();
    assert_eq!(answer.headers()["x-global-transaction-id"], "t-1");
}
