//! Somebody else at the services: makes what no run has made.

use serde_json::{Value, json};
use stepwise_stub::Stub;
use ureq::Agent;

/// A client of the stub as Cloud Pak for Data.
pub(crate) struct Client<'a> {
    stub: &'a Stub,
    agent: Agent,
    token: String,
}

impl<'a> Client<'a> {
    pub(crate) fn of(stub: &'a Stub) -> Self {
        let mut client = Self { stub, agent: Agent::new_with_defaults(), token: String::new() };
        let body = json!({"username": stub.username(), "password": stub.password()});
        let answer = client.post("/icp4d-api/v1/authorize", &body);
        answer["token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.stub.url())).content_type("application/json");
        let mut answer =
            request.header("authorization", format!("Bearer {}", self.token)).send(body.to_string()).unwrap();
        serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap()
    }

    fn make(&self, path: &str, body: &Value) -> String {
        self.post(path, body)["metadata"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn model(&self, name: &str, tags: &[&str]) -> String {
        let body = json!({
            "name": name, "type": "onnxruntime_1.17", "space_id": self.stub.space_id(),
            "software_spec": {"name": "onnxruntime_opset_21"}, "tags": tags,
        });
        self.make("/ml/v4/models?version=2021-06-24", &body)
    }

    pub(crate) fn deployment(&self, name: &str, model: &str, tags: &[&str]) -> String {
        let body = json!({
            "name": name, "asset": {"id": model}, "online": {}, "space_id": self.stub.space_id(), "tags": tags,
        });
        self.make("/ml/v4/deployments?version=2021-06-24", &body)
    }

    pub(crate) fn data_mart(&self, description: &str) {
        let body = json!({"name": "theirs", "description": description, "internal_database": true});
        let id = self.make(&self.openscale("data_marts"), &body);
        // A service provider needs an active one.
        while self.get(&self.openscale(&format!("data_marts/{id}")))["entity"]["status"]["state"] != "active" {
            std::thread::yield_now();
        }
    }

    pub(crate) fn provider(&self, description: &str) {
        let body = json!({
            "name": "theirs", "description": description, "service_type": "watson_machine_learning", "credentials": {},
            "operational_space_id": "pre_production", "deployment_space_id": self.stub.space_id(),
        });
        self.make(&self.openscale("service_providers"), &body);
    }

    fn openscale(&self, path: &str) -> String {
        format!("/openscale/{}/v2/{path}", self.stub.data_mart_id())
    }

    fn get(&self, path: &str) -> Value {
        let request = self.agent.get(format!("{}{path}", self.stub.url()));
        let mut answer = request.header("authorization", format!("Bearer {}", self.token)).call().unwrap();
        serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap()
    }
}
