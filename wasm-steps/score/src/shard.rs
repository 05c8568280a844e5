//! Scoring in shards, which the host runs at the same time, each with a part of the rows; and putting together what they have
//! answered, so that it is as if there had been one.

use std::io::{BufReader, BufWriter, Write as _};

use schemars::JsonSchema;
use serde::Deserialize;
use step_sdk::payload::LoggedBy;
use step_sdk::{Artifact, Failure, Host, PredictionsReader, PredictionsWriter, Separation};

use super::Output;

/// One of several shards.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Shard {
    /// Which one, from 0
    index: u32,
    /// How many there are
    of: u32,
}

impl Shard {
    /// What messages call its part of a data set, whose lines are not those of the whole.
    pub(super) fn call(&self, data: &str) -> String {
        format!("{data}, shard {} of {}", self.index, self.of)
    }
}

/// What a shard has answered.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Answer {
    rows: u64,
    predictions: Artifact,
    payload_records: u64,
    payload_logged_by: LoggedBy,
    feedback_records: u64,
    separation: Artifact,
}

/// Keeps what a shard has summed up of its rows.
pub(super) fn keep(host: &dyn Host, separation: &Separation) -> Result<Artifact, Failure> {
    let (artifact, file) = Artifact::create(host, "separation.json")?;
    let mut out = BufWriter::new(file);
    let written = serde_json::to_writer(&mut out, separation).map_err(Into::into).and_then(|()| out.flush());
    written.map_err(|error| Failure::internal(format!("artifact `{}` cannot be written: {error}", artifact.0)))?;
    Ok(artifact)
}

/// Puts together what all shards have answered, in their order.
pub(super) fn whole(host: &dyn Host, answers: &[Answer]) -> Result<Output, Failure> {
    let (predictions, file) = Artifact::create(host, "predictions.csv")?;
    let (mut writer, mut separation) = (PredictionsWriter::new(file), Separation::default());
    let (mut rows, mut payload_records, mut feedback_records) = (0, 0, 0);
    let total = answers.iter().map(|answer| answer.rows).sum();
    for answer in answers {
        let name = &answer.predictions.0;
        writer.append(PredictionsReader::open(answer.predictions.open(host)?, name)?)?;
        let kept = BufReader::new(answer.separation.open(host)?);
        separation.merge(&serde_json::from_reader(kept).map_err(|error| {
            Failure::internal(format!("artifact `{}` cannot be read: {error}", answer.separation.0))
        })?);
        rows += answer.rows;
        payload_records += answer.payload_records;
        feedback_records += answer.feedback_records;
        host.progress(rows, Some(total), "rows");
    }
    writer.finish()?;
    Ok(Output {
        rows,
        predictions,
        payload_records,
        payload_logged_by: logged_by(answers),
        feedback_records,
        roc_curve: separation.roc_curve(),
        score_distribution: separation.score_distribution(),
        separation: None,
    })
}

/// Who logged the payload: the service where it did so for a shard, for it is then that one that logs late.
fn logged_by(answers: &[Answer]) -> LoggedBy {
    let by = |who: LoggedBy| answers.iter().any(|answer| answer.payload_logged_by == who).then_some(who);
    by(LoggedBy::Service).or_else(|| by(LoggedBy::Step)).unwrap_or(LoggedBy::Nobody)
}
