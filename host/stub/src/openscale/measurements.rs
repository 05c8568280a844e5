//! Measurements: what finished runs found, and the metrics over time.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::answer::{Answer, Outcome, Refusal, without_nulls};
use crate::call::Call;
use crate::moment;
use crate::site::Site;

use super::allow;
use super::evaluation::Evaluation;
use super::instances::{self, MonitorInstance};

/// What a finished run found. A metric that could not be computed is not in it.
#[derive(Debug)]
pub(crate) struct Measurement {
    at: OffsetDateTime,
    run_id: String,
    metrics: Vec<Metric>,
    confusion: Option<Value>,
}

#[derive(Debug)]
struct Metric {
    id: &'static str,
    value: f64,
    lower_limit: Option<f64>,
    upper_limit: Option<f64>,
}

impl Metric {
    fn is_beyond(&self) -> bool {
        self.lower_limit.is_some_and(|limit| self.value < limit)
            || self.upper_limit.is_some_and(|limit| self.value > limit)
    }

    fn present(&self) -> Value {
        without_nulls(
            json!({"id": self.id, "value": self.value, "lower_limit": self.lower_limit, "upper_limit": self.upper_limit}),
        )
    }
}

impl Measurement {
    pub(super) fn of(run_id: &str, evaluation: &Evaluation, instance: &MonitorInstance) -> Self {
        let metric = |(id, value): &(&'static str, Option<f64>)| {
            let (lower_limit, upper_limit) = (instance.limit(id, "lower_limit"), instance.limit(id, "upper_limit"));
            Some(Metric { id, value: (*value)?, lower_limit, upper_limit })
        };
        Self {
            at: OffsetDateTime::now_utc(),
            run_id: run_id.to_owned(),
            metrics: evaluation.quality.metrics.iter().filter_map(metric).collect(),
            confusion: evaluation.confusion(),
        }
    }

    fn present(&self, id: &str, instance_id: &str, instance: &MonitorInstance, with_sources: bool) -> Value {
        let metrics: Vec<Value> = self.metrics.iter().map(Metric::present).collect();
        let sources = self
            .confusion
            .as_ref()
            .filter(|_| with_sources)
            .map(|confusion| json!([{"id": "confusion_matrix_1", "type": "confusion_matrix", "data": confusion}]));
        let at = moment::write(self.at);
        json!({
            "metadata": super::metadata(&format!("monitor_instances/{instance_id}/measurements"), id, &at, &at),
            "entity": without_nulls(json!({
                "timestamp": at, "run_id": self.run_id, "monitor_instance_id": instance_id,
                "monitor_definition_id": instance.definition(),
                "target": instance.request.target,
                "values": [{"metrics": metrics, "tags": [{"id": "model_type", "value": "original"}]}],
                "issue_count": self.metrics.iter().filter(|metric| metric.is_beyond()).count(),
                "sources": sources,
            })),
        })
    }
}

fn edge(call: &Call, name: &str) -> Result<OffsetDateTime, Refusal> {
    let text = call.required(name)?;
    moment::read(text)
        .ok_or_else(|| Refusal::argument(format!("query parameter `{name}` is `{text}`, not a point in time")))
}

/// `GET /v2/monitor_instances/{id}/measurements`, newest first: of a run, or of a time.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &["start", "end", "run_id", "filter", "limit", "offset"])?;
    let limit = call.number("limit", 100, 1..=1000)?;
    let offset = call.number("offset", 0, 0..=usize::MAX)?;
    let time = match (call.query("start"), call.query("end"), call.query("run_id")) {
        (None, None, Some(_)) => None,
        _ => Some((edge(call, "start")?, edge(call, "end")?)),
    };
    let world = site.world();
    let instance = instances::find(&world, call.id())?;
    let wanted = |one: &Measurement| {
        call.lets("run_id", &one.run_id) && time.is_none_or(|(start, end)| (start..end).contains(&one.at))
    };
    let found = instance.measurements.iter().rev().filter(|(_, one)| wanted(one)).skip(offset).take(limit);
    let measurements: Vec<Value> = found.map(|(id, one)| one.present(id, call.id(), instance, false)).collect();
    let (start, end) = time.map_or((None, None), |(start, end)| (Some(moment::write(start)), Some(moment::write(end))));
    Ok(Answer::ok(&without_nulls(
        json!({"measurements": measurements, "start": start, "end": end, "limit": limit, "offset": offset}),
    )))
}

/// `GET /v2/monitor_instances/{id}/measurements/{measurement}`, with the confusion matrix.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &["metric_id"])?;
    let world = site.world();
    let instance = instances::find(&world, call.id())?;
    let id = call.param("measurement");
    let measurement = instance.measurements.get(id).ok_or_else(|| Refusal::unknown("measurement", id))?;
    Ok(Answer::ok(&measurement.present(id, call.id(), instance, true)))
}

/// `GET /v2/measurements`: the latest of every instance that the filters let pass.
pub(crate) fn query(site: &Site, call: &Call) -> Outcome {
    allow(call, &["target_id", "target_type", "monitor_definition_id", "filter", "recent_count", "format"])?;
    let recent = call.number("recent_count", 1, 1..=1000)?;
    let full = call.query("format") == Some("full");
    let world = site.world();
    let wanted = |one: &MonitorInstance| {
        call.lets("target_id", &one.request.target.target_id)
            && call.lets("target_type", "subscription")
            && call.lets("monitor_definition_id", one.definition())
    };
    let mut measurements = Vec::new();
    for (instance_id, instance) in world.instances.iter().filter(|(_, one)| wanted(one)) {
        let latest = instance.measurements.iter().rev().take(recent);
        measurements.extend(latest.map(|(id, one)| one.present(id, instance_id, instance, full)));
    }
    Ok(Answer::ok(&json!({"measurements": measurements})))
}

/// `GET /v2/monitor_instances/{id}/metrics`: one value per metric over the whole time; intervals are not cut.
pub(crate) fn metrics(site: &Site, call: &Call) -> Outcome {
    allow(call, &["start", "end", "agg", "interval", "filter", "group"])?;
    let (start, end) = (edge(call, "start")?, edge(call, "end")?);
    let functions = functions(call.required("agg")?)?;
    let world = site.world();
    let instance = instances::find(&world, call.id())?;
    let found: Vec<_> = instance.measurements.iter().filter(|(_, one)| (start..end).contains(&one.at)).collect();
    let mut metrics = Vec::new();
    for id in found.last().iter().flat_map(|(_, one)| one.metrics.iter().map(|metric| metric.id)) {
        let series: Vec<(&str, &Metric)> = found
            .iter()
            .filter_map(|(measurement, one)| Some((*measurement, one.metrics.iter().find(|metric| metric.id == id)?)))
            .collect();
        metrics.extend(aggregate(id, &functions, &series));
    }
    Ok(Answer::ok(&without_nulls(json!({
        "start": moment::write(start), "end": moment::write(end), "interval": call.query("interval"),
        "monitor_definition_id": instance.definition(),
        "groups": [{"tags": [{"id": "model_type", "value": "original"}], "metrics": metrics}],
    }))))
}

/// `metric:function`, `:function` or `function`, comma-separated.
fn functions(text: &str) -> Result<Vec<(&str, &str)>, Refusal> {
    let parse = |one| {
        let (metric, function) = str::split_once(one, ':').unwrap_or(("", one));
        let known = ["last", "first", "max", "min", "sum", "avg", "count"].contains(&function);
        known
            .then_some((metric, function))
            .ok_or_else(|| Refusal::argument(format!("query parameter `agg` has the unknown function `{function}`")))
    };
    text.split(',').map(parse).collect()
}

fn aggregate(id: &str, functions: &[(&str, &str)], series: &[(&str, &Metric)]) -> Option<Value> {
    let (latest_id, latest) = series.last()?;
    let values = || series.iter().map(|(_, metric)| metric.value);
    let mut shown = Map::new();
    for (_, function) in functions.iter().filter(|(metric, _)| metric.is_empty() || *metric == id) {
        let value = match *function {
            "first" => json!({"value": [series[0].1.value], "measurement_id": [series[0].0]}),
            "max" => json!({"value": [values().fold(f64::MIN, f64::max)]}),
            "min" => json!({"value": [values().fold(f64::MAX, f64::min)]}),
            "sum" => json!({"value": [values().sum::<f64>()]}),
            "avg" => json!({"value": [values().sum::<f64>() / series.len() as f64]}),
            "count" => json!({"value": [series.len()]}),
            _ => json!({"value": [latest.value], "measurement_id": [latest_id]}),
        };
        shown.insert((*function).to_owned(), value);
    }
    if shown.is_empty() {
        return None;
    }
    shown.insert("id".into(), json!(id));
    for (name, limit) in [("lower_limit", latest.lower_limit), ("upper_limit", latest.upper_limit)] {
        if let Some(limit) = limit {
            shown.insert(name.into(), json!(limit));
        }
    }
    Some(Value::Object(shown))
}
