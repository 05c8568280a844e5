//! The data mart: the first one there is, else the internal one, made for all.

use crate::ledger::Lookup;
use crate::openscale::{InstanceId, SERVICE, description, id_of, listed, shared, wait_for};
use crate::pages::collect;
use crate::{Deadline, Failure, Host, Request, Resource, create, segment};
use serde_json::{Value, json};

/// The data mart's id, once it is active.
pub fn find_or_create(host: &dyn Host, instance: &InstanceId, deadline: &Deadline) -> Result<String, Failure> {
    let path = instance.path("data_marts");
    shared::take_up(host, deadline, &|| known(host, instance), &|first: Option<&Value>| {
        let id = match first {
            Some(first) => id_of(first)?,
            None => create_internal(host, instance)?,
        };
        wait_for(host, "the data mart", deadline, &format!("{path}/{}", segment(&id)), &["active"])?;
        Ok(id)
    })
}

/// Whether the data mart is there to stay.
pub fn is_there(host: &dyn Host, instance: &InstanceId, id: &str) -> Result<bool, Failure> {
    Ok(shared::is_among(&known(host, instance)?, id))
}

fn known(host: &dyn Host, instance: &InstanceId) -> Result<Vec<Value>, Failure> {
    let request = Request::get(SERVICE, instance.path("data_marts"));
    collect("/data_marts", |next| {
        listed(next.map_or_else(|| request.clone(), |next| request.clone().following(next)).send(host)?, instance)
    })
}

fn create_internal(host: &dyn Host, instance: &InstanceId) -> Result<String, Failure> {
    let path = instance.path("data_marts");
    let find = Lookup::list(&path, "/data_marts").matching("/entity/description", &description("{tag}"));
    // There is one data mart for all. When this run's own provider is gone, any that is left is somebody else's.
    let users = Lookup::list(instance.path("service_providers"), "/service_providers")
        .matching("/entity/status/state", "active");
    let resource =
        Resource::new(SERVICE, "data mart", "stepwise", find).removed_by(format!("{path}/{{id}}")).shared_with(users);
    let created = create(host, &resource, |tag| {
        let body = json!({"name": "stepwise", "description": description(tag), "internal_database": true});
        Request::post(SERVICE, &path).json(&body)
    })?;
    Ok(created.id)
}
