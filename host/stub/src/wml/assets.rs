//! Models as the assets API sees them: the official clients delete them there.

use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::call::Call;
use crate::site::Site;

use super::models;

/// `GET /v2/assets/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let world = site.world();
    let model = models::find(&world, call)?;
    Ok(Answer::ok(&json!({
        "metadata": {"asset_id": call.id(), "asset_type": "wml_model", "name": model.request.name,
            "space_id": model.request.space_id, "created_at": model.created_at, "usage": {}},
        "entity": {"wml_model": {"type": model.request.model_type}},
        "href": format!("/v2/assets/{}?space_id={}", call.id(), model.request.space_id),
    })))
}

/// `DELETE /v2/assets/{id}`.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "purge_on_delete"])?;
    call.flag("purge_on_delete")?;
    let mut world = site.world();
    models::find(&world, call)?;
    models::remove(&mut world, call.id())
}
