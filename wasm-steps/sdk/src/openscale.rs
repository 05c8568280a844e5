//! What the steps that call OpenScale share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wait::{States, Status};
use crate::{Deadline, Failure, Host, Poll, Request, Response, segment, until};

pub mod data_mart;
pub mod data_set;
pub mod deployment;
pub mod provider;
pub mod quality_monitor;
mod shared;

/// The service's name in the spec.
pub const SERVICE: &str = "openscale";

/// How the description of what a step creates begins.
const DESCRIBED: &str = "created by stepwise, ";

/// What the API calls a failure, and the states from which nothing comes back.
const FAILED: &[&str] =
    &["failure", "failed", "error", "cancelled", "canceled", "deleting", "pending_delete", "disabled"];

/// OpenScale's service instance
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("pattern" = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12,16}$"))]
pub struct InstanceId(pub String);

impl Default for InstanceId {
    /// The default instance of Cloud Pak for Data.
    fn default() -> Self {
        Self("00000000-0000-0000-0000-000000000000".to_owned())
    }
}

impl InstanceId {
    /// A path of the instance: `path` is what follows `/v2/`.
    pub fn path(&self, path: &str) -> String {
        format!("/openscale/{}/v2/{path}", segment(&self.0))
    }
}

/// What a data mart or service provider that a step creates is described as: where its tag is.
pub fn description(tag: &str) -> String {
    format!("{DESCRIBED}{tag}")
}

/// The tag in such a description.
pub fn tag_in(description: &str) -> Option<&str> {
    description.strip_prefix(DESCRIBED)
}

/// A list of the instance as the service answered it, or that there is no such instance.
pub fn listed(answer: Response, instance: &InstanceId) -> Result<Response, Failure> {
    if answer.status() == 404 && *instance == InstanceId::default() {
        let hint = "if OpenScale's instance is not the default one of a cluster, name it as `instance_id`";
        return Err(answer.failure().hint(hint));
    }
    Ok(answer)
}

/// Which of the operational spaces a service provider is bound to
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OperationalSpace {
    /// In use: the service logs payload by itself
    Production,
    /// Being validated
    #[default]
    PreProduction,
    /// Being developed
    Development,
}

/// How an asynchronous resource comes up; states that nobody has named are waited out, as the official client does.
pub const fn states(done: &'static [&'static str]) -> States {
    States { done, failed: FAILED, waiting: None }
}

/// The id of a listed resource.
pub fn id_of(resource: &Value) -> Result<String, Failure> {
    match resource["metadata"]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(Failure::internal("OpenScale answered a resource without an id")),
    }
}

/// Whether a listed resource is there to stay; what is being removed is listed for a while.
pub fn stays(resource: &Value) -> bool {
    let state = resource["entity"]["status"]["state"].as_str();
    !state.is_some_and(|state| ["deleting", "pending_delete"].contains(&state))
}

/// Waits until a resource's `entity.status.state` is one of `done`, and answers the resource.
pub fn wait_for(
    host: &dyn Host,
    what: &str,
    deadline: &Deadline,
    path: &str,
    done: &'static [&'static str],
) -> Result<Value, Failure> {
    until(host, what, deadline, || {
        let answer = Request::get(SERVICE, path).send(host)?.expect(&[200])?;
        let resource = answer.value()?;
        let status = Status::of(&resource["entity"]["status"])
            .ok_or_else(|| Failure::internal(format!("{} answered no `entity.status.state`", answer.title())))?;
        Ok(match states(done).judge(what, &status)? {
            Poll::Ready(()) => Poll::Ready(resource),
            Poll::Waiting(state) => Poll::Waiting(state),
        })
    })
}
