//! Monitor instances: a monitor at work on a subscription.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::{Call, patched};
use crate::life::Life;
use crate::moment;
use crate::site::Site;
use crate::table::Table;
use crate::world::World;

use super::definitions::{self, Definition, QUALITY};
use super::measurements::Measurement;
use super::runs::Run;
use super::subscription_body::ProblemType;
use super::subscriptions::{self, Subscription};
use super::{allow, data_sets, metadata};

/// A monitor at work on a subscription.
#[derive(Debug)]
pub(crate) struct MonitorInstance {
    pub(crate) life: Life,
    pub(super) request: Request,
    pub(super) runs: Table<Run>,
    pub(super) measurements: Table<Measurement>,
    schedule_id: Option<String>,
    created_at: String,
    modified_at: String,
}

/// The body of a monitor instance, as made and as patched.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    data_mart_id: String,
    monitor_definition_id: String,
    pub(super) target: Target,
    parameters: Map<String, Value>,
    #[serde(default)]
    pub(super) thresholds: Vec<Threshold>,
    schedule: Option<Value>,
    managed_by: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    target_type: TargetType,
    pub(super) target_id: String,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum TargetType {
    Subscription,
}

/// A limit of a metric; without a value it only says that the metric exists.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Threshold {
    pub(super) metric_id: String,
    #[serde(rename = "type")]
    pub(super) side: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<f64>,
}

impl Request {
    fn check(&self) -> Result<&'static Definition, Refusal> {
        let id = &self.monitor_definition_id;
        let definition = definitions::find(id)
            .ok_or_else(|| Refusal::entity(format!("monitor definition `{id}` does not exist")))?;
        for threshold in &self.thresholds {
            let metric = definition.metrics.iter().find(|metric| metric.id == threshold.metric_id);
            let metric = metric
                .ok_or_else(|| Refusal::entity(format!("monitor `{id}` has no metric `{}`", threshold.metric_id)))?;
            if !metric.limits.contains(&threshold.side.as_str()) {
                return Err(Refusal::entity(format!(
                    "metric `{}` has no threshold of type `{}`",
                    metric.id, threshold.side
                )));
            }
        }
        if id == QUALITY {
            self.parameters.iter().try_for_each(|(key, value)| check_parameter(key, value))?;
        }
        Ok(definition)
    }
}

/// Refuses a parameter that the quality monitor does not have.
pub(super) fn check_parameter(key: &str, value: &Value) -> Result<(), Refusal> {
    match key {
        "min_feedback_data_size" | "max_rows_per_evaluation" if value.as_u64().is_some_and(|number| number > 0) => {
            Ok(())
        }
        "min_feedback_data_size" | "max_rows_per_evaluation" => {
            Err(Refusal::schema(format!("`{key}` is {value}, not a positive integer")))
        }
        _ => Err(Refusal::schema(format!("unknown parameter `{key}`"))),
    }
}

impl MonitorInstance {
    pub(crate) fn definition(&self) -> &str {
        &self.request.monitor_definition_id
    }

    pub(super) fn parameter(&self, key: &str) -> Option<u64> {
        self.request.parameters.get(key)?.as_u64()
    }

    /// The limit of a metric on one side.
    pub(super) fn limit(&self, metric: &str, side: &str) -> Option<f64> {
        self.request.thresholds.iter().find(|one| one.metric_id == metric && one.side == side)?.value
    }

    /// After an evaluation every metric is listed, with a value only where one was set.
    pub(super) fn list_metrics(&mut self, metrics: impl Iterator<Item = &'static str>) {
        let Some(definition) = definitions::find(&self.request.monitor_definition_id) else { return };
        for id in metrics {
            let sides =
                definition.metrics.iter().find(|metric| metric.id == id).map_or(&[][..], |metric| metric.limits);
            for side in sides {
                if !self.request.thresholds.iter().any(|one| one.metric_id == id && one.side == *side) {
                    let threshold = Threshold { metric_id: id.to_owned(), side: (*side).to_owned(), value: None };
                    self.request.thresholds.push(threshold);
                }
            }
        }
    }

    fn present(&self, id: &str) -> Value {
        let mut entity = without_nulls(json!(self.request));
        if let (Some(schedule_id), true) = (&self.schedule_id, self.life.is_active()) {
            entity["schedule_id"] = json!(schedule_id);
            if entity.get("schedule").is_none() {
                entity["schedule"] = json!({"repeat_interval": 1, "repeat_unit": "hour", "repeat_type": "hour",
                    "start_time": {"type": "relative", "delay_unit": "minute", "delay": 10}, "status": "enabled"});
            }
        }
        entity["status"] = self.life.status();
        json!({"metadata": metadata("monitor_instances", id, &self.created_at, &self.modified_at), "entity": entity})
    }
}

/// `GET /v2/monitor_instances`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &["data_mart_id", "monitor_definition_id", "target.target_id", "target.target_type"])?;
    let world = site.world();
    let wanted = |one: &MonitorInstance| {
        call.lets("data_mart_id", &one.request.data_mart_id)
            && call.lets("monitor_definition_id", one.definition())
            && call.lets("target.target_id", &one.request.target.target_id)
            && call.lets("target.target_type", "subscription")
    };
    let found = world.instances.iter().filter(|(_, one)| wanted(one));
    let instances: Vec<Value> = found.map(|(id, one)| one.present(id)).collect();
    Ok(Answer::ok(&json!({"monitor_instances": instances})))
}

/// `GET /v2/monitor_instances/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &["expand"])?;
    let world = site.world();
    Ok(Answer::ok(&find(&world, call.id())?.present(call.id())))
}

pub(super) fn find<'world>(world: &'world World, id: &str) -> Result<&'world MonitorInstance, Refusal> {
    world.instances.get(id).ok_or_else(|| Refusal::unknown("monitor instance", id))
}

/// `POST /v2/monitor_instances`. A second one of the same monitor and target is refused, which is the stub's guess.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    allow(call, &["skip_scheduler"])?;
    let unscheduled = call.flag("skip_scheduler")?;
    let request: Request = call.json()?;
    let definition = request.check()?;
    let mut world = site.world();
    if world.data_marts.get(&request.data_mart_id).is_none() {
        return Err(Refusal::unknown("data mart", &request.data_mart_id));
    }
    let target_id = request.target.target_id.clone();
    let subscription = subscriptions::find(&world, &target_id)?;
    // Default monitors are made while the subscription still settles.
    if definition.id == QUALITY && !subscription.life.is_active() {
        return Err(Refusal::conflict(format!("subscription `{target_id}` is {}", subscription.life.state())));
    }
    let same = |one: &MonitorInstance| one.definition() == definition.id && one.request.target.target_id == target_id;
    if let Some((id, _)) = world.instances.iter().find(|(_, one)| same(one)) {
        return Err(Refusal::conflict(format!("monitor instance `{id}` is of the same monitor and target")));
    }
    let failure = if definition.id == QUALITY { lacks(subscription) } else { None };
    if definition.id == QUALITY && failure.is_none() {
        data_sets::ensure_feedback(&mut world, &target_id, site.settle())?;
    }
    let (id, now) = (Uuid::new_v4().to_string(), moment::now());
    let instance = MonitorInstance {
        life: Life::starting(site.settle()).with_failure(failure.map(|reason| ("AIQST1003E", reason))),
        request,
        runs: Table::default(),
        measurements: Table::default(),
        schedule_id: (!unscheduled).then(|| Uuid::new_v4().to_string()),
        created_at: now.clone(),
        modified_at: now,
    };
    let body = instance.present(&id);
    world.instances.insert(id, instance);
    Ok(Answer::accepted(&body))
}

/// What the subscription lacks for quality to work (openscale.md 10).
fn lacks(subscription: &Subscription) -> Option<String> {
    let properties = &subscription.body.asset_properties;
    let problem = subscription.body.asset.problem_type;
    let missing = [
        ("problem_type", problem.is_some()),
        ("label_column", properties.label_column.is_some()),
        ("prediction_field", properties.prediction_field.is_some()),
        ("probability_fields", properties.probability_fields.is_some() || problem == Some(ProblemType::Regression)),
        ("feature_fields", !subscription.features().is_empty()),
        ("input_data_schema", properties.input_data_schema.is_some() || properties.training_data_schema.is_some()),
        // Given, or learned from the first payload.
        ("output_data_schema", properties.output_data_schema.is_some()),
    ];
    let missing: Vec<&str> = missing.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
    (!missing.is_empty()).then(|| format!("the subscription lacks {}", missing.join(", ")))
}

/// `PATCH /v2/monitor_instances/{id}`.
pub(crate) fn update(site: &Site, call: &Call) -> Outcome {
    allow(call, &["update_metadata_only"])?;
    call.flag("update_metadata_only")?;
    let patch = call.patch("application/json")?;
    let mut world = site.world();
    let found = world.instances.get_mut(call.id()).ok_or_else(|| Refusal::unknown("monitor instance", call.id()))?;
    let request: Request = patched(without_nulls(json!(found.request)), &patch)?;
    request.check()?;
    found.request = request;
    found.modified_at = moment::now();
    Ok(Answer::ok(&found.present(call.id())))
}

/// `DELETE /v2/monitor_instances/{id}`.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    call.flag("force")?;
    let mut world = site.world();
    let found = world.instances.get_mut(call.id()).ok_or_else(|| Refusal::unknown("monitor instance", call.id()))?;
    found.life.end("deleting", site.settle());
    Ok(Answer::accepted(&found.present(call.id())))
}
