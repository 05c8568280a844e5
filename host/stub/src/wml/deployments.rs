//! Deployments: made, awaited, listed, deleted.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, error_body, without_nulls};
use crate::call::Call;
use crate::dialect::Dialect;
use crate::moment;
use crate::site::Site;
use crate::world::World;

use super::models::Model;
use super::page;
use super::serving::Servable;
use super::spaces;
use super::specifications::{self, Reference};

/// The model of a deployment once it is loaded, or why it cannot be.
type Loading = Arc<OnceLock<Result<Arc<Servable>, String>>>;

/// A deployment.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) request: Request,
    hardware: Value,
    pub(crate) created_at: String,
    pub(crate) modified_at: String,
    settled_at: Instant,
    loading: Loading,
}

/// The body of a deployment request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) name: String,
    asset: Asset,
    pub(crate) space_id: String,
    online: Option<Online>,
    batch: Option<Empty>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    custom: Option<Map<String, Value>>,
    hardware_spec: Option<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asset {
    id: String,
    rev: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Online {
    parameters: Option<Parameters>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    serving_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// How far a deployment is.
pub(crate) enum State {
    Initializing,
    Ready(Arc<Servable>),
    Failed(String),
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ready(_) => "ready",
            Self::Failed(_) => "failed",
        }
    }
}

impl Deployment {
    pub(crate) fn asset_id(&self) -> &str {
        &self.request.asset.id
    }

    pub(crate) fn is_online(&self) -> bool {
        self.request.online.is_some()
    }

    pub(crate) fn state(&self) -> State {
        match self.loading.get() {
            _ if Instant::now() < self.settled_at => State::Initializing,
            None => State::Initializing,
            Some(Ok(servable)) => State::Ready(Arc::clone(servable)),
            Some(Err(reason)) => State::Failed(reason.clone()),
        }
    }

    /// The loaded model, if the deployment is ready.
    pub(crate) fn ready(&self) -> Option<Arc<Servable>> {
        match self.state() {
            State::Ready(servable) => Some(servable),
            State::Initializing | State::Failed(_) => None,
        }
    }

    pub(crate) fn serving_name(&self) -> Option<&str> {
        self.request.online.as_ref()?.parameters.as_ref()?.serving_name.as_deref()
    }

    fn present(&self, site: &Site, id: &str) -> Value {
        let request = &self.request;
        let kind = if self.is_online() { "online" } else { "batch" };
        let mut body = json!({
            "metadata": without_nulls(json!({
                "id": id, "name": request.name, "description": request.description, "tags": request.tags,
                "created_at": self.created_at, "modified_at": self.modified_at, "owner": "1000330999",
                "space_id": request.space_id,
            })),
            "entity": without_nulls(json!({
                "name": request.name, "space_id": request.space_id,
                "asset": without_nulls(json!({"id": request.asset.id, "rev": request.asset.rev})),
                "deployed_asset_type": "model", "custom": request.custom, "hardware_spec": self.hardware,
                kind: self.serving_name().map_or_else(|| json!({}), |name| json!({"parameters": {"serving_name": name}})),
                "status": self.status(site, id),
            })),
        });
        // An empty list of warnings would crash one of the official clients.
        if self.is_online() && site.options.dialect != Dialect::Cp4d35 {
            let message = "online_url is deprecated and will be removed in a future release. Use serving_urls instead.";
            body["system"] = json!({"warnings": [{"id": "Deprecated", "message": message}]});
        }
        body
    }

    /// The scoring address is told once it works, in as many ways as the product has.
    fn status(&self, site: &Site, id: &str) -> Value {
        let state = self.state();
        let mut status = json!({"state": state.name()});
        match state {
            State::Ready(_) if self.is_online() => {
                let url = |name: &str| format!("{}/ml/v4/deployments/{name}/predictions", site.url);
                let urls: Vec<String> = [id].into_iter().chain(self.serving_name()).map(url).collect();
                status["online_url"] = json!({"url": url(id)});
                if site.options.dialect != Dialect::Cp4d35 {
                    status["serving_urls"] = json!(urls);
                }
                if site.options.dialect.is_cloud() {
                    status["inference"] = urls.iter().map(|url| json!({"url": url})).collect();
                }
            }
            State::Failed(reason) => status["failure"] = error_body("deployment_failed", &reason),
            _ => {}
        }
        status
    }
}

fn load(site: &Site, model: &Model) -> Loading {
    let loading = Loading::default();
    let (filled, content, fields) = (Arc::clone(&loading), model.content.clone(), model.input_fields());
    let (model_type, twin) = (model.request.model_type.clone(), site.twin.clone());
    tokio::task::spawn_blocking(move || {
        let opened = Servable::open(content.as_deref(), &model_type, fields, twin);
        filled.get_or_init(|| opened.map(Arc::new));
    });
    loading
}

/// `POST /ml/v4/deployments`.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let request: Request = call.json()?;
    if request.online.is_some() == request.batch.is_some() {
        return Err(Refusal::schema("exactly one of `online` and `batch` is needed"));
    }
    let hardware = match &request.hardware_spec {
        Some(reference) => reference.hardware()?,
        None => specifications::default_hardware(),
    };
    let mut world = site.world();
    spaces::of_body(&world, call, &request.space_id)?;
    let model = world.models.get(&request.asset.id).filter(|model| model.request.space_id == request.space_id);
    let model = model.ok_or_else(|| Refusal::unknown("model", &request.asset.id))?;
    let (id, now) = (Uuid::new_v4().to_string(), moment::now());
    let deployment = Deployment {
        loading: load(site, model),
        settled_at: Instant::now() + site.settle(),
        hardware,
        created_at: now.clone(),
        modified_at: now,
        request,
    };
    if deployment.serving_name().is_some_and(|name| is_taken(&world, name)) {
        return Err(Refusal::conflict("the serving name is taken"));
    }
    let mut body = deployment.present(site, &id);
    if let Some(entity) = body["entity"].as_object_mut() {
        // It comes with the first GET only.
        entity.remove("hardware_spec");
    }
    if let Some(body) = body.as_object_mut() {
        // Warnings were seen in answers to GETs only.
        body.remove("system");
    }
    world.deployments.insert(id, deployment);
    Ok(Answer::accepted(&body))
}

fn is_taken(world: &World, serving_name: &str) -> bool {
    world.deployments.iter().any(|(_, deployment)| deployment.serving_name() == Some(serving_name))
}

/// `GET /ml/v4/deployments`: filtered, never paged, though the official clients send a `limit`; or the question whether
/// a serving name is taken.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    let filters = ["version", "space_id", "asset_id", "name", "tag.value", "type", "state", "serving_name", "conflict"];
    call.allow(&[filters.as_slice(), &["limit"]].concat())?;
    page::limit(call)?;
    let world = site.world();
    if let (Some(name), true) = (call.query("serving_name"), call.flag("conflict")?) {
        if is_taken(&world, name) {
            return Err(Refusal::conflict(format!("serving name `{name}` is taken")));
        }
        return Ok(Answer::ok(&json!({"resources": []})));
    }
    let space = spaces::of_query(&world, call)?;
    let wanted = |deployment: &Deployment| {
        let request = &deployment.request;
        let tags = request.tags.as_deref().unwrap_or_default();
        request.space_id == space
            && call.lets("asset_id", &request.asset.id)
            && call.lets("name", &request.name)
            && call.lets("type", if deployment.is_online() { "online" } else { "batch" })
            && call.lets("state", deployment.state().name())
            && call.lets("serving_name", deployment.serving_name().unwrap_or_default())
            && call.query("tag.value").is_none_or(|tag| tags.iter().any(|own| own == tag))
    };
    let deployments = world.deployments.iter().filter(|(_, deployment)| wanted(deployment));
    let resources: Vec<Value> = deployments.map(|(id, deployment)| deployment.present(site, id)).collect();
    Ok(Answer::ok(&json!({"resources": resources})))
}

/// `GET /ml/v4/deployments/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let world = site.world();
    Ok(Answer::ok(&find(&world, call)?.present(site, call.id())))
}

fn find<'world>(world: &'world World, call: &Call) -> Result<&'world Deployment, Refusal> {
    let space = spaces::of_query(world, call)?;
    let found = world.deployments.get(call.id()).filter(|deployment| deployment.request.space_id == space);
    found.ok_or_else(|| Refusal::unknown("deployment", call.id()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    name: String,
    asset: Asset,
    description: Option<String>,
    tags: Option<Vec<String>>,
    custom: Option<Map<String, Value>>,
}

/// `PATCH /ml/v4/deployments/{id}`: 202 when the asset changes, for then it is deployed anew.
pub(crate) fn update(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let patch = call.patch("application/json")?;
    let mut world = site.world();
    let request = &find(&world, call)?.request;
    let mut described = without_nulls(json!({
        "name": request.name, "description": request.description, "tags": request.tags, "custom": request.custom,
        "asset": without_nulls(json!({"id": request.asset.id, "rev": request.asset.rev})),
    }));
    let before = described["asset"].clone();
    json_patch::patch(&mut described, &patch).map_err(|error| Refusal::entity(error.to_string()))?;
    let redeployed = described["asset"] != before;
    let described: Described = serde_json::from_value(described).map_err(|error| Refusal::schema(error.to_string()))?;
    let model = world.models.get(&described.asset.id).ok_or_else(|| Refusal::unknown("model", &described.asset.id))?;
    let loading = redeployed.then(|| load(site, model));
    let deployment = world.deployments.get_mut(call.id()).ok_or_else(|| Refusal::unknown("deployment", call.id()))?;
    deployment.request.name = described.name;
    deployment.request.asset = described.asset;
    deployment.request.description = described.description;
    deployment.request.tags = described.tags;
    deployment.request.custom = described.custom;
    deployment.modified_at = moment::now();
    match loading {
        None => Ok(Answer::ok(&deployment.present(site, call.id()))),
        Some(loading) => {
            deployment.loading = loading;
            deployment.settled_at = Instant::now() + site.settle();
            Ok(Answer::accepted(&deployment.present(site, call.id())))
        }
    }
}

/// `DELETE /ml/v4/deployments/{id}`.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    let mut world = site.world();
    find(&world, call)?;
    world.deployments.remove(call.id());
    Ok(Answer::no_content())
}
