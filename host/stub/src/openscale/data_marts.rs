//! Data marts: at most one, whose id is the service instance's.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::Call;
use crate::life::Life;
use crate::moment;
use crate::site::Site;

use super::{allow, metadata};

/// A data mart.
#[derive(Debug)]
pub(crate) struct DataMart {
    pub(crate) life: Life,
    request: Request,
    created_at: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    name: Option<String>,
    description: Option<String>,
    internal_database: Option<bool>,
    database_configuration: Option<Value>,
    service_instance_crn: Option<String>,
}

impl DataMart {
    /// One that is there from the start.
    pub(crate) fn internal() -> Self {
        let (name, description, database_configuration, service_instance_crn) = (None, None, None, None);
        let internal_database = Some(true);
        let request = Request { name, description, internal_database, database_configuration, service_instance_crn };
        Self { life: Life::starting(Duration::ZERO), request, created_at: moment::now() }
    }

    pub(crate) fn name(&self) -> &str {
        self.request.name.as_deref().unwrap_or_default()
    }

    fn present(&self, id: &str) -> Value {
        let request = &self.request;
        let configuration = request.database_configuration.as_ref().map(|configuration| {
            let mut shown = configuration.clone();
            shown["credentials"] = json!({"secret_id": id});
            shown
        });
        json!({
            "metadata": metadata("data_marts", id, &self.created_at, &self.created_at),
            "entity": without_nulls(json!({
                "name": request.name, "description": request.description,
                "internal_database": request.internal_database.unwrap_or(false),
                "database_configuration": configuration, "service_instance_crn": request.service_instance_crn,
                "status": self.life.status(),
            })),
        })
    }
}

/// `GET /v2/data_marts`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    let data_marts: Vec<Value> = world.data_marts.iter().map(|(id, one)| one.present(id)).collect();
    Ok(Answer::ok(&json!({"data_marts": data_marts})))
}

/// `GET /v2/data_marts/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    let found = world.data_marts.get(call.id()).ok_or_else(|| Refusal::unknown("data mart", call.id()))?;
    Ok(Answer::ok(&found.present(call.id())))
}

/// `POST /v2/data_marts`. A second one is refused; what the service does is not known.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    let request: Request = call.json()?;
    if request.internal_database.unwrap_or(false) == request.database_configuration.is_some() {
        return Err(Refusal::schema("exactly one of `internal_database` and `database_configuration` is needed"));
    }
    if request.database_configuration.as_ref().is_some_and(|configuration| !configuration.is_object()) {
        return Err(Refusal::schema("`database_configuration` is not an object"));
    }
    let mut world = site.world();
    if world.data_marts.iter().next().is_some() {
        return Err(Refusal::conflict("the service instance has a data mart"));
    }
    let data_mart = DataMart { life: Life::starting(site.settle()), request, created_at: moment::now() };
    let id = site.options.instance_id.clone();
    let body = data_mart.present(&id);
    world.data_marts.insert(id, data_mart);
    Ok(Answer::accepted(&body))
}

/// `DELETE /v2/data_marts/{id}`: with subscriptions in it only by `force`, which is the stub's guess.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    let force = call.flag("force")?;
    let mut world = site.world();
    let used = world.subscriptions.iter().next().is_some();
    let found = world.data_marts.get_mut(call.id()).ok_or_else(|| Refusal::unknown("data mart", call.id()))?;
    if used && !force {
        return Err(Refusal::conflict("the data mart has subscriptions"));
    }
    found.life.end("deleting", site.settle());
    let body = found.present(call.id());
    Ok(Answer::accepted(&body))
}
