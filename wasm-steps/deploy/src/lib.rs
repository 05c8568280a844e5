//! Deploys a stored model online and waits until it is ready.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use step_sdk::ledger::Lookup;
use step_sdk::wait::Status;
use step_sdk::wml::{ApiVersion, DEPLOYMENT, SERVICE};
use step_sdk::{Deadline, Failure, Host, Need, Needs, Poll, Request, Resource, create, segment, until};

#[cfg(test)]
mod tests;

step_sdk::step! {
    summary: "deploys the model online and waits until it is ready",
    needs: Needs {
        services: &[
            Need::new(SERVICE, "POST", "/ml/v4/deployments", "deploys the model"),
            Need::new(SERVICE, "GET", "/ml/v4/deployments/*", "waits until the deployment is ready"),
            Need::new(SERVICE, "GET", "/ml/v4/deployments", "finds the deployment after a lost answer"),
            Need::new(SERVICE, "DELETE", "/ml/v4/deployments/*", "lets cleanup remove the deployment"),
        ],
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The deployment's name
    name: String,
    /// The stored model
    model_id: String,
    /// The space that the model is in
    space_id: String,
    /// What the deployment is for
    description: Option<String>,
    /// Tags beside the run's own
    #[serde(default)]
    tags: Vec<String>,
    /// The hardware that it runs on; the service's default when absent
    hardware_spec: Option<HardwareSpec>,
    /// How long to wait for the deployment to be ready
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
    #[serde(default)]
    api_version: ApiVersion,
}

fn timeout_seconds() -> u32 {
    300
}

/// A hardware specification, by name or by id
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HardwareSpec {
    /// Its name, for example `S`
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its id
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// On how many nodes the deployment runs
    #[serde(skip_serializing_if = "Option::is_none")]
    num_nodes: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// The deployment's id
    #[schemars(extend("x-report" = true))]
    deployment_id: String,
    /// Path of its predictions
    scoring_path: String,
    /// The state it was left in: `ready`
    status: String,
}

#[derive(Deserialize)]
struct Deployment {
    entity: Entity,
}

#[derive(Deserialize)]
struct Entity {
    status: Status,
}

#[expect(clippy::needless_pass_by_value, reason = "every step owns its input")]
fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    let deadline = Deadline::after_seconds(host, input.timeout_seconds);
    let created = create(host, &resource(&input), |tag| {
        let request = Request::post(SERVICE, "/ml/v4/deployments").json(&body(&input, tag));
        input.api_version.in_space(&input.space_id, request)
    })?;

    // Addresses in the answer may be a cluster's inner ones, and their names change between versions: the id is enough.
    let path = format!("/ml/v4/deployments/{}", segment(&created.id));
    let what = format!("deployment `{}`", input.name);
    let status = until(host, &what, &deadline, || {
        let request = input.api_version.in_space(&input.space_id, Request::get(SERVICE, &path));
        let status = request.send(host)?.expect(&[200])?.json::<Deployment>()?.entity.status;
        Ok(match DEPLOYMENT.judge(&what, &status)? {
            Poll::Ready(()) => Poll::Ready(status.state),
            Poll::Waiting(state) => Poll::Waiting(state),
        })
    })?;
    Ok(Output { deployment_id: created.id, scoring_path: format!("{path}/predictions"), status })
}

fn resource(input: &Input) -> Resource {
    let ApiVersion(version) = &input.api_version;
    let find = Lookup::list("/ml/v4/deployments", "/resources")
        .query("version", version)
        .query("space_id", &input.space_id)
        .query("asset_id", &input.model_id)
        .matching("/metadata/tags", "{tag}");
    Resource::new(SERVICE, "deployment", &input.name, find)
        .removed_by("/ml/v4/deployments/{id}")
        .remove_query("version", version)
        .remove_query("space_id", &input.space_id)
}

fn body(input: &Input, tag: &str) -> Value {
    let tags: Vec<_> = input.tags.iter().map(String::as_str).chain([tag]).collect();
    let mut body = json!({
        "name": input.name,
        "asset": {"id": input.model_id},
        "online": {},
        "space_id": input.space_id,
        "tags": tags,
    });
    if let Some(description) = &input.description {
        body["description"] = json!(description);
    }
    if let Some(hardware) = &input.hardware_spec {
        body["hardware_spec"] = json!(hardware);
    }
    body
}
