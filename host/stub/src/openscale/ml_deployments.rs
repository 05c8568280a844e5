//! Discovery: a provider's deployments as `OpenScale` sees them.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::Call;
use crate::site::Site;
use crate::wml::{Deployment, Model};
use crate::world::World;

/// `GET /v2/ml_deployments`; assets and their properties come with a single one only.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    call.allow(&["limit", "service_provider_id", "service_type", "space_id"])?;
    let limit = call.number("limit", 100, 1..=1000)?;
    let world = site.world();
    let space = space(&world, call)?;
    let deployments = world.deployments.iter().filter(|(_, one)| one.request.space_id == space).take(limit);
    let resources: Vec<Value> = deployments.map(|(id, one)| present(site, id, one, &json!({}), &json!({}))).collect();
    Ok(Answer::ok(&json!({"resources": resources})))
}

/// `GET /v2/ml_deployments/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["service_provider_id", "service_type", "space_id"])?;
    let world = site.world();
    let space = space(&world, call)?;
    let deployment = world.deployments.get(call.id()).filter(|one| one.request.space_id == space);
    let deployment = deployment.ok_or_else(|| Refusal::unknown("deployment", call.id()))?;
    let asset_id = deployment.asset_id();
    let model = world.models.get(asset_id).ok_or_else(|| Refusal::unknown("model", asset_id))?;
    Ok(Answer::ok(&present(site, call.id(), deployment, &asset(site, asset_id, model), &properties(model))))
}

/// The space of the query, which must be the provider's.
fn space<'call>(world: &World, call: &'call Call) -> Result<&'call str, Refusal> {
    let (provider_id, space) = (call.required("service_provider_id")?, call.required("space_id")?);
    let provider = world.providers.get(provider_id).ok_or_else(|| Refusal::unknown("service provider", provider_id))?;
    if provider.deployment_space() != space {
        return Err(Refusal::argument(format!(
            "query parameter `space_id` is `{space}`, not the service provider's space"
        )));
    }
    if !call.lets("service_type", provider.service_type()) {
        return Err(Refusal::argument("query parameter `service_type` is not the service provider's"));
    }
    Ok(space)
}

/// WML as `OpenScale` sees it: a cluster's own address, of no use outside.
fn wml(site: &Site) -> &str {
    if site.options.dialect.is_cloud() { &site.url } else { "https://internal-nginx-svc:12443" }
}

fn present(site: &Site, id: &str, deployment: &Deployment, asset: &Value, asset_properties: &Value) -> Value {
    json!({
        "metadata": {"guid": id, "created_at": deployment.created_at, "modified_at": deployment.modified_at},
        "entity": {
            "name": deployment.request.name,
            "type": if deployment.is_online() { "online" } else { "batch" },
            "scoring_endpoint": {"url": format!("{}/ml/v4/deployments/{id}/predictions", wml(site))},
            "asset": asset, "asset_properties": asset_properties,
        },
    })
}

fn asset(site: &Site, id: &str, model: &Model) -> Value {
    let space = &model.request.space_id;
    json!({
        "asset_id": id, "name": model.request.name, "asset_type": "model", "created_at": model.created_at,
        "url": format!("{}/ml/v4/models/{id}?space_id={space}", wml(site)),
    })
}

fn properties(model: &Model) -> Value {
    let request = &model.request;
    let input = request.schemas.as_ref().and_then(|schemas| schemas.input.first());
    let training = request.training_data_references.iter().flatten().find_map(|one| one.schema.as_ref());
    without_nulls(json!({
        "model_type": request.model_type, "runtime_environment": "onnx", "label_column": request.label_column,
        "input_data_schema": input, "training_data_schema": training,
    }))
}
