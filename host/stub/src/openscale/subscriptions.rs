//! Subscriptions: made, discovered, settled, patched, deleted.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::{Call, patched};
use crate::life::Life;
use crate::moment;
use crate::site::Site;
use crate::world::World;

use super::data_sets::Row;
use super::schemas::{Field, Schema};
use super::subscription_body::Body;
use super::{allow, data_sets, metadata};

/// A subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) life: Life,
    pub(super) body: Body,
    created_at: String,
    modified_at: String,
}

impl Subscription {
    pub(crate) fn name(&self) -> &str {
        &self.body.deployment.name
    }

    pub(super) fn provider_id(&self) -> &str {
        &self.body.service_provider_id
    }

    pub(super) fn features(&self) -> &[String] {
        self.body.asset_properties.feature_fields.as_deref().unwrap_or_default()
    }

    /// Takes the output schema from a row of payload, if there is none.
    pub(crate) fn learn_outputs(&mut self, payload: &Row) {
        self.body.asset_properties.learn_outputs(payload);
    }

    /// The field of that name in the schemas, the training data's before the input's.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let properties = &self.body.asset_properties;
        let schemas = [&properties.training_data_schema, &properties.input_data_schema];
        schemas.into_iter().flatten().find_map(|schema| schema.field(name))
    }

    fn present(&self, id: &str) -> Value {
        let mut entity = json!(self.body);
        entity["status"] = self.life.status();
        json!({"metadata": metadata("subscriptions", id, &self.created_at, &self.modified_at), "entity": entity})
    }
}

/// `GET /v2/subscriptions`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    let filters = [
        "data_mart_id",
        "service_provider_id",
        "asset.asset_id",
        "asset.asset_type",
        "deployment.deployment_id",
        "deployment.deployment_type",
        "risk_evaluation_status.state",
        "service_provider.operational_space_id",
    ];
    allow(call, &filters)?;
    let world = site.world();
    let wanted = |one: &Subscription| {
        let value = json!(one.body);
        let provider = world.providers.get(one.provider_id());
        filters.iter().all(|filter| match filter.split_once('.') {
            Some(("service_provider", _)) => {
                call.lets(filter, provider.map_or("", |provider| provider.operational_space()))
            }
            Some((object, member)) => call.lets(filter, value[object][member].as_str().unwrap_or_default()),
            None => call.lets(filter, value[filter].as_str().unwrap_or_default()),
        })
    };
    let found = world.subscriptions.iter().filter(|(_, one)| wanted(one));
    let subscriptions: Vec<Value> = found.map(|(id, one)| one.present(id)).collect();
    Ok(Answer::ok(&json!({"subscriptions": subscriptions})))
}

/// `GET /v2/subscriptions/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    Ok(Answer::ok(&find(&world, call.id())?.present(call.id())))
}

pub(super) fn find<'world>(world: &'world World, id: &str) -> Result<&'world Subscription, Refusal> {
    world.subscriptions.get(id).ok_or_else(|| Refusal::unknown("subscription", id))
}

/// `POST /v2/subscriptions`. A second one of the same deployment is refused, which is the stub's guess.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let mut body: Body = call.json()?;
    let mut world = site.world();
    let active = |life: &Life, what: &str| {
        if life.is_active() { Ok(()) } else { Err(Refusal::conflict(format!("the {what} is {}", life.state()))) }
    };
    let data_mart = world.data_marts.get(&body.data_mart_id);
    active(&data_mart.ok_or_else(|| Refusal::unknown("data mart", &body.data_mart_id))?.life, "data mart")?;
    let provider = world.providers.get(&body.service_provider_id);
    let provider = provider.ok_or_else(|| Refusal::unknown("service provider", &body.service_provider_id))?;
    active(&provider.life, "service provider")?;
    let same = |one: &Subscription| one.body.deployment.deployment_id == body.deployment.deployment_id;
    if let Some((id, _)) = world.subscriptions.iter().find(|(_, one)| same(one)) {
        return Err(Refusal::conflict(format!("subscription `{id}` is of the same deployment")));
    }
    let failure = if provider.is_wml() { discover(&world, provider.deployment_space(), &mut body).err() } else { None };
    body.asset_properties.discover();
    body.asset_properties.keep_secrets();
    let life = Life::starting(site.settle()).with_failure(failure.map(|reason| ("AIQST1001E", reason)));
    let (id, now) = (Uuid::new_v4().to_string(), moment::now());
    let subscription = Subscription { life, body, created_at: now.clone(), modified_at: now };
    let answer = Answer::accepted(&subscription.present(&id));
    data_sets::create_default(&mut world, &id, &subscription, site.settle());
    world.subscriptions.insert(id, subscription);
    Ok(answer)
}

/// Fills in what the provider knows of the deployment, or says why it cannot be monitored.
fn discover(world: &World, space: &str, body: &mut Body) -> Result<(), String> {
    let id = &body.deployment.deployment_id;
    let deployment = world.deployments.get(id).filter(|one| one.request.space_id == space);
    let deployment = deployment.ok_or_else(|| format!("deployment `{id}` is not in the service provider's space"))?;
    if deployment.asset_id() != body.asset.asset_id {
        return Err(format!("deployment `{id}` is not of asset `{}`", body.asset.asset_id));
    }
    if deployment.ready().is_none() {
        return Err(format!("deployment `{id}` is not ready"));
    }
    let model = world.models.get(deployment.asset_id()).ok_or_else(|| "the asset is gone".to_owned())?;
    let properties = &mut body.asset_properties;
    if properties.input_data_schema.is_none()
        && let Some(schema) = model.request.schemas.as_ref().and_then(|schemas| schemas.input.first())
    {
        let fields = schema.fields.iter().map(|field| Field::new(&field.name, field.kind.clone()));
        properties.input_data_schema = Some(Schema::of(fields.collect()));
    }
    if properties.label_column.is_none() {
        properties.label_column.clone_from(&model.request.label_column);
    }
    Ok(())
}

/// `PATCH /v2/subscriptions/{id}`.
pub(crate) fn update(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let patch = call.patch("application/json")?;
    let mut world = site.world();
    let mut body: Body = patched(json!(find(&world, call.id())?.body), &patch)?;
    body.asset_properties.discover();
    body.asset_properties.keep_secrets();
    let found = world.subscriptions.get_mut(call.id()).ok_or_else(|| Refusal::unknown("subscription", call.id()))?;
    found.body = body;
    found.modified_at = moment::now();
    Ok(Answer::ok(&found.present(call.id())))
}

/// `DELETE /v2/subscriptions/{id}`: `pending_delete` for a while, gone at once by `force`; its data sets go with it, its
/// monitor instances stay. Whether they do in the service is not known; here a client that forgets them is found out.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    let force = call.flag("force")?;
    let mut world = site.world();
    let found = world.subscriptions.get_mut(call.id()).ok_or_else(|| Refusal::unknown("subscription", call.id()))?;
    if force {
        found.life.end("deleting", std::time::Duration::ZERO);
    } else {
        found.life.end("pending_delete", site.settle());
    }
    Ok(Answer::accepted(&found.present(call.id())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    input_data: Vec<SampleTable>,
    #[serde(rename = "training_data_reference")]
    _training_data_reference: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleTable {
    fields: Vec<String>,
    values: Vec<Vec<Value>>,
}

/// `POST /v2/subscriptions/{id}/schemas`: the input schema that a sample has.
pub(crate) fn infer_schemas(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let sample: Sample = call.json()?;
    let table = sample.input_data.first().ok_or_else(|| Refusal::schema("`input_data` is empty"))?;
    let row = table.values.first().filter(|row| row.len() == table.fields.len());
    let row = row.ok_or_else(|| Refusal::schema("`values` do not fit `fields`"))?;
    let kind = |value: &Value| match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        _ => "double",
    };
    let fields = table.fields.iter().zip(row).map(|(name, value)| Field::new(name, json!(kind(value))));
    let schema = Schema::of(fields.collect());
    let mut world = site.world();
    let found = world.subscriptions.get_mut(call.id()).ok_or_else(|| Refusal::unknown("subscription", call.id()))?;
    found.body.asset_properties.input_data_schema = Some(schema);
    found.body.asset_properties.discover();
    Ok(Answer::ok(&json!({"subscription": found.present(call.id())})))
}
