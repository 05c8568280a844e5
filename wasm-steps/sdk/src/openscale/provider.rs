//! The service provider of the space: there is one per space, found or made for all.

use crate::ledger::Lookup;
use crate::openscale::{InstanceId, OperationalSpace, SERVICE, description, id_of, shared, wait_for};
use crate::pages::list;
use crate::{Deadline, Failure, FailureCategory, Host, Level, Request, Resource, create, segment};
use serde::Deserialize;
use serde_json::{Value, json};

/// A service provider.
pub struct Provider {
    /// Its id.
    pub id: String,
    /// What it is bound to.
    pub operational_space: OperationalSpace,
}

/// The service provider that is bound to a space, once it is active. One that has to be created is bound to
/// `operational_space`; one that is there may be bound to another, which is said in the log.
pub fn find_or_create(
    host: &dyn Host,
    instance: &InstanceId,
    space_id: &str,
    operational_space: OperationalSpace,
    deadline: &Deadline,
) -> Result<Provider, Failure> {
    let path = instance.path("service_providers");
    let (id, active) = shared::take_up(host, deadline, &|| of_space(host, instance, space_id), &|known| {
        let id = match known {
            Some(one) => id_of(one)?,
            None => {
                create(host, &resource(instance, space_id), |tag| {
                    Request::post(SERVICE, &path).json(&json!({
                        "name": format!("stepwise {tag}"),
                        "description": description(tag),
                        "service_type": "watson_machine_learning",
                        "credentials": {},
                        "operational_space_id": operational_space,
                        "deployment_space_id": space_id,
                    }))
                })
                .map_err(without_credentials)?
                .id
            }
        };
        let one = format!("{path}/{}", segment(&id));
        let active = wait_for(host, "the service provider", deadline, &one, &["active"])?;
        Ok((id, active))
    })?;
    let bound = OperationalSpace::deserialize(&active["entity"]["operational_space_id"]);
    let bound = bound.unwrap_or(operational_space);
    if bound != operational_space {
        let (bound, wanted) = (json!(bound), json!(operational_space));
        host.log(Level::Warn, &format!("service provider `{id}` is bound to {bound}, not {wanted}"));
    }
    Ok(Provider { id, operational_space: bound })
}

/// What a service that refuses the credentials that no step has means.
fn without_credentials(failure: Failure) -> Failure {
    if failure.category != FailureCategory::Refused || failure.hint.is_some() {
        return failure;
    }
    failure
        .hint("on IBM Cloud a service provider holds an API key, which no step has: make one for the space beforehand")
}

/// Whether the space's service provider is there to stay.
pub fn is_there(host: &dyn Host, instance: &InstanceId, space_id: &str, id: &str) -> Result<bool, Failure> {
    Ok(shared::is_among(&of_space(host, instance, space_id)?, id))
}

fn of_space(host: &dyn Host, instance: &InstanceId, space_id: &str) -> Result<Vec<Value>, Failure> {
    let request = Request::get(SERVICE, instance.path("service_providers"))
        .query("service_type", "watson_machine_learning")
        .query("deployment_space_id", space_id);
    let mut known = list(host, &request, "/service_providers")?;
    known.retain(|one| one["entity"]["deployment_space_id"] == space_id);
    Ok(known)
}

fn resource(instance: &InstanceId, space_id: &str) -> Resource {
    let path = instance.path("service_providers");
    let find = Lookup::list(&path, "/service_providers").matching("/entity/description", &description("{tag}"));
    let users = Lookup::list(instance.path("subscriptions"), "/subscriptions")
        .query("service_provider_id", "{id}")
        .matching("/entity/service_provider_id", "{id}");
    Resource::new(SERVICE, "service provider", format!("space {space_id}"), find)
        .removed_by(format!("{path}/{{id}}"))
        .shared_with(users)
}
