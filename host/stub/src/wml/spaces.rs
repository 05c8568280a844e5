//! Deployment spaces: there from the start, only read.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::Call;
use crate::site::Site;
use crate::world::World;

use super::page;

/// A deployment space.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) name: String,
    pub(crate) created_at: String,
}

/// `GET /v2/spaces`; the link to the next page is absolute, unlike those of `/ml/v4`. A `summary` is what one of the
/// official clients asks not to get.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "limit", "start", "name", "summary"])?;
    call.flag("summary")?;
    let world = site.world();
    let spaces = world.spaces.iter().filter(|(_, space)| call.lets("name", &space.name));
    let resources = spaces.map(|(id, space)| present(site, id, space)).collect();
    page::answer(call, resources, &[], &site.platform_url)
}

/// `GET /v2/spaces/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "include"])?;
    let world = site.world();
    let space = world.spaces.get(call.id()).ok_or_else(|| Refusal::unknown("space", call.id()))?;
    Ok(Answer::ok(&present(site, call.id(), space)))
}

fn present(site: &Site, id: &str, space: &Space) -> Value {
    let compute = site.options.dialect.is_cloud().then(|| json!([{"guid": site.wml_instance}]));
    json!({
        "metadata": {"id": id, "url": format!("/v2/spaces/{id}"), "creator_id": "1000330999", "created_at": space.created_at},
        "entity": without_nulls(json!({
            "name": space.name, "description": "", "scope": {"bss_account_id": "999"}, "status": {"state": "active"},
            "compute": compute,
        })),
    })
}

/// The space that the query names, which must exist.
pub(crate) fn of_query<'call>(world: &World, call: &'call Call) -> Result<&'call str, Refusal> {
    let id = call.required("space_id")?;
    known(world, id)?;
    Ok(id)
}

/// Refuses a space that does not exist, and a body and a query that disagree about it.
pub(crate) fn of_body(world: &World, call: &Call, id: &str) -> Result<(), Refusal> {
    known(world, id)?;
    match call.query("space_id") {
        Some(other) if other != id => {
            Err(Refusal::argument(format!("`space_id` is `{other}` in the query and `{id}` in the body")))
        }
        _ => Ok(()),
    }
}

fn known(world: &World, id: &str) -> Result<(), Refusal> {
    world.spaces.get(id).map(|_| ()).ok_or_else(|| Refusal::unknown("space", id))
}
