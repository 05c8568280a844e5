//! `run.json`: what is known of a run.
//!
//! Each step has a file of its own, written by whoever runs it; `run.json` gathers them and is rewritten after
//! every step, so nothing is lost with the process.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::plan::Overrides;
use crate::services::is_masked;

use super::choice::Choice;
use super::folder::{FolderError, RunFolder, failed, write_atomically};
use super::seal::OF_FILE;
use super::step_record::{StepOutcome, StepRecord};

/// How a run ended: the worst of its steps, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended, or was killed: a step has not run that no `when` has skipped.
    Unfinished,
    /// All is well.
    Succeeded,
    /// A gate was missed, all else is well.
    GateMissed,
    /// A step failed.
    Failed,
    /// A signal ended it.
    Interrupted,
}

impl From<StepOutcome> for Outcome {
    fn from(outcome: StepOutcome) -> Self {
        match outcome {
            StepOutcome::Succeeded | StepOutcome::Skipped => Self::Succeeded,
            StepOutcome::GateMissed => Self::GateMissed,
            StepOutcome::Failed => Self::Failed,
            StepOutcome::Interrupted => Self::Interrupted,
        }
    }
}

/// What is known of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// The form of this file.
    pub version: u32,
    /// The run's name.
    pub run: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The spec, as it was named.
    pub spec: String,
    /// SHA-256 of the spec.
    pub spec_sha256: String,
    /// The version of stepwise.
    pub stepwise: String,
    /// The contract that it speaks.
    pub contract: String,
    /// Whether the services were the embedded stub.
    pub dry_run: bool,
    /// Whether it is no run of the pipeline, but removed what lost ones have left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sweep: bool,
    /// Where the services are: the ledger's entries mean nothing elsewhere.
    pub services: BTreeMap<String, String>,
    /// Where the platforms of those services are that have one of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, String>,
    /// What a reader of the result should know first, for example that a service's certificate is not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Random letters that make the run's tags its own, even if another machine has a run of the same name.
    pub nonce: String,
    /// What was laid over the spec when the run began.
    #[serde(default)]
    pub overrides: Overrides,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// When it was last written.
    pub updated_at: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The ids of the steps that run unless one fails, in the order of the spec.
    #[serde(default)]
    pub expected: Vec<String>,
    /// The steps that have run or were skipped, in the order of the spec.
    pub steps: Vec<StepRecord>,
    /// Which of the steps' files `steps` was read from.
    #[serde(skip)]
    pub(super) read: BTreeMap<String, Stamp>,
}

/// Tells one content of a file from the next: a file that is replaced has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    number: u64,
    written: (i64, i64),
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let about = fs::metadata(file).ok()?;
        Some(Self { number: about.ino(), written: (about.mtime(), about.mtime_nsec()) })
    }
}

impl RunRecord {
    /// The JSON Schema of `run.json`. Later versions may add members.
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Self).to_value();
        schema["properties"]["sum"] = json!({"type": "string", "description": "A checksum of all before it."});
        schema
    }

    /// Reads a run's record.
    pub fn read(folder: &RunFolder) -> Result<Self, FolderError> {
        let file = folder.record();
        match read(&file) {
            Err(FolderError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Err(FolderError::Record { path: file, reason: "it is missing".to_owned() })
            }
            read => read,
        }
    }

    /// Whether one of these steps was to remove what the run created, and has not done so.
    pub fn was_left_by<'a>(&self, mut removing: impl Iterator<Item = &'a str>, choice: &Choice) -> bool {
        let failed = |id: &str| self.steps.iter().any(|step| step.id == id && step.outcome.is_failure());
        removing.any(|id| choice.includes(id) && failed(id))
    }

    /// Notes what is laid over the spec from now on. That a secret was set stays known, as it must be set again.
    pub(super) fn resume_with(&mut self, now: Overrides) {
        let mut set = std::mem::take(&mut self.overrides.set);
        set.retain(|known| is_masked(known) && !now.set.contains(known));
        set.extend(now.set);
        self.overrides = Overrides { profile: now.profile, set };
    }

    /// The steps that are to run and have not, in the order of the spec.
    pub fn not_run(&self) -> impl Iterator<Item = &str> {
        let has_run = |id: &str| self.steps.iter().any(|step| step.id == id);
        self.expected.iter().map(String::as_str).filter(move |id| !has_run(id))
    }

    /// Writes the record of a run that begins.
    pub(super) fn create(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&folder.record(), self)
    }

    /// Writes the step's own file, then the whole record. The step is in the record also if it cannot be written: those
    /// that must follow may need its outputs.
    pub(super) fn keep(&mut self, folder: &RunFolder, step: StepRecord, order: &[String]) -> Result<(), FolderError> {
        let written = write_json(&folder.step(&step.id), &step);
        match self.steps.iter_mut().find(|known| known.id == step.id) {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
        written?;
        self.gather(folder, order)
    }

    /// Reads the steps' files that are new, as other processes may have written some, and writes the whole record.
    pub(super) fn gather(&mut self, folder: &RunFolder, order: &[String]) -> Result<(), FolderError> {
        let _lock = folder.lock()?;
        self.read_steps(folder, order)?;
        self.write(folder)
    }

    /// The same at the end of a call: says how the run has ended, so far as all processes of it know.
    pub(super) fn conclude(&mut self, folder: &RunFolder, order: &[String], end: Outcome) -> Result<(), FolderError> {
        let _lock = folder.lock()?;
        let read = self.read_steps(folder, order);
        let worst = self.steps.iter().map(|step| step.outcome.into()).fold(end, Outcome::max);
        let is_done = worst != Outcome::Succeeded || self.not_run().next().is_none();
        self.outcome = if is_done { worst } else { Outcome::Unfinished };
        read.and_then(|()| self.write(folder))
    }

    fn read_steps(&mut self, folder: &RunFolder, order: &[String]) -> Result<(), FolderError> {
        let mut known: BTreeMap<_, _> = self.steps.drain(..).map(|step| (step.id.clone(), step)).collect();
        for id in order {
            let file = folder.step(id);
            let before = known.remove(id);
            let Some(stamp) = Stamp::of(&file) else {
                self.steps.extend(before);
                continue;
            };
            let step =
                if self.read.insert(id.clone(), stamp) == Some(stamp) { before } else { self.step(&file, before)? };
            self.steps.extend(step);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, folder: &RunFolder) -> Result<(), FolderError> {
        self.updated_at = super::now();
        write_json(&folder.record(), self)
    }

    /// Reads a step's file. If it is damaged, the step is what was known of it before, and if that is nothing, it has not
    /// run: then it is run again, and finds in the ledger what it had created.
    fn step(&mut self, file: &Path, before: Option<StepRecord>) -> Result<Option<StepRecord>, FolderError> {
        let error = match read(file) {
            Ok(step) => return Ok(Some(step)),
            Err(error @ FolderError::Record { .. }) => error,
            Err(error) => return Err(error),
        };
        let instead = if before.is_some() { "from `run.json`" } else { "as if the step had not run" };
        let warning = format!("{error}; it is taken {instead}");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        Ok(before)
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, FolderError> {
    let bytes = fs::read(file).map_err(failed("read", file))?;
    let damaged = |reason| FolderError::Record { path: file.to_owned(), reason };
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8".to_owned()))?;
    let object = OF_FILE.open(&text).map_err(damaged)?;
    serde_json::from_str(&object).map_err(|error| damaged(error.to_string()))
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| failed("write", file)(error.into()))?;
    write_atomically(file, OF_FILE.close(&text).as_bytes())
}
