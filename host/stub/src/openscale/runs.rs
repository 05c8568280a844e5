//! Runs of a monitor instance on demand.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, error_body, without_nulls};
use crate::call::Call;
use crate::moment;
use crate::site::Site;

use super::definitions::QUALITY;
use super::evaluation::{self, Evaluation, Failure};
use super::instances::{self, MonitorInstance};
use super::measurements::Measurement;
use super::{allow, metadata};

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    due: Instant,
    /// When it ended, once it has.
    completed_at: Option<String>,
    /// Nothing for monitors that measure nothing here.
    found: Result<Option<Evaluation>, Failure>,
    triggered_by: String,
    parameters: Map<String, Value>,
    queued_at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    triggered_by: Option<TriggeredBy>,
    parameters: Option<Map<String, Value>>,
    business_metric_context: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TriggeredBy {
    Event,
    Scheduler,
    User,
    Webhook,
    BkpiManager,
}

impl TriggeredBy {
    fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Scheduler => "scheduler",
            Self::User => "user",
            Self::Webhook => "webhook",
            Self::BkpiManager => "bkpi_manager",
        }
    }
}

impl Run {
    fn present(&self, id: &str, instance_id: &str, instance: &MonitorInstance) -> Value {
        let mut parameters = self.parameters.clone();
        if let (Ok(Some(evaluation)), Some(_)) = (&self.found, &self.completed_at) {
            parameters.insert("total_records_processed".into(), json!(evaluation.records));
        }
        let plural = format!("monitor_instances/{instance_id}/runs");
        json!({
            "metadata": metadata(&plural, id, &self.queued_at, self.completed_at.as_ref().unwrap_or(&self.queued_at)),
            "entity": {
                "monitor_instance_id": instance_id, "monitor_definition_id": instance.definition(),
                "triggered_by": self.triggered_by, "parameters": parameters, "status": self.status(),
            },
        })
    }

    fn status(&self) -> Value {
        let Some(completed_at) = &self.completed_at else {
            return json!({"state": "running", "queued_at": self.queued_at, "started_at": self.queued_at,
                "updated_at": self.queued_at, "operators": []});
        };
        let ended = |state: &str| {
            json!({"state": state, "queued_at": self.queued_at, "started_at": self.queued_at, "updated_at": completed_at,
                "completed_at": completed_at})
        };
        match &self.found {
            Ok(evaluation) => {
                let mut status = ended("finished");
                status["operators"] = match evaluation {
                    // A second operator that never ends is seen in real answers too.
                    Some(evaluation) => json!([
                        {"id": "original", "status": ended("finished"), "result": result(evaluation)},
                        {"id": "original", "status": {"state": "queued", "queued_at": self.queued_at}},
                    ]),
                    None => json!([]),
                };
                status
            }
            Err((code, message)) => {
                let mut status = ended("error");
                status["message"] = json!(message);
                status["failure"] = error_body(code, message);
                let mut operator = ended("error");
                operator["failure"] = status["failure"].clone();
                status["operators"] = json!([{"id": "original", "status": operator}]);
                status
            }
        }
    }
}

fn result(evaluation: &Evaluation) -> Value {
    let metrics: Map<String, Value> =
        evaluation.quality.metrics.iter().map(|(id, value)| ((*id).to_owned(), json!(value))).collect();
    without_nulls(json!({"metrics": metrics, "confusion_matrix": evaluation.confusion()}))
}

impl MonitorInstance {
    /// Ends the runs that are due, and keeps what they measured.
    pub(crate) fn finish_due_runs(&mut self) {
        let (now, mut measured) = (Instant::now(), Vec::new());
        let mut runs = std::mem::take(&mut self.runs);
        for (run_id, run) in runs.iter_mut().filter(|(_, run)| run.completed_at.is_none() && run.due <= now) {
            run.completed_at = Some(moment::now());
            if let Ok(Some(evaluation)) = &run.found {
                self.list_metrics(evaluation.quality.metrics.iter().map(|(id, _)| *id));
                measured.push(Measurement::of(run_id, evaluation, self));
            }
        }
        self.runs = runs;
        for measurement in measured {
            self.measurements.insert(Uuid::new_v4().to_string(), measurement);
        }
    }
}

/// `POST /v2/monitor_instances/{id}/runs`: evaluates what is there now, and tells it later.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let request: Request = call.json()?;
    let mut world = site.world();
    let instance = instances::find(&world, call.id())?;
    if !instance.life.is_active() {
        return Err(Refusal::conflict(format!("monitor instance `{}` is {}", call.id(), instance.life.state())));
    }
    if request.business_metric_context.is_some() {
        return Err(Refusal::entity("`business_metric_context` is for monitors of business metrics"));
    }
    let quality = instance.definition() == QUALITY;
    let parameters = request.parameters.unwrap_or_default();
    if quality {
        parameters.iter().try_for_each(|(key, value)| instances::check_parameter(key, value))?;
    }
    let found = if quality { evaluation::evaluate(&world, instance).map(Some) } else { Ok(None) };
    let run = Run {
        due: Instant::now() + site.settle(),
        completed_at: None,
        found,
        triggered_by: request.triggered_by.unwrap_or(TriggeredBy::User).name().to_owned(),
        parameters,
        queued_at: moment::now(),
    };
    let id = Uuid::new_v4().to_string();
    let answer = Answer::created(&run.present(&id, call.id(), instance));
    if let Some(instance) = world.instances.get_mut(call.id()) {
        instance.runs.insert(id, run);
    }
    Ok(answer)
}

/// `GET /v2/monitor_instances/{id}/runs`, newest first, in pages.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &["start", "limit"])?;
    let limit = call.number("limit", 100, 1..=1000)?;
    let start = call.number("start", 0, 0..=usize::MAX)?;
    let world = site.world();
    let instance = instances::find(&world, call.id())?;
    let link =
        |start: usize| json!({"url": format!("/v2/monitor_instances/{}/runs?start={start}&limit={limit}", call.id())});
    let total = instance.runs.iter().len();
    let page = instance.runs.iter().rev().skip(start).take(limit);
    let runs: Vec<Value> = page.map(|(id, run)| run.present(id, call.id(), instance)).collect();
    let next = (start + limit < total).then(|| link(start + limit));
    let prev = (start > 0).then(|| link(start.saturating_sub(limit)));
    let last = link(total.saturating_sub(1) / limit * limit);
    Ok(Answer::ok(&without_nulls(
        json!({"runs": runs, "first": link(0), "next": next, "prev": prev, "last": last, "limit": limit, "total_count": total}),
    )))
}

/// `GET /v2/monitor_instances/{id}/runs/{run}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    let instance = instances::find(&world, call.id())?;
    let run = instance.runs.get(call.param("run")).ok_or_else(|| Refusal::unknown("run", call.param("run")))?;
    Ok(Answer::ok(&run.present(call.param("run"), call.id(), instance)))
}
