//! Service providers: each binds a deployment space.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::{Call, patched};
use crate::life::Life;
use crate::moment;
use crate::site::Site;

use super::{allow, metadata};

/// The type of providers that stand for Watson Machine Learning.
pub(super) const WML: &str = "watson_machine_learning";
const SERVICE_TYPES: [&str; 6] = [
    WML,
    "amazon_sagemaker",
    "azure_machine_learning",
    "azure_machine_learning_studio",
    "custom_machine_learning",
    "spss_collaboration_and_deployment_services",
];
const OPERATIONAL_SPACES: [&str; 3] = ["production", "pre_production", "development"];

/// A service provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) life: Life,
    request: Request,
    secret_id: String,
    created_at: String,
    modified_at: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
struct Request {
    name: String,
    service_type: String,
    credentials: Map<String, Value>,
    description: Option<String>,
    operational_space_id: Option<String>,
    deployment_space_id: Option<String>,
    request_headers: Option<Map<String, Value>>,
    group_ids: Option<Vec<String>>,
    user_ids: Option<Vec<String>>,
}

impl Request {
    /// On IBM Cloud `OpenScale` has to log in to WML; on Cloud Pak for Data it is let in.
    fn check_cloud_credentials(&self) -> Result<(), Refusal> {
        let has = |name: &str| self.credentials.get(name).is_some_and(Value::is_string);
        if has("url") && has("apikey") != has("token") {
            return Ok(());
        }
        Err(Refusal::entity("`credentials` of WML are its `url` and one of `apikey` and `token`"))
    }

    fn check(&self) -> Result<(), Refusal> {
        if !SERVICE_TYPES.contains(&self.service_type.as_str()) {
            return Err(Refusal::schema(format!(
                "`service_type` is `{}`, not one of {}",
                self.service_type,
                SERVICE_TYPES.join(", ")
            )));
        }
        match &self.operational_space_id {
            Some(space) if !OPERATIONAL_SPACES.contains(&space.as_str()) => Err(Refusal::schema(format!(
                "`operational_space_id` is `{space}`, not one of {}",
                OPERATIONAL_SPACES.join(", ")
            ))),
            _ => Ok(()),
        }
    }
}

impl Provider {
    /// One that is there from the start.
    pub(crate) fn of_space(name: &str, id: &str) -> Self {
        let request = Request {
            name: format!("provider of {name}"),
            service_type: WML.into(),
            credentials: Map::new(),
            description: None,
            operational_space_id: Some("pre_production".into()),
            deployment_space_id: Some(id.into()),
            request_headers: None,
            group_ids: None,
            user_ids: None,
        };
        Self::new(request, Duration::ZERO)
    }

    fn new(request: Request, settle: Duration) -> Self {
        let (secret_id, now) = (Uuid::new_v4().to_string(), moment::now());
        Self { life: Life::starting(settle), request, secret_id, created_at: now.clone(), modified_at: now }
    }

    pub(crate) fn name(&self) -> &str {
        &self.request.name
    }

    pub(super) fn is_wml(&self) -> bool {
        self.request.service_type == WML
    }

    pub(super) fn is_production(&self) -> bool {
        self.operational_space() == "production"
    }

    pub(super) fn operational_space(&self) -> &str {
        self.request.operational_space_id.as_deref().unwrap_or_default()
    }

    pub(super) fn deployment_space(&self) -> &str {
        self.request.deployment_space_id.as_deref().unwrap_or_default()
    }

    pub(super) fn service_type(&self) -> &str {
        &self.request.service_type
    }

    fn present(&self, id: &str) -> Value {
        let request = &self.request;
        json!({
            "metadata": metadata("service_providers", id, &self.created_at, &self.modified_at),
            "entity": without_nulls(json!({
                "name": request.name, "service_type": request.service_type, "description": request.description,
                "credentials": {"secret_id": self.secret_id},
                "instance_id": self.is_wml().then_some("99999999-9999-9999-9999-999999999999"),
                "operational_space_id": request.operational_space_id, "deployment_space_id": request.deployment_space_id,
                "request_headers": request.request_headers, "group_ids": request.group_ids, "user_ids": request.user_ids,
                "status": self.life.status(),
            })),
        })
    }
}

/// `GET /v2/service_providers`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &["service_type", "operational_space_id", "deployment_space_id", "show_deleted"])?;
    let world = site.world();
    let wanted = |one: &Provider| {
        call.lets("service_type", one.service_type())
            && call.lets("operational_space_id", one.operational_space())
            && call.lets("deployment_space_id", one.deployment_space())
    };
    let providers = world.providers.iter().filter(|(_, one)| wanted(one));
    let providers: Vec<Value> = providers.map(|(id, one)| one.present(id)).collect();
    Ok(Answer::ok(&json!({"service_providers": providers})))
}

/// `GET /v2/service_providers/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    let found = world.providers.get(call.id()).ok_or_else(|| Refusal::unknown("service provider", call.id()))?;
    Ok(Answer::ok(&found.present(call.id())))
}

/// `POST /v2/service_providers`. A second one of the same name or space is refused: the official client does that by
/// itself, the service's answer is not known.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let request: Request = call.json()?;
    request.check()?;
    let mut world = site.world();
    if !world.data_marts.iter().any(|(_, one)| one.life.is_active()) {
        return Err(Refusal::conflict("there is no active data mart"));
    }
    if request.service_type == WML {
        let space = request.deployment_space_id.as_deref();
        let space = space.ok_or_else(|| Refusal::schema("missing field `deployment_space_id`"))?;
        if site.options.dialect.is_cloud() {
            request.check_cloud_credentials()?;
        }
        if world.spaces.get(space).is_none() {
            return Err(Refusal::entity(format!("space `{space}` does not exist")));
        }
    }
    let same = |one: &Provider| {
        one.request.name == request.name
            || (request.deployment_space_id.is_some() && one.request.deployment_space_id == request.deployment_space_id)
    };
    if let Some((id, _)) = world.providers.iter().find(|(_, one)| same(one)) {
        return Err(Refusal::conflict(format!("service provider `{id}` has the same name or space")));
    }
    let (id, provider) = (Uuid::new_v4().to_string(), Provider::new(request, site.settle()));
    let body = provider.present(&id);
    world.providers.insert(id, provider);
    Ok(Answer::accepted(&body))
}

/// `PATCH /v2/service_providers/{id}`.
pub(crate) fn update(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let patch = call.patch("application/json")?;
    let mut world = site.world();
    let found = world.providers.get_mut(call.id()).ok_or_else(|| Refusal::unknown("service provider", call.id()))?;
    let request: Request = patched(without_nulls(json!(found.request)), &patch)?;
    request.check()?;
    found.request = request;
    found.modified_at = moment::now();
    Ok(Answer::ok(&found.present(call.id())))
}

/// `DELETE /v2/service_providers/{id}`: with subscriptions only by `force`, which is the stub's guess.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    let force = call.flag("force")?;
    let mut world = site.world();
    let used = world.subscriptions.iter().find(|(_, one)| one.provider_id() == call.id()).map(|(id, _)| id.to_owned());
    let found = world.providers.get_mut(call.id()).ok_or_else(|| Refusal::unknown("service provider", call.id()))?;
    if let (Some(subscription), false) = (used, force) {
        return Err(Refusal::conflict(format!("subscription `{subscription}` uses the service provider")));
    }
    found.life.end("deleting", site.settle());
    let body = found.present(call.id());
    Ok(Answer::accepted(&body))
}
