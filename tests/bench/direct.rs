//! The sample's calls as one would write them by hand for this one model: what the six steps send, in their order.

use std::fs::File;
use std::io::{Cursor, copy};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::client::{Client, text};
use crate::place::Place;
use crate::target::{Target, predictions, sample};

const LABEL: &str = "malignant";
const VERSION: &str = "version=2021-06-24";

/// The calls of the sample.
pub(crate) struct Direct {
    client: Client,
    space: String,
    /// What `OpenScale`'s paths begin with.
    openscale: String,
}

/// What is there to score.
pub(crate) struct Ready {
    model: String,
    deployment: String,
    mart: String,
    provider: String,
    subscription: String,
    monitor: String,
    payload: String,
    feedback: String,
}

impl Direct {
    pub(crate) fn new(place: &Place) -> Result<Self> {
        Ok(Self {
            client: Client::log_in(place)?,
            space: place.space_id.clone(),
            openscale: format!("/openscale/{}/v2", place.data_mart_id),
        })
    }

    pub(crate) fn run(&self) -> Result<()> {
        let target = Target::read()?;
        let ready = self.prepare(&target)?;
        self.score(&ready, &target)?;
        self.evaluate(&ready.monitor)?;
        self.clean_up(&ready)
    }

    pub(crate) fn prepare(&self, target: &Target) -> Result<Ready> {
        let in_space = self.in_space();
        let model = self.store(target, &in_space)?;
        let deployment = self.deploy(&model, &in_space)?;
        self.client.get(&format!("{}/data_marts", self.openscale))?;
        let mart = self.create("data_marts", &json!({"name": "direct", "internal_database": true}))?;
        let provider = self.provide()?;
        let subscription = self.subscribe(&mart, &provider, &deployment, target)?;
        let monitor = self.monitor(&mart, &subscription)?;
        let payload = self.data_set(&subscription, "payload_logging")?;
        let feedback = self.data_set(&subscription, "feedback")?;
        Ok(Ready { model, deployment, mart, provider, subscription, monitor, payload, feedback })
    }

    fn clean_up(&self, ready: &Ready) -> Result<()> {
        let Ready { model, deployment, mart, provider, subscription, monitor, .. } = ready;
        let in_space = self.in_space();
        let quality = "monitor_definition_id=quality&target.target_type=subscription&target.target_id";
        let path = |kind: &str| format!("{}/{kind}", self.openscale);
        self.remove(&path("monitor_instances"), monitor, "force=true", &format!("{quality}={subscription}"))?;
        let find = format!("deployment.deployment_id={deployment}");
        self.remove(&path("subscriptions"), subscription, "force=true", &find)?;
        self.client.get(&path(&format!("subscriptions?service_provider_id={provider}")))?;
        self.remove(&path("service_providers"), provider, "", "")?;
        self.client.get(&path(&format!("subscriptions?data_mart_id={mart}")))?;
        self.remove(&path("data_marts"), mart, "", "")?;
        self.remove("/ml/v4/deployments", deployment, &in_space, &format!("{in_space}&asset_id={model}"))?;
        self.client.request("DELETE", &format!("/v2/assets/{model}?{in_space}&purge_on_delete=true"), "", &[])?;
        self.client.until_gone(&format!("/ml/v4/models?{in_space}&limit=200"), model)
    }

    fn in_space(&self) -> String {
        format!("{VERSION}&space_id={}", self.space)
    }

    fn store(&self, target: &Target, in_space: &str) -> Result<String> {
        self.client.get(&format!("/v2/spaces/{}", self.space))?;
        let specification = "onnxruntime_opset_21";
        let listed = self.client.get(&format!("/v2/software_specifications?{in_space}&name={specification}"))?;
        let fields: Vec<_> = target.fields.iter().map(|name| json!({"name": name, "type": "double"})).collect();
        let answers = json!([{"name": "label", "type": "integer"}, {"name": "probabilities", "type": "double"}]);
        let model = json!({
            "name": "direct",
            "type": "onnxruntime_1.17",
            "space_id": self.space,
            "software_spec": {"id": text(&listed, "/resources/0/metadata/asset_id")?},
            "label_column": LABEL,
            "schemas": {
                "input": [{"id": "1", "type": "struct", "fields": fields}],
                "output": [{"id": "1", "type": "struct", "fields": answers}],
            },
        });
        let id = text(&self.client.post(&format!("/ml/v4/models?{in_space}"), &model)?, "/metadata/id")?;

        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("model.onnx", SimpleFileOptions::default())?;
        copy(&mut File::open(sample("model.onnx"))?, &mut archive)?;
        let content = format!("/ml/v4/models/{id}/content?{in_space}&content_format=native");
        self.client.request("PUT", &content, "application/octet-stream", &archive.finish()?.into_inner())?;
        self.client.get(&format!("/ml/v4/models/{id}?{in_space}"))?;
        Ok(id)
    }

    fn deploy(&self, model: &str, in_space: &str) -> Result<String> {
        let deployment = json!({"name": "direct", "asset": {"id": model}, "online": {}, "space_id": self.space});
        let id = text(&self.client.post(&format!("/ml/v4/deployments?{in_space}"), &deployment)?, "/metadata/id")?;
        self.client.until(&format!("/ml/v4/deployments/{id}?{in_space}"), "/entity/status/state", "ready")?;
        Ok(id)
    }

    fn provide(&self) -> Result<String> {
        let of_space = format!("service_type=watson_machine_learning&deployment_space_id={}", self.space);
        self.client.get(&format!("{}/service_providers?{of_space}", self.openscale))?;
        let provider = json!({
            "name": "direct",
            "service_type": "watson_machine_learning",
            "credentials": {},
            "operational_space_id": "pre_production",
            "deployment_space_id": self.space,
        });
        self.create("service_providers", &provider)
    }

    fn subscribe(&self, mart: &str, provider: &str, deployment: &str, target: &Target) -> Result<String> {
        let of_provider =
            format!("service_provider_id={provider}&service_type=watson_machine_learning&space_id={}", self.space);
        let deployments = format!("/openscale/{mart}/v2/ml_deployments");
        self.client.get(&format!("{deployments}?{of_provider}&limit=100"))?;
        let known = self.client.get(&format!("{deployments}/{deployment}?{of_provider}"))?;
        let field = |name: &str, kind: Value, role: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {"modeling_role": role}});
        let features: Vec<_> = target.fields.iter().map(|name| field(name, "double".into(), "feature")).collect();
        let label = vec![field(LABEL, "integer".into(), "target")];
        let probabilities = json!({"type": "array", "elementType": "double", "containsNull": true});
        let answers = vec![
            field("prediction", "integer".into(), "prediction"),
            field("probability", probabilities, "probability"),
        ];
        let schema = |more: Vec<Value>| {
            let fields = [features.clone(), more].concat();
            json!({"type": "struct", "fields": fields})
        };
        let subscription = json!({
            "data_mart_id": mart,
            "service_provider_id": provider,
            "asset": {
                "asset_id": text(&known, "/entity/asset/asset_id")?,
                "name": "direct",
                "url": text(&known, "/entity/asset/url")?,
                "asset_type": "model",
                "input_data_type": "structured",
                "problem_type": "binary",
            },
            "deployment": {
                "deployment_id": deployment,
                "name": "direct",
                "deployment_type": "online",
                "url": text(&known, "/entity/scoring_endpoint/url")?,
                "scoring_endpoint": {"url": text(&known, "/entity/scoring_endpoint/url")?},
            },
            "asset_properties": {
                "label_column": LABEL,
                "prediction_field": "prediction",
                "probability_fields": ["probability"],
                "feature_fields": target.fields,
                "categorical_fields": [],
                "input_data_schema": schema(Vec::new()),
                "training_data_schema": schema(label),
                "output_data_schema": schema(answers),
            },
        });
        self.create("subscriptions", &subscription)
    }

    fn monitor(&self, mart: &str, subscription: &str) -> Result<String> {
        let monitor = json!({
            "data_mart_id": mart,
            "monitor_definition_id": "quality",
            "target": {"target_type": "subscription", "target_id": subscription},
            "parameters": {"min_feedback_data_size": 50},
            "thresholds": [
                {"metric_id": "area_under_roc", "type": "lower_limit", "value": 0.9},
                {"metric_id": "false_positive_rate", "type": "upper_limit", "value": 0.1},
            ],
        });
        self.create("monitor_instances", &monitor)
    }

    fn data_set(&self, subscription: &str, kind: &str) -> Result<String> {
        let path = format!(
            "{}/data_sets?target.target_id={subscription}&target.target_type=subscription&type={kind}",
            self.openscale
        );
        text(&self.client.until(&path, "/data_sets/0/entity/status/state", "active")?, "/data_sets/0/metadata/id")
    }

    fn score(&self, ready: &Ready, target: &Target) -> Result<()> {
        self.count(&ready.payload)?;
        self.count(&ready.feedback)?;
        for request in self.score_batch(ready, target, || self.count(&ready.payload).map(|_| ()))? {
            self.settle(&request)?;
        }
        self.count(&ready.payload)?;
        self.count(&ready.feedback)?;
        Ok(())
    }

    /// Scores rows in one request, and sends them as payload and feedback. Answers what is to be settled.
    pub(crate) fn score_batch(
        &self,
        ready: &Ready,
        target: &Target,
        answered: impl FnOnce() -> Result<()>,
    ) -> Result<Vec<String>> {
        let asked = json!({"fields": target.fields, "values": target.rows});
        let body = json!({"input_data": [asked]});
        let answer =
            self.client.post(&format!("/ml/v4/deployments/{}/predictions?{VERSION}", ready.deployment), &body)?;
        let predictions = predictions(&answer)?;
        answered()?;

        let answers: Vec<_> = predictions.iter().map(|(label, probabilities)| json!([label, probabilities])).collect();
        let scored = json!([{
            "request": asked,
            "response": {"fields": ["prediction", "probability"], "values": answers},
            "scoring_id": "00000000-0000-4000-8000-000000000001",
            "scoring_timestamp": "2026-01-01T00:00:00.000000Z",
            "response_time": 1,
            "multiple_records": true,
        }]);
        let names = [LABEL, "_original_prediction", "_original_probability"].map(ToOwned::to_owned);
        let fields = [target.fields.as_slice(), &names].concat();
        let values: Vec<Vec<Value>> = (target.rows.iter().zip(&target.labels).zip(&predictions))
            .map(|((row, label), (predicted, probabilities))| {
                let answered = [json!(label), json!(predicted), json!(probabilities)];
                row.iter().map(|cell| json!(cell)).chain(answered).collect()
            })
            .collect();
        let labelled = json!([{"fields": fields, "values": values}]);
        let mut accepted = Vec::new();
        for (id, records) in [(&ready.payload, scored), (&ready.feedback, labelled)] {
            let path = self.records(id);
            let answer = self.client.request("POST", &path, "application/json", &serde_json::to_vec(&records)?)?;
            let place = answer.headers().get("location").context("no `Location`")?.to_str()?;
            let request = place.rsplit('/').next().unwrap_or_default();
            accepted.push(format!("{}/data_sets/{id}/requests/{request}", self.openscale));
        }
        Ok(accepted)
    }

    /// Waits until records that were accepted are in.
    pub(crate) fn settle(&self, request: &str) -> Result<()> {
        self.client.until(request, "/state", "active")?;
        Ok(())
    }

    fn records(&self, id: &str) -> String {
        format!("{}/data_sets/{id}/records", self.openscale)
    }

    fn count(&self, id: &str) -> Result<Value> {
        self.client.get(&format!("{}?limit=0&include_total_count=true", self.records(id)))
    }

    fn evaluate(&self, monitor: &str) -> Result<()> {
        let monitor = format!("{}/monitor_instances/{monitor}", self.openscale);
        let started = self.client.post(&format!("{monitor}/runs"), &json!({"triggered_by": "user"}))?;
        let run = text(&started, "/metadata/id")?;
        self.client.until(&format!("{monitor}/runs/{run}"), "/entity/status/state", "finished")?;
        let ever = "start=2000-01-01T00:00:00.000Z&end=2100-01-01T00:00:00.000Z";
        self.client.get(&format!("{monitor}/measurements?{ever}&run_id={run}"))?;
        Ok(())
    }

    /// Removes a resource, and waits until it is gone from the list.
    fn remove(&self, path: &str, id: &str, how: &str, find: &str) -> Result<()> {
        self.client.request("DELETE", &format!("{path}/{id}?{how}"), "", &[])?;
        self.client.until_gone(&format!("{path}?{find}"), id)
    }

    /// Creates one of `OpenScale`'s resources, and waits until it is active.
    fn create(&self, kind: &str, body: &Value) -> Result<String> {
        let id = text(&self.client.post(&format!("{}/{kind}", self.openscale), body)?, "/metadata/id")?;
        self.active(kind, &id)?;
        Ok(id)
    }

    fn active(&self, kind: &str, id: &str) -> Result<()> {
        self.client.until(&format!("{}/{kind}/{id}", self.openscale), "/entity/status/state", "active")?;
        Ok(())
    }
}
