//! A client of a stub of its own: requests in short, and the way to each resource.

use std::fs;
use std::io::{Cursor, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Dialect, Options, Stub};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};
use zip::write::SimpleFileOptions;

pub(crate) const MART: &str = "00000000-0000-0000-0000-000000000000";

/// How a client of IAM says who it is and what it wants.
pub(crate) const BX: &str = "Basic Yng6Yng=";
pub(crate) const GRANT: &str = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";

/// An answer: its status, its headers, its body as JSON or null.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    fn of(mut response: Response<Body>) -> Result<Self, ureq::Error> {
        let bytes = response.body_mut().read_to_vec()?;
        let text = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        let headers = response.headers().iter().map(text).collect();
        Ok(Self { status: response.status().as_u16(), headers, body, bytes })
    }

    pub(crate) fn id(&self) -> String {
        self.body["metadata"]["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    pub(crate) fn state(&self) -> &str {
        self.body["entity"]["status"]["state"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Status, code and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str, &str) {
        assert!(self.body["trace"].is_string(), "no trace in {self:?}");
        let error = &self.body["errors"][0];
        (self.status, error["code"].as_str().unwrap(), error["message"].as_str().unwrap())
    }
}

pub(crate) struct Client {
    pub(crate) stub: Stub,
    pub(crate) agent: Agent,
    pub(crate) token: String,
    pub(crate) space: String,
}

impl Client {
    /// A client of a stub where everything asynchronous is done at once.
    pub(crate) fn new() -> Self {
        Self::settling(Duration::ZERO)
    }

    /// The same of a product.
    pub(crate) fn of(dialect: Dialect) -> Self {
        Self::with(Options { dialect, settle: Duration::ZERO, ..Options::default() })
    }

    pub(crate) fn settling(settle: Duration) -> Self {
        Self::with(Options { settle, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let stub = Stub::start(options).unwrap();
        let agent = Agent::new_with_config(Agent::config_builder().http_status_as_error(false).build());
        let space = stub.space_id().to_owned();
        let mut client = Self { stub, agent, token: String::new(), space };
        client.token = client.log_in();
        client
    }

    pub(crate) fn log_in(&self) -> String {
        let (answer, token) = match self.stub.dialect() {
            Dialect::Cp4d35 => (self.log_in_with("Basic c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ="), "accessToken"),
            Dialect::Cp4d4 | Dialect::Cp4d5 => {
                let body = json!({"username": self.stub.username(), "password": self.stub.password()});
                (self.post("/icp4d-api/v1/authorize", &body), "token")
            }
            Dialect::IbmCloud => {
                let form = format!("{GRANT}&apikey=stepwise-api-key");
                (self.exchange("/identity/token", Some(BX), &form), "access_token")
            }
        };
        answer.body[token].as_str().unwrap_or_else(|| panic!("no token in {answer:?}")).to_owned()
    }

    /// The login of 3.5.
    pub(crate) fn log_in_with(&self, authorization: &str) -> Answer {
        let url = format!("{}/v1/preauth/validateAuth", self.stub.url());
        Answer::of(self.agent.get(url).header("authorization", authorization).call().unwrap()).unwrap()
    }

    /// IAM's exchange of a form for a token.
    pub(crate) fn exchange(&self, path: &str, client: Option<&str>, form: &str) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.stub.platform_url()));
        if let Some(client) = client {
            request = request.header("authorization", client);
        }
        let request = request.content_type("application/x-www-form-urlencoded");
        Answer::of(request.send(form).unwrap()).unwrap()
    }

    /// Where a path is served: all but WML is the platform's.
    fn base(&self, path: &str) -> &str {
        if path.starts_with("/ml/") { self.stub.url() } else { self.stub.platform_url() }
    }

    /// Sends a request and does not read its answer.
    pub(crate) fn begin(&self, method: &str, path: &str, json: &str) -> TcpStream {
        let mut connection = TcpStream::connect(self.stub.url().trim_start_matches("http://")).unwrap();
        let (token, length) = (&self.token, json.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: stub\r\nauthorization: Bearer {token}\r\n");
        let body = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}");
        connection.write_all((head + &body).as_bytes()).unwrap();
        connection
    }

    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let authorization = if self.token.is_empty() { String::new() } else { format!("Bearer {}", self.token) };
        self.send_as(&authorization, method, path, media_type, body)
    }

    /// Sends a request with that `Authorization`, or with none if it is empty.
    pub(crate) fn send_as(
        &self,
        authorization: &str,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base(path)));
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        if !media_type.is_empty() {
            request = request.header("content-type", media_type);
        }
        Answer::of(match method {
            "GET" | "DELETE" => self.agent.run(request.body(()).unwrap())?,
            _ => self.agent.run(request.body(body).unwrap())?,
        })
    }

    pub(crate) fn send(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Answer {
        self.try_send(method, path, media_type, body).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string().as_bytes())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, "application/json", body.to_string().as_bytes())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "", b"")
    }

    /// Asks again until the answer is as wished; every question takes a moment, and the runner has a limit.
    pub(crate) fn until(&self, path: &str, wished: impl Fn(&Answer) -> bool) -> Answer {
        loop {
            let answer = self.get(path);
            if wished(&answer) {
                return answer;
            }
        }
    }

    /// A WML path with version and space.
    pub(crate) fn wml(&self, path: &str) -> String {
        format!("/ml/v4/{path}?version=2021-06-24&space_id={}", self.space)
    }

    /// An `OpenScale` path.
    pub(crate) fn ai(&self, path: &str) -> String {
        format!("/openscale/{}/v2/{path}", self.stub.data_mart_id())
    }

    /// The body of a model request.
    pub(crate) fn model(&self, model_type: &str, specification: &str) -> Value {
        json!({
            "name": "m", "type": model_type, "space_id": self.space, "software_spec": {"name": specification},
            "label_column": "y",
            "schemas": {"input": [{"id": "1", "type": "struct", "fields": [
                {"name": "x1", "type": "double"}, {"name": "x2", "type": "double"}]}], "output": []},
        })
    }

    /// The id of a stored model of the onnxruntime.
    pub(crate) fn store(&self, file: &str) -> String {
        self.store_as(&self.model("onnxruntime_1.17", "onnxruntime_opset_21"), &archive(file))
    }

    pub(crate) fn store_as(&self, request: &Value, content: &[u8]) -> String {
        let created = self.post(&self.wml("models"), request);
        assert_eq!(created.status, 201, "{created:?}");
        let path = format!("{}&content_format=native", self.wml(&format!("models/{}/content", created.id())));
        assert_eq!(self.send("PUT", &path, "application/octet-stream", content).status, 201);
        created.id()
    }

    /// The body of a deployment request.
    pub(crate) fn deployment(&self, model: &str) -> Value {
        json!({"name": "d", "asset": {"id": model}, "online": {}, "space_id": self.space})
    }

    /// The id of a deployment that has ended in the state.
    pub(crate) fn deploy(&self, model: &str, state: &str) -> String {
        let created = self.post(&self.wml("deployments"), &self.deployment(model));
        assert_eq!(created.status, 202, "{created:?}");
        let path = self.wml(&format!("deployments/{}", created.id()));
        let ended = self.until(&path, |answer| answer.state() != "initializing");
        assert_eq!(ended.state(), state, "{ended:?}");
        created.id()
    }

    pub(crate) fn predict(&self, deployment: &str, body: &Value) -> Answer {
        self.post(&format!("/ml/v4/deployments/{deployment}/predictions?version=2021-06-24"), body)
    }

    /// The id of a service provider, data mart included.
    pub(crate) fn provider(&self, operational_space: &str) -> String {
        let data_mart = self.post(&self.ai("data_marts"), &json!({"name": "mart", "internal_database": true}));
        assert_eq!((data_mart.status, data_mart.id().as_str()), (202, MART), "{data_mart:?}");
        self.until(&self.ai(&format!("data_marts/{MART}")), |answer| answer.state() == "active");
        let request = json!({
            "name": "provider", "service_type": "watson_machine_learning", "credentials": {},
            "operational_space_id": operational_space, "deployment_space_id": self.space,
        });
        let provider = self.post(&self.ai("service_providers"), &request);
        assert_eq!(provider.status, 202, "{provider:?}");
        self.until(&self.ai(&format!("service_providers/{}", provider.id())), |answer| answer.state() == "active");
        provider.id()
    }

    /// The body of a subscription request.
    pub(crate) fn subscription(&self, provider: &str, model: &str, deployment: &str, problem: &str) -> Value {
        let mut request = json!({
            "data_mart_id": self.stub.data_mart_id(), "service_provider_id": provider,
            "asset": {"asset_id": model, "name": "m", "url": "https://internal-nginx-svc:12443/m", "asset_type": "model",
                "input_data_type": "structured", "problem_type": problem},
            "deployment": {"deployment_id": deployment, "name": "d", "deployment_type": "online", "url": "https://internal/d"},
            "asset_properties": {"label_column": "y", "prediction_field": "prediction", "probability_fields": ["probability"],
                "feature_fields": ["x1", "x2"], "categorical_fields": []},
        });
        let array = json!({"type": "array", "elementType": "double", "containsNull": true});
        request["asset_properties"]["output_data_schema"] = json!({"type": "struct", "fields": [
            {"name": "prediction", "type": "double"}, {"name": "probability", "type": array}]});
        if problem == "regression" {
            request["asset_properties"].as_object_mut().unwrap().remove("probability_fields");
        }
        request
    }

    /// The id of an active subscription of a new deployment of the model file.
    pub(crate) fn subscribe(&self, file: &str, problem: &str, operational_space: &str) -> (String, String) {
        let model = self.store(file);
        let deployment = self.deploy(&model, "ready");
        let provider = self.provider(operational_space);
        let request = self.subscription(&provider, &model, &deployment, problem);
        let subscription = self.post(&self.ai("subscriptions"), &request);
        assert_eq!(subscription.status, 202, "{subscription:?}");
        self.until(&self.ai(&format!("subscriptions/{}", subscription.id())), |answer| answer.state() == "active");
        (subscription.id(), deployment)
    }

    /// The id of an active quality monitor of the subscription, which asks for two rows of feedback.
    pub(crate) fn monitor(&self, subscription: &str) -> String {
        let created = self.post(&self.ai("monitor_instances"), &quality(subscription));
        assert_eq!(created.status, 202, "{created:?}");
        self.until(&self.ai(&format!("monitor_instances/{}", created.id())), |answer| answer.state() == "active");
        created.id()
    }

    /// The id of the subscription's data set.
    pub(crate) fn data_set(&self, subscription: &str, kind: &str) -> String {
        let query = format!("data_sets?target.target_id={subscription}&target.target_type=subscription&type={kind}");
        let found = self.get(&self.ai(&query));
        found.body["data_sets"][0]["metadata"]["id"].as_str().unwrap_or_else(|| panic!("{found:?}")).to_owned()
    }

    /// Sends records, and answers how that ended.
    pub(crate) fn record(&self, data_set: &str, body: &Value) -> Answer {
        let sent = self.post(&self.ai(&format!("data_sets/{data_set}/records")), body);
        assert_eq!((sent.status, &sent.body), (202, &json!({"state": "preparing"})), "{sent:?}");
        let request = sent.header("location").rsplit('/').next().unwrap();
        let path = self.ai(&format!("data_sets/{data_set}/requests/{request}"));
        self.until(&path, |answer| answer.body["state"] != "preparing")
    }

    pub(crate) fn count(&self, data_set: &str) -> u64 {
        let path = self.ai(&format!("data_sets/{data_set}/records?limit=0&include_total_count=true"));
        self.get(&path).body["total_count"].as_u64().unwrap()
    }
}

/// The body of a quality monitor request.
pub(crate) fn quality(subscription: &str) -> Value {
    json!({
        "data_mart_id": MART, "monitor_definition_id": "quality",
        "target": {"target_type": "subscription", "target_id": subscription},
        "parameters": {"min_feedback_data_size": 2}, "thresholds": [],
    })
}

/// One of the models of the tests in a zip archive.
pub(crate) fn archive(file: &str) -> Vec<u8> {
    zipped("model.onnx", &fs::read(model_file(file)).unwrap())
}

pub(crate) fn model_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

pub(crate) fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, SimpleFileOptions::default()).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap().into_inner()
}
