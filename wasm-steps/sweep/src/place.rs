//! Where a pipeline's resources are: the requests that list, read and remove them.

use std::time::SystemTime;

use serde_json::Value;
use step_sdk::openscale::{self, InstanceId, stays};
use step_sdk::pages::collect;
use step_sdk::wml::{self, ApiVersion};
use step_sdk::{Failure, Host, Request, Response, segment};

use crate::kind::Kind;

/// The space and the instance of OpenScale, as far as the pipeline has their services.
pub(crate) struct Place<'a> {
    pub(crate) host: &'a dyn Host,
    services: Vec<String>,
    space_id: String,
    version: ApiVersion,
    instance: InstanceId,
}

/// A list, and when the service answered it.
pub(crate) struct Listed {
    pub(crate) resources: Vec<Value>,
    pub(crate) at: SystemTime,
}

impl<'a> Place<'a> {
    /// The place, given the space by id or name.
    pub(crate) fn find(
        host: &'a dyn Host,
        space: &str,
        services: Vec<String>,
        version: ApiVersion,
        instance: InstanceId,
    ) -> Result<Self, Failure> {
        let has_wml = services.iter().any(|service| service == wml::SERVICE);
        let space_id = if has_wml { wml::space_id(host, space)? } else { String::new() };
        Ok(Self { host, services, space_id, version, instance })
    }

    /// Whether the pipeline can have such a resource at all.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.services.iter().any(|service| service == kind.service())
    }

    /// All resources of a kind, and what is being removed of it too; `query` narrows them down.
    pub(crate) fn list(&self, kind: Kind, query: &[(&str, &str)]) -> Result<Listed, Failure> {
        let mut request = self.scoped(kind, Request::get(kind.service(), self.path(kind)));
        let (items, own): (_, &[_]) = match kind {
            Kind::Model => ("/resources", &[("limit", "200")]),
            Kind::Deployment => ("/resources", &[]),
            Kind::Subscription => ("/subscriptions", &[]),
            // No other monitor is a step's.
            Kind::MonitorInstance => {
                ("/monitor_instances", &[("monitor_definition_id", "quality"), ("target.target_type", "subscription")])
            }
            Kind::ServiceProvider => ("/service_providers", &[]),
            Kind::DataMart => ("/data_marts", &[]),
        };
        for (name, value) in own.iter().chain(query) {
            request = request.query(name, *value);
        }
        let mut at = None;
        let resources = collect(items, |next| {
            let answer =
                next.map_or_else(|| request.clone(), |next| request.clone().following(next)).send(self.host)?;
            at = at.or_else(|| answer.date());
            if kind.service() == openscale::SERVICE { openscale::listed(answer, &self.instance) } else { Ok(answer) }
        })?;
        Ok(Listed { resources, at: at.unwrap_or_else(|| self.host.now()) })
    }

    /// A resource; none if it is gone, or about to be.
    pub(crate) fn read(&self, kind: Kind, id: &str) -> Result<Option<Value>, Failure> {
        let path = format!("{}/{}", self.path(kind), segment(id));
        let answer = self.scoped(kind, Request::get(kind.service(), path)).send(self.host)?;
        if matches!(answer.status(), 404 | 410) {
            return Ok(None);
        }
        Ok(Some(answer.expect(&[200])?.value()?).filter(stays))
    }

    /// Removes a resource, whatever the answer.
    pub(crate) fn remove(&self, kind: Kind, id: &str) -> Result<Response, Failure> {
        let path = match kind {
            // As the official clients do, by way of the assets.
            Kind::Model => "/v2/assets".to_owned(),
            _ => self.path(kind),
        };
        let mut request = self.scoped(kind, Request::delete(kind.service(), format!("{path}/{}", segment(id))));
        match kind {
            Kind::Model => request = request.query("purge_on_delete", "true"),
            Kind::MonitorInstance | Kind::Subscription => request = request.query("force", "true"),
            Kind::Deployment | Kind::ServiceProvider | Kind::DataMart => {}
        }
        request.send(self.host)
    }

    /// The ids of what uses a resource.
    pub(crate) fn users(&self, kind: Kind, id: &str) -> Result<Vec<String>, Failure> {
        let (user, filter, property) = match kind {
            Kind::MonitorInstance | Kind::Subscription => return Ok(Vec::new()),
            Kind::Deployment => (Kind::Subscription, "deployment.deployment_id", "/entity/deployment/deployment_id"),
            Kind::Model => (Kind::Deployment, "asset_id", "/entity/asset/id"),
            Kind::ServiceProvider => (Kind::Subscription, "service_provider_id", "/entity/service_provider_id"),
            // There is one data mart for all.
            Kind::DataMart => (Kind::ServiceProvider, "", ""),
        };
        if !self.has(user) {
            return Ok(Vec::new());
        }
        let query = [(filter, id)];
        let listed = self.list(user, if filter.is_empty() { &[] } else { &query })?;
        let uses = |resource: &&Value| {
            stays(resource) && (filter.is_empty() || resource.pointer(property).is_some_and(|used| used == id))
        };
        listed.resources.iter().filter(uses).map(|resource| id_of(user, resource)).collect()
    }

    fn path(&self, kind: Kind) -> String {
        match kind {
            Kind::Deployment => "/ml/v4/deployments".to_owned(),
            Kind::Model => "/ml/v4/models".to_owned(),
            Kind::MonitorInstance => self.instance.path("monitor_instances"),
            Kind::Subscription => self.instance.path("subscriptions"),
            Kind::ServiceProvider => self.instance.path("service_providers"),
            Kind::DataMart => self.instance.path("data_marts"),
        }
    }

    fn scoped(&self, kind: Kind, request: Request) -> Request {
        if kind.service() == wml::SERVICE { self.version.in_space(&self.space_id, request) } else { request }
    }
}

/// The id of a listed resource.
pub(crate) fn id_of(kind: Kind, resource: &Value) -> Result<String, Failure> {
    let id = resource["metadata"]["id"].as_str();
    id.map(str::to_owned).ok_or_else(|| Failure::internal(format!("a {} is listed without an id", kind.name())))
}
