//! Runs the quality monitor, holds its metrics against the gates, and compares the deployment's answers with those of
//! the committed model, or of its ONNX twin.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use step_sdk::failure::words;
use step_sdk::host::timestamp;
use step_sdk::openscale::{InstanceId, SERVICE, id_of, wait_for};
use step_sdk::quality::{ConfusionMatrix, Metrics, matrix_of_measurement, matrix_of_run, metrics};
use step_sdk::verdict::{Verdict, judge};
use step_sdk::{
    Artifact, DataSet, Deadline, Failure, Field, Gates, Host, Level, ModelFile, Need, Needs, Poll, PredictionsReader,
    Request, Table, segment, until,
};

mod compare;
#[cfg(test)]
mod tests;

use compare::{Comparison, Reference, compare};

/// How long a measurement may take to appear after its run has finished.
const MEASURED: Duration = Duration::from_secs(10);

/// By how much the service's clock may differ from ours.
const CLOCKS: Duration = Duration::from_hours(1);

step_sdk::step! {
    summary: "runs the quality monitor, checks its metrics against the gates and the deployment against the model",
    needs: Needs {
        services: &[
            Need::new("openscale", "POST", "/openscale/*/v2/monitor_instances/*/runs", "starts a run of the monitor"),
            Need::new("openscale", "GET", "/openscale/*/v2/monitor_instances/*/runs/*", "waits for it"),
            Need::new("openscale", "GET", "/openscale/*/v2/monitor_instances/*/measurements", "reads the metrics"),
            Need::new("openscale", "GET", "/openscale/*/v2/monitor_instances/*/measurements/*", "reads the confusion matrix"),
        ],
        scoring: true,
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the inputs' own")]
struct Input {
    /// The quality monitor's instance, as `subscribe` answers it
    monitor_instance_id: String,
    /// What each metric must reach, by its id
    #[schemars(extend("propertyNames" = {"enum": step_sdk::METRICS}))]
    gates: Gates,
    /// The committed model, if it is ONNX; with `data`, `predictions` and `input_fields` it is compared with the deployment
    model: Option<ModelFile>,
    /// The same model exported to ONNX, instead of `model` where that is of another kind, which cannot be run here
    twin: Option<ModelFile>,
    /// The data set that was scored
    data: Option<DataSet>,
    /// What the deployment answered, as `score` writes it
    predictions: Option<Artifact>,
    /// The model's input columns, as `store` answers them
    input_fields: Option<Vec<Field>>,
    /// Largest difference between an answer of the deployment and the model's or the twin's
    #[serde(default = "tolerance")]
    tolerance: f64,
    /// How long the run may take
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
    #[serde(default)]
    instance_id: InstanceId,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// Every metric by its id; null if it could not be computed
    #[schemars(extend("x-report" = true, "additionalProperties" = {"type": ["number", "null"]}))]
    metrics: Metrics,
    /// What became of every gate
    #[schemars(extend("x-report" = true, "x-chart" = "gates"))]
    gates: Vec<Verdict>,
    /// How often which label was predicted as which; a regression has none
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-chart" = "confusion-matrix"))]
    confusion_matrix: Option<ConfusionMatrix>,
    /// Whether the deployment is the committed model
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-report" = true))]
    comparison: Option<Comparison>,
    /// Why there is no comparison
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-report" = true))]
    not_compared: Option<String>,
}

/// Why the deployment's answers are compared with nothing.
const NO_REFERENCE: &str =
    "the deployment's answers were not compared: neither `model`, which must be ONNX, nor `twin` is given";

fn tolerance() -> f64 {
    1e-5
}

fn timeout_seconds() -> u32 {
    300
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    // First what needs no service: wrong files leave no run behind.
    let comparison = compare_locally(host, &input)?;
    let not_compared = comparison.is_none().then(|| NO_REFERENCE.to_owned());
    if let Some(why) = &not_compared {
        host.log(Level::Info, why);
    }
    let Input { monitor_instance_id, gates, timeout_seconds, instance_id, .. } = input;
    let path = instance_id.path(&format!("monitor_instances/{}", segment(&monitor_instance_id)));
    let monitor =
        Monitor { host, path, id: monitor_instance_id, deadline: Deadline::after_seconds(host, timeout_seconds) };
    let since = host.now();
    let run = monitor.run()?;
    let measurement = monitor.measurement(&run, since)?;
    let confusion_matrix = match matrix_of_run(&run) {
        None => monitor.matrix(measurement.as_ref())?,
        found => found,
    };
    // A finished run may carry a failure, for example when there was too little data.
    let words = words(&run["entity"]["status"]["failure"]);
    if let Some(words) = &words {
        host.log(Level::Warn, &format!("the monitor's run finished, but says: {words}"));
    }
    let metrics = metrics(measurement.as_ref(), &run);
    let gates = judge(&gates, &metrics, words.as_deref());
    let output = Output { metrics, gates, confusion_matrix, comparison, not_compared };
    let missed = output.gates.iter().filter_map(Verdict::complaint);
    let missed: Vec<String> = missed.chain(output.comparison.as_ref().and_then(Comparison::complaint)).collect();
    if missed.is_empty() { Ok(output) } else { Err(Failure::gate(missed.join("; ")).with_outputs(&output)) }
}

/// The comparison, if the inputs ask for one.
fn compare_locally(host: &dyn Host, input: &Input) -> Result<Option<Comparison>, Failure> {
    let (file, reference) = match (&input.model, &input.twin) {
        (None, None) => return Ok(None),
        (Some(model), None) => (model, Reference::Model),
        (None, Some(twin)) => (twin, Reference::Twin),
        (Some(_), Some(_)) => {
            return Err(Failure::invalid_input("both `model` and `twin` are given")
                .hint("give `model` if it is an ONNX file, else `twin`"));
        }
    };
    let (Some(data), Some(predictions), Some(fields)) = (&input.data, &input.predictions, &input.input_fields) else {
        let text =
            format!("the comparison needs all of `{}`, `data`, `predictions` and `input_fields`", reference.name());
        return Err(Failure::invalid_input(text).hint("give all four, or only `gates`"));
    };
    let model = file.load(host).map_err(|failure| match reference {
        Reference::Model if failure.hint.is_none() => {
            failure.hint("a model of another kind than ONNX has a `twin` instead, or nothing to compare with")
        }
        _ => failure,
    })?;
    let data = Table::open(data.open(host)?, &data.0)?.select(fields)?;
    let predictions = PredictionsReader::open(predictions.open(host)?, &predictions.0)?;
    compare(&*model, reference, data, predictions, fields, input.tolerance).map(Some)
}

struct Monitor<'a> {
    host: &'a dyn Host,
    path: String,
    id: String,
    deadline: Deadline,
}

impl Monitor<'_> {
    /// Starts a run, waits until it has finished and answers it.
    fn run(&self) -> Result<Value, Failure> {
        let request = Request::post(SERVICE, format!("{}/runs", self.path)).json(&json!({"triggered_by": "user"}));
        let started = request.send(self.host)?.success()?;
        let id = id_of(&started.value()?)?;
        let what = format!("run `{id}` of monitor instance `{}`", self.id);
        wait_for(self.host, &what, &self.deadline, &format!("{}/runs/{}", self.path, segment(&id)), &["finished"])
    }

    /// The run's measurement; none if it has not appeared in time.
    fn measurement(&self, run: &Value, since: SystemTime) -> Result<Option<Value>, Failure> {
        let run_id = id_of(run)?;
        let request = Request::get(SERVICE, format!("{}/measurements", self.path))
            .query("start", timestamp(since - CLOCKS))
            .query("end", timestamp(self.host.now() + CLOCKS))
            .query("run_id", &run_id);
        let end = self.host.elapsed() + MEASURED;
        until(self.host, "the measurement", &self.deadline, || {
            let page = request.send(self.host)?.success()?.value()?;
            let mut measurements = page["measurements"].as_array().into_iter().flatten();
            let found = measurements.find(|measurement| measurement["entity"]["run_id"] == *run_id).cloned();
            let done = found.is_some() || self.host.elapsed() >= end;
            Ok(if done { Poll::Ready(found) } else { Poll::Waiting("it has not appeared".to_owned()) })
        })
    }

    /// The confusion matrix, which only a single measurement holds.
    fn matrix(&self, measurement: Option<&Value>) -> Result<Option<ConfusionMatrix>, Failure> {
        let Some(measurement) = measurement else { return Ok(None) };
        let path = format!("{}/measurements/{}", self.path, segment(&id_of(measurement)?));
        Ok(matrix_of_measurement(&Request::get(SERVICE, path).send(self.host)?.success()?.value()?))
    }
}
