//! Scores a data set against a deployment: the predictions become an artifact, labelled rows feedback. The data set
//! streams through, so memory does not grow with it.

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use step_sdk::feedback::{self, Feedback};
use step_sdk::mark;
use step_sdk::openscale::{InstanceId, OperationalSpace};
use step_sdk::payload::{self, LoggedBy, Payload, PayloadFields};
use step_sdk::wml::{self, ApiVersion};
use step_sdk::{
    Artifact, BatchLimits, BatchRow, Batches, DataSet, Failure, Field, FieldType, Host, InFlight, Level, Need, Needs,
    Prediction, PredictionsWriter, RecordSet, Records, Repeat, Request, RocCurve, ScoreDistribution, ScoringAnswer,
    Separation, Table,
};

mod shard;
#[cfg(test)]
mod tests;

use shard::{Answer, Shard};

const RECORDS: &str = "/openscale/*/v2/data_sets/*/records";

step_sdk::step! {
    summary: "scores a data set in batches, keeps the predictions and sends labelled rows as feedback",
    needs: Needs {
        services: &[
            Need::new("wml", "POST", "/ml/v4/deployments/*/predictions", "scores the rows"),
            Need::new("openscale", "GET", RECORDS, "counts the records of a data set"),
            Need::new("openscale", "POST", RECORDS, "writes payload and feedback"),
            Need::new("openscale", "GET", "/openscale/*/v2/data_sets/*/requests/*", "waits for them"),
        ],
        artifacts: true,
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the inputs' own")]
struct Input {
    /// CSV file with a header; columns are found by name, and columns that no input names are left out
    #[schemars(extend("x-shard" = "rows"))]
    data: DataSet,
    /// Path of the deployment's predictions, as `deploy` answers it
    scoring_path: String,
    /// The model's input columns, as `store` answers them
    #[schemars(length(min = 1))]
    input_fields: Vec<Field>,
    /// Column of the true labels; rows that have one are sent as feedback
    label_column: Option<String>,
    /// Field of the prediction, in the answer where it has fields, and in OpenScale's records
    #[serde(default = "prediction")]
    prediction_field: String,
    /// Field of the classes' probabilities; a regression has none
    #[serde(default = "probability")]
    probability_field: String,
    /// The subscription's payload data set; without it nobody checks that payload is logged
    payload_data_set_id: Option<String>,
    /// The subscription's feedback data set; without it no feedback is sent
    feedback_data_set_id: Option<String>,
    /// The service provider's operational space: in production the service logs payload by itself
    #[serde(default)]
    operational_space: OperationalSpace,
    /// Rows in one request at the most
    #[serde(default = "batch_rows")]
    batch_rows: usize,
    /// Bytes of rows in one request at the most; OpenScale's own clients keep to the default
    #[serde(default = "batch_bytes")]
    batch_bytes: usize,
    /// Requests under way at the same time
    #[serde(default = "in_flight")]
    #[schemars(range(min = 1, max = 16))]
    in_flight: usize,
    /// How long OpenScale may take for what it was sent
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
    #[serde(default)]
    api_version: ApiVersion,
    #[serde(default)]
    instance_id: InstanceId,
    /// Which shard of the rows `data` has
    #[schemars(extend("x-shard" = "which"))]
    shard: Option<Shard>,
    /// What all shards have answered, to be put together; nothing is scored
    #[schemars(extend("x-shard" = "answers"))]
    shards: Option<Vec<Answer>>,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// Rows scored
    #[schemars(extend("x-report" = true))]
    rows: u64,
    /// The predictions: `row`, `prediction`, and `probability_0` and so on
    predictions: Artifact,
    /// Records by which the payload data set grew
    payload_records: u64,
    /// Who logged the payload
    payload_logged_by: LoggedBy,
    /// Labelled rows sent as feedback
    feedback_records: u64,
    /// How well the probabilities find the positive rows at every threshold; the mark is what the predicted labels make
    /// of it, and all that the monitor's `area_under_roc` knows of
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-chart" = "roc"))]
    roc_curve: Option<RocCurve>,
    /// Which probabilities the rows of each class got
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-chart" = "score-distribution"))]
    score_distribution: Option<ScoreDistribution>,
    /// Of a shard, what the curve and the distribution of all rows are made of
    #[serde(skip_serializing_if = "Option::is_none")]
    separation: Option<Artifact>,
}

fn prediction() -> String {
    "prediction".to_owned()
}

fn probability() -> String {
    "probability".to_owned()
}

fn batch_rows() -> usize {
    500
}

fn batch_bytes() -> usize {
    900 * 1024
}

fn in_flight() -> usize {
    4
}

fn timeout_seconds() -> u32 {
    300
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    if let Some(answers) = &input.shards {
        return shard::whole(host, answers);
    }
    let features = input.input_fields.iter().map(|field| field.name.clone()).collect();
    let called = input.shard.as_ref().map_or_else(|| input.data.0.clone(), |shard| shard.call(&input.data.0));
    Score { host, input, called, features }.score()
}

struct Score<'a> {
    host: &'a dyn Host,
    input: Input,
    /// What messages call the data set.
    called: String,
    features: Vec<String>,
}

/// A batch whose answer is awaited.
struct UnderWay {
    rows: Vec<BatchRow>,
    request: InFlight,
    started: Duration,
}

impl Score<'_> {
    fn score(&self) -> Result<Output, Failure> {
        let mut batches = self.batches()?;
        // What is wrong with the first rows is found before anything is sent.
        let mut next = batches.next().transpose()?;
        let basis = self.basis()?;
        let (mut payload, mut feedback) = (self.payload(basis)?, self.feedback(basis)?);
        let (artifact, file) = Artifact::create(self.host, "predictions.csv")?;
        let mut writer = PredictionsWriter::new(file);
        let total = Table::count(self.input.data.open(self.host)?);
        let (mut rows, mut under_way, mut separation) = (0, VecDeque::new(), Separation::default());
        loop {
            // The first batch goes alone: its answer shows who logs the payload.
            let places = if payload.is_decided() { self.input.in_flight.max(1) } else { 1 };
            while under_way.len() < places
                && let Some(batch) = next.take()
            {
                under_way.push_back(self.send(batch)?);
                next = batches.next().transpose()?;
            }
            let Some(oldest) = under_way.pop_front() else {
                break;
            };
            let (batch, predictions, took) = self.receive(oldest)?;
            writer.write(&predictions)?;
            payload.log(&batch, &predictions, took)?;
            if let Some(feedback) = &mut feedback {
                feedback.send(&batch, &predictions)?;
            }
            Self::separate(&batch, &predictions, &mut separation);
            rows += batch.len() as u64;
            self.host.progress(rows, Some(total.max(rows)), "rows");
        }
        writer.finish()?;
        let (payload_records, payload_logged_by) = payload.finish(rows)?;
        let feedback_records = feedback.map_or(Ok(0), Feedback::finish)?;
        let output = Output {
            rows,
            predictions: artifact,
            payload_records,
            payload_logged_by,
            feedback_records,
            roc_curve: None,
            score_distribution: None,
            separation: None,
        };
        if self.input.shard.is_some() {
            return Ok(Output { separation: Some(shard::keep(self.host, &separation)?), ..output });
        }
        let (roc_curve, score_distribution) = (separation.roc_curve(), separation.score_distribution());
        Ok(Output { roc_curve, score_distribution, ..output })
    }

    /// Adds the rows that have a label.
    fn separate(rows: &[BatchRow], predictions: &[Prediction], separation: &mut Separation) {
        for (row, prediction) in rows.iter().zip(predictions) {
            if let Some(Value::String(label)) = row.rest.last() {
                separation.add(label, prediction);
            }
        }
    }

    /// The label and where rows that have one are sent.
    fn label(&self) -> Option<(&str, &str)> {
        self.input.label_column.as_deref().zip(self.input.feedback_data_set_id.as_deref())
    }

    /// The rows: the features, then the label as a text, for its type shows in the predictions only.
    fn batches(&self) -> Result<Batches, Failure> {
        let data = &self.input.data;
        let table = Table::open(data.open(self.host)?, &self.called)?;
        let known = |name| self.features.contains(name) || self.input.label_column.as_ref() == Some(name);
        let extra: Vec<_> = table.header().iter().filter(|name| !known(name)).cloned().collect();
        if !extra.is_empty() {
            let text = format!("not scored of `{}`: `{}`", self.called, extra.join("`, `"));
            self.host.log(Level::Info, &text);
        }
        let label = self.label().map(|(label, _)| Field::new(label, FieldType::String));
        let fields: Vec<Field> = self.input.input_fields.iter().cloned().chain(label).collect();
        let limits = BatchLimits { rows: self.input.batch_rows, bytes: self.input.batch_bytes };
        Ok(Batches::new(table.select(&fields)?, self.features.len(), limits))
    }

    fn records<'a>(
        &'a self,
        kind: &'a str,
        id: &'a str,
        column: &'static str,
        basis: u32,
    ) -> Result<Records<'a>, Failure> {
        let set = RecordSet::new(self.host, &self.input.instance_id, kind, id, self.input.timeout_seconds);
        Records::open(set, column, basis, self.input.shard.is_some())
    }

    /// What decides which records there are, and how they are cut into requests; it takes a look at the whole data set, so
    /// none where no records are sent.
    fn basis(&self) -> Result<u32, Failure> {
        if self.input.payload_data_set_id.is_none() && self.label().is_none() {
            return Ok(0);
        }
        let Input { data, scoring_path, input_fields, label_column, batch_rows, batch_bytes, .. } = &self.input;
        let answered = [&self.input.prediction_field, &self.input.probability_field];
        let how = json!([scoring_path, input_fields, label_column, answered, batch_rows, batch_bytes]);
        mark::basis(data.open(self.host)?, &self.called, &how)
    }

    fn payload(&self, basis: u32) -> Result<Payload<'_>, Failure> {
        let id = self.input.payload_data_set_id.as_deref();
        let records = id.map(|id| self.records("payload", id, payload::SCORING, basis)).transpose()?;
        let fields = PayloadFields {
            features: &self.features,
            prediction: &self.input.prediction_field,
            probability: &self.input.probability_field,
        };
        Ok(Payload::new(self.host, self.input.operational_space, fields, records))
    }

    fn feedback(&self, basis: u32) -> Result<Option<Feedback<'_>>, Failure> {
        let Some((label, id)) = self.label() else {
            return Ok(None);
        };
        Ok(Some(Feedback::new(
            self.records("feedback", id, feedback::TRANSACTION, basis)?,
            &self.called,
            &self.features,
            label,
        )))
    }

    fn send(&self, rows: Vec<BatchRow>) -> Result<UnderWay, Failure> {
        let body = wml::scoring_body(&self.features, &rows);
        // The same rows get the same answer, so scoring may be repeated.
        let request = Request::post(wml::SERVICE, &self.input.scoring_path).repeat(Repeat::Safe);
        let request = self.input.api_version.of(request.body("application/json", body)).start(self.host)?;
        Ok(UnderWay { rows, request, started: self.host.elapsed() })
    }

    fn receive(&self, batch: UnderWay) -> Result<(Vec<BatchRow>, Vec<Prediction>, Duration), Failure> {
        let answer: ScoringAnswer = batch.request.wait()?.expect(&[200])?.json()?;
        let (prediction, probability) = (&self.input.prediction_field, &self.input.probability_field);
        let lines: Vec<u64> = batch.rows.iter().map(|row| row.line).collect();
        let predictions = answer.predictions(&lines, prediction, probability)?;
        Ok((batch.rows, predictions, self.host.elapsed().saturating_sub(batch.started)))
    }
}
