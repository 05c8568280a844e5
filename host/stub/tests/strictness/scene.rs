//! `Scene`: a stub where everything is in some state, and how a line is played on it.

use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Dialect, Options};

use super::lines::{Answer, Line};
use crate::client::{self, BX, Client, quality, zipped};

/// The largest body of records that this stub takes.
const RECORDS_LIMIT: usize = 1000;
const VERSION: &str = "version=2021-06-24";

/// A stub where everything is in some state, each thing with a name.
pub(super) struct Scene {
    client: Client,
    /// Of another stub, where nothing has been made.
    newcomer: Client,
    /// Of stubs of the other products.
    others: Vec<Client>,
    names: Vec<(&'static str, String)>,
    /// Good requests, which the lines change.
    bodies: Vec<(&'static str, Value)>,
    expired: String,
}

impl Scene {
    pub(super) fn new() -> Self {
        let spaces = vec!["stepwise".to_owned(), "other".to_owned()];
        let options = Options { records_limit: RECORDS_LIMIT, spaces, settle: Duration::ZERO, ..Options::default() };
        let mut client = Client::with(options);
        let expired = client.token.clone();
        client.stub.expire_tokens();
        client.token = client.log_in();
        let others = [Dialect::Cp4d35, Dialect::Cp4d4, Dialect::IbmCloud].map(Client::of).into();
        let newcomer = Client::new();
        let mut scene = Self { client, newcomer, others, names: Vec::new(), bodies: Vec::new(), expired };
        let of = |dialect| scene.others.iter().find(|other: &&Client| other.stub.dialect() == dialect).unwrap();
        let (old, cloud) = (of(Dialect::Cp4d35), of(Dialect::IbmCloud));
        let ids = [old.space.clone(), cloud.space.clone(), cloud.stub.data_mart_id().to_owned()];
        scene.names = ["old_space", "cloud_space", "cloud_mart"].into_iter().zip(ids).collect();
        scene.set_wml();
        scene.set_openscale();
        scene.client.stub.set_settle(Duration::from_mins(10));
        scene.set_what_is_coming();
        scene.client.stub.set_settle(Duration::ZERO);
        scene
    }

    fn name(&mut self, name: &'static str, id: impl Into<String>) {
        self.names.push((name, id.into()));
    }

    fn id(&self, name: &str) -> String {
        self.names.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    fn set_wml(&mut self) {
        let client = &self.client;
        let spaces = client.get("/v2/spaces").body;
        let other_space = spaces["resources"][1]["metadata"]["id"].as_str().unwrap().to_owned();
        let request = client.model("onnxruntime_1.17", "onnxruntime_opset_21");
        let model = client.store("binary.onnx");
        let empty = client.post(&client.wml("models"), &request).id();
        let bare = client.store_as(&request, b"a bare file");
        let other_file = client.store_as(&request, &zipped("readme.txt", b"x"));
        let corrupt = client.store_as(&request, &zipped("m.onnx", b"x"));
        let zip = client::archive("binary.onnx");
        let cut = client.store_as(&request, &zip[..zip.len() - 10]);
        let mut of_columns = request.clone();
        of_columns.as_object_mut().unwrap().remove("schemas");
        let columns = client.deploy(&client.store_as(&of_columns, &client::archive("columns.onnx")), "ready");
        let (deployment, second) = (client.deploy(&model, "ready"), client.deploy(&model, "ready"));
        let broken = client.deploy(&corrupt, "failed");
        let mut batch = client.deployment(&model);
        batch.as_object_mut().unwrap().remove("online");
        batch["batch"] = json!({});
        let batch = client.post(&client.wml("deployments"), &batch).id();
        let mut taken = client.deployment(&model);
        taken["online"] = json!({"parameters": {"serving_name": "taken"}});
        let taken = client.post(&client.wml("deployments"), &taken).id();
        self.bodies.push(("model", request));
        self.bodies.push(("deployment", client.deployment(&model)));
        let space = client.space.clone();
        for (name, id) in [
            ("space", space),
            ("other_space", other_space),
            ("mart", client::MART.into()),
            ("model", model),
            ("empty", empty),
            ("bare", bare),
            ("other_file", other_file),
            ("corrupt", corrupt),
            ("cut", cut),
            ("columns", columns),
            ("deployment", deployment),
            ("second", second),
            ("broken", broken),
            ("batch", batch),
            ("taken", taken),
        ] {
            self.name(name, id);
        }
    }

    fn set_openscale(&mut self) {
        let client = &self.client;
        let provider = client.provider("pre_production");
        let request = client.subscription(&provider, &self.id("model"), &self.id("deployment"), "binary");
        let subscription = client.post(&client.ai("subscriptions"), &request).id();
        let monitor = client.monitor(&subscription);
        let feedback = client.data_set(&subscription, "feedback");
        let payload = client.data_set(&subscription, "payload_logging");
        let bound = json!({
            "name": "provider", "service_type": "watson_machine_learning", "credentials": {},
            "operational_space_id": "pre_production", "deployment_space_id": client.space,
        });
        let lacking = json!({"asset_properties": {"prediction_field": null, "output_data_schema": null}});
        let (lacks, lacks_too) = (self.subscribe(&request, &lacking), self.subscribe(&request, &lacking));
        let failed_monitor = self.client.post(&self.client.ai("monitor_instances"), &quality(&lacks_too)).id();
        let (gone_feedback, odd_monitor) =
            (self.feedback_of_a_deleted(&request), self.monitor_of_three_labels(&request));
        self.bodies.push(("provider", bound));
        self.bodies.push(("quality", quality(&subscription)));
        self.bodies.push(("subscription", request));
        for (name, id) in [
            ("provider", provider),
            ("subscription", subscription),
            ("monitor", monitor),
            ("feedback", feedback),
            ("payload", payload),
            ("lacking", lacks),
            ("lacking_too", lacks_too),
            ("failed_monitor", failed_monitor),
            ("gone_feedback", gone_feedback),
            ("odd_monitor", odd_monitor),
        ] {
            self.name(name, id);
        }
    }

    /// The id of a subscription like the request, of a deployment of its own.
    fn subscribe(&self, request: &Value, changes: &Value) -> String {
        let mut request = request.clone();
        json_patch::merge(&mut request, changes);
        request["deployment"]["deployment_id"] = json!(self.client.deploy(&self.id("model"), "ready"));
        self.client.post(&self.client.ai("subscriptions"), &request).id()
    }

    /// The feedback data set of a subscription whose deployment is deleted.
    fn feedback_of_a_deleted(&self, request: &Value) -> String {
        let subscription = self.subscribe(request, &json!({}));
        self.client.monitor(&subscription);
        let path = self.client.ai(&format!("subscriptions/{subscription}"));
        let deployment = self.client.get(&path).body["entity"]["deployment"]["deployment_id"].clone();
        self.client.delete(&self.client.wml(&format!("deployments/{}", deployment.as_str().unwrap())));
        self.client.data_set(&subscription, "feedback")
    }

    /// The quality monitor of a binary model whose feedback has three labels.
    fn monitor_of_three_labels(&self, request: &Value) -> String {
        let subscription = self.subscribe(request, &json!({}));
        let monitor = self.client.monitor(&subscription);
        let rows = json!([{"fields": ["x1", "x2", "y"], "values": [[1, 1, 0], [1, 1, 1], [1, 1, 2]]}]);
        self.client.record(&self.client.data_set(&subscription, "feedback"), &rows);
        monitor
    }

    /// What will be ready long after the test.
    fn set_what_is_coming(&mut self) {
        let request = self.body("subscription");
        let client = &self.client;
        client.stub.set_settle(Duration::ZERO);
        let (active, ready) = (self.subscribe(&request, &json!({})), client.deploy(&self.id("model"), "ready"));
        client.stub.set_settle(Duration::from_mins(10));
        let coming = client.post(&client.wml("deployments"), &self.body("deployment")).id();
        let other = json!({"name": "coming", "service_type": "custom_machine_learning", "credentials": {}});
        let coming_provider = client.post(&client.ai("service_providers"), &other).id();
        let mut request = request;
        request["deployment"]["deployment_id"] = json!(ready);
        let coming_subscription = client.post(&client.ai("subscriptions"), &request).id();
        let coming_monitor = client.post(&client.ai("monitor_instances"), &quality(&active)).id();
        for (name, id) in [
            ("coming", coming),
            ("coming_provider", coming_provider),
            ("coming_subscription", coming_subscription),
            ("coming_monitor", coming_monitor),
        ] {
            self.name(name, id);
        }
    }

    fn body(&self, name: &str) -> Value {
        self.bodies.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    /// A text with the ids in place of the names.
    fn filled(&self, text: &str) -> String {
        let scope = format!("{VERSION}&space_id={}", self.client.space);
        let text = text.replace("{scope}", &scope).replace("{version}", VERSION);
        self.names.iter().fold(text, |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    /// A text with the names in place of the ids.
    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(id, &format!("{{{name}}}")))
    }

    /// Content type and bytes.
    fn content(&self, body: &str) -> (String, Vec<u8>) {
        let body = self.filled(body).replace('⏎', "\n");
        let json = |body: &Value| ("application/json".to_owned(), body.to_string().into_bytes());
        if let Ok(value) = serde_json::from_str(&body) {
            return json(&value);
        }
        if let Some((name, changes)) = body.split_once(' ')
            && let Ok(changes) = serde_json::from_str(changes)
            && !name.ends_with(':')
        {
            let mut good = self.body(name);
            json_patch::merge(&mut good, &changes);
            return json(&good);
        }
        let (media_type, rest) = body.split_once(':').unwrap_or_default();
        let rest = rest.trim();
        let bytes = if rest == "2000 bytes" { vec![b'x'; 2000] } else { rest.as_bytes().to_vec() };
        (media_type.to_owned(), bytes)
    }

    fn exchange(&self, line: &Line) -> client::Answer {
        let request = self.filled(&line.request);
        let (who, request) = match request.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
            Some((who, request)) => (who, request.to_owned()),
            None => ("", request.clone()),
        };
        let other = self.others.iter().find(|other| other.stub.dialect() == line.product);
        let client = if who == "newcomer" { &self.newcomer } else { other.unwrap_or(&self.client) };
        let authorization = match who {
            "" | "newcomer" => format!("Bearer {}", client.token),
            "no token" => String::new(),
            "basic" => "Basic c3RlcHdpc2U6c3RlcHdpc2UtcGFzc3dvcmQ=".to_owned(),
            "bx" => BX.to_owned(),
            "basic wrong" => "Basic c3RlcHdpc2U6d3Jvbmc=".to_owned(),
            "token of nobody" => "Bearer never.given.out".to_owned(),
            "expired token" => format!("Bearer {}", self.expired),
            _ => panic!("nobody is `{who}`"),
        };
        let (method, target) = request.split_once(' ').unwrap();
        let (media_type, bytes) = self.content(&line.body);
        client.send_as(&authorization, method, target, &media_type, &bytes).unwrap()
    }

    /// What the stub answers.
    pub(super) fn send(&self, line: &Line) -> Answer {
        let answer = self.exchange(line);
        let (code, message) = self.told(&answer.body);
        (answer.status.to_string(), code, message)
    }

    /// What becomes of that which the stub has accepted; it is removed again.
    pub(super) fn send_and_wait(&self, line: &Line) -> Answer {
        let accepted = self.exchange(line);
        assert!([201, 202].contains(&accepted.status), "{}: {accepted:?}", line.what);
        let (path, query) = self.filled(line.request.split_once(' ').unwrap().1).split_once('?').map_or_else(
            || (self.filled(line.request.split_once(' ').unwrap().1), String::new()),
            |(path, query)| (path.to_owned(), query.to_owned()),
        );
        if let Some(data_set) = path.strip_suffix("/records") {
            let request = accepted.header("location").rsplit('/').next().unwrap().to_owned();
            let ended = self
                .client
                .until(&format!("{data_set}/requests/{request}"), |answer| answer.body["state"] != "preparing");
            let (code, message) = self.told(&ended.body["failure"]);
            return (ended.body["state"].as_str().unwrap().to_owned(), code, message);
        }
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let path = format!("{path}/{}{query}", accepted.id());
        let coming = ["initializing", "preparing", "running"];
        let ended = self.client.until(&path, |answer| !coming.contains(&answer.state()));
        let (code, message) = self.told(&ended.body["entity"]["status"]["failure"]);
        let answer = (ended.state().to_owned(), code, message);
        if !path.contains("/runs/") {
            assert!([202, 204].contains(&self.client.delete(&path).status), "{path}");
        }
        answer
    }

    /// Code and message of an error body of exactly the documented form, or all of another body.
    fn told(&self, body: &Value) -> (String, String) {
        if body["errors"].is_null() {
            return (String::new(), self.named(&body.to_string()));
        }
        let error = &body["errors"][0];
        assert!(body["trace"].as_str().is_some_and(|trace| trace.len() == 32), "{body}");
        let (code, message) = (error["code"].as_str().unwrap(), error["message"].as_str().unwrap());
        let whole = json!({"trace": body["trace"], "errors": [{"code": code, "message": message}]});
        assert_eq!(*body, whole, "there is more than code and message");
        (code.to_owned(), self.named(message))
    }
}
