//! `steps/<id>.json`: what is known of a step.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::Shard;
use crate::engine::{FailureCategory, Schema, StepError};
use crate::plan::{PlannedStep, Retry};

use super::chart::{Chart, charts};
use super::events::Events;
use super::lend::LentFile;
use super::requests::Requests;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It did its work.
    Succeeded,
    /// It worked, and a gate was missed.
    GateMissed,
    /// It failed.
    Failed,
    /// A signal ended it.
    Interrupted,
    /// It did not run: `skipped` says why.
    Skipped,
}

impl StepOutcome {
    /// Whether its work is not done.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Interrupted)
    }

    /// What the step did, in the past tense.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::GateMissed => "missed a gate",
            Self::Failed => "failed",
            Self::Interrupted => "was interrupted",
            Self::Skipped => "was skipped",
        }
    }
}

/// What is known of a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Its id in the spec; a shard's has the shard's number after it, as `score.0`.
    pub id: String,
    /// Which shard of the step it is, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<Shard>,
    /// The component's name and version.
    pub component: String,
    /// The component's version.
    pub version: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Why it was skipped, if it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skipped: Option<String>,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it ended.
    pub ended_at: String,
    /// Time of all tries, in milliseconds.
    pub duration_ms: f64,
    /// How much of it the step waited: for answers, and between two looks at a service.
    pub waiting_ms: f64,
    /// How often it was tried.
    pub attempts: u32,
    /// What its last try used of its limits, by their keys in the spec; time is `duration_ms`.
    #[serde(default)]
    pub used: BTreeMap<String, u64>,
    /// The requests of all its tries, by service, then by the class of the answer's status, as `2xx`, or `unanswered`.
    #[serde(default)]
    pub requests: Requests,
    /// The requests that were granted to it, `service METHOD path`.
    pub grants: Vec<String>,
    /// The inputs, references resolved.
    pub inputs: Value,
    /// The files that were lent to it.
    pub files: Vec<LentFile>,
    /// What it answered, or what it had found out when it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outputs: Option<Value>,
    /// SHA-256 of the artifacts that its outputs name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub artifacts: BTreeMap<String, String>,
    /// How many lines the ledger had when it ended.
    #[serde(default)]
    pub ledger_lines: u64,
    /// Which outputs are shown to the user, in the order of the schema.
    pub report: Vec<String>,
    /// Which outputs are drawn, by their names.
    #[serde(default)]
    pub charts: BTreeMap<String, Chart>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<FailureRecord>,
}

/// Why a step failed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FailureRecord {
    /// `invalid-input`, `refused`, `unavailable`, `gate` or `internal`.
    pub category: String,
    /// What failed.
    pub message: String,
    /// The one action that mends it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl StepRecord {
    /// A step's record before it runs.
    pub(super) fn of(step: &PlannedStep, events: &Events) -> Self {
        let info = &step.component.info;
        let reported =
            info.outputs.properties().filter(|(_, schema)| schema.get("x-report") == Some(&Value::Bool(true)));
        Self {
            id: step.id.clone(),
            shard: step.shard(),
            component: info.name.clone(),
            version: info.version.clone(),
            sha256: step.component.sha256.clone(),
            outcome: StepOutcome::Skipped,
            skipped: None,
            started_at: super::now(),
            ended_at: super::now(),
            duration_ms: 0.0,
            waiting_ms: 0.0,
            attempts: 0,
            used: BTreeMap::new(),
            requests: Requests::new(),
            grants: step.permit.granted().map(|grant| events.masked(&format!("{} {grant}", grant.service))).collect(),
            inputs: events.masked_value(step.inputs.sketch()),
            files: Vec::new(),
            outputs: None,
            artifacts: BTreeMap::new(),
            ledger_lines: 0,
            // What shards have answered is shown as a whole.
            report: reported.filter(|_| step.shard().is_none()).map(|(name, _)| name.clone()).collect(),
            charts: if step.shard().is_none() { charts(&info.outputs) } else { BTreeMap::new() },
            failure: None,
        }
    }

    /// Notes how a try ended. What a failed one found out is kept if it is what the schema of the outputs says.
    pub(super) fn end(&mut self, ended: Result<Value, StepError>, schema: &Schema, events: &Events) {
        self.failure = None;
        self.outputs = None;
        let error = match ended {
            Ok(outputs) => {
                self.outcome = StepOutcome::Succeeded;
                self.outputs = Some(outputs);
                return;
            }
            Err(error) => error,
        };
        self.outcome = match &error {
            StepError::Interrupted => StepOutcome::Interrupted,
            StepError::Failed(failure) if failure.category == FailureCategory::Gate => StepOutcome::GateMissed,
            _ => StepOutcome::Failed,
        };
        let (category, hint) = match &error {
            StepError::Failed(failure) => {
                let found = failure.outputs.as_deref().and_then(|text| serde_json::from_str(text).ok());
                let found = found.filter(|found| schema.errors(found).is_empty());
                self.outputs = found.map(|found| events.masked_value(found));
                (category(failure.category), failure.hint.clone())
            }
            StepError::OutOfTime(_) => ("unavailable", Some("give the step a longer `timeout`".to_owned())),
            StepError::RunOutOfTime(_) => ("unavailable", Some("give the run a longer `timeout`".to_owned())),
            StepError::Limit(hit) => ("internal", Some(hit.hint())),
            _ => ("internal", None),
        };
        let failure = FailureRecord {
            category: category.to_owned(),
            message: events.masked(&error.to_string()),
            hint: hint.map(|hint| events.masked(&hint)),
        };
        self.failure = Some(failure);
    }

    /// Whether it failed in a way after which it is tried again.
    pub(super) fn may_repeat(&self, retry: &Retry) -> bool {
        let failure = self.failure.as_ref().filter(|_| self.outcome == StepOutcome::Failed);
        failure.is_some_and(|failure| retry.on.iter().any(|category| category.name() == failure.category))
    }

    /// Why it failed, in its words.
    pub(super) fn message(&self) -> &str {
        self.failure.as_ref().map_or("", |failure| &failure.message)
    }
}

fn category(category: FailureCategory) -> &'static str {
    match category {
        FailureCategory::InvalidInput => "invalid-input",
        FailureCategory::Refused => "refused",
        FailureCategory::Unavailable => "unavailable",
        FailureCategory::Gate => "gate",
        FailureCategory::Internal => "internal",
    }
}
