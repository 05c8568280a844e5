//! `run.json`: what is known of a run.
//!
//! Each step has a file of its own, written by whoever runs it; `run.json` gathers them and is rewritten after
//! every step, so nothing is lost with the process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plan::Overrides;

use super::folder::{FolderError, RunFolder, failed, write_atomically};
use super::step_record::{StepOutcome, StepRecord};

/// How a run ended: the worst of its steps, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended, or was killed.
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// The steps that have run or were skipped, in the order of the spec.
    pub steps: Vec<StepRecord>,
}

impl RunRecord {
    /// Reads a run's record.
    pub fn read(folder: &RunFolder) -> Result<Self, FolderError> {
        read(&folder.record())
    }

    /// Writes the record of a run that begins.
    pub(super) fn create(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&folder.record(), self)
    }

    /// Writes the step's own file, then the whole record.
    pub(super) fn keep(&mut self, folder: &RunFolder, step: &StepRecord, order: &[String]) -> Result<(), FolderError> {
        write_json(&folder.step(&step.id), step)?;
        self.gather(folder, order)
    }

    /// Reads all steps' files again, as other processes may have written some, and writes the whole record.
    pub(super) fn gather(&mut self, folder: &RunFolder, order: &[String]) -> Result<(), FolderError> {
        let _lock = folder.lock()?;
        self.steps = steps(folder, order)?;
        self.updated_at = super::now();
        write_json(&folder.record(), self)
    }
}

/// The records of the steps that there are, in this order.
pub(super) fn steps(folder: &RunFolder, order: &[String]) -> Result<Vec<StepRecord>, FolderError> {
    order.iter().map(|id| folder.step(id)).filter(|file| file.exists()).map(|file| read(&file)).collect()
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, FolderError> {
    let text = fs::read(file).map_err(failed("read", file))?;
    serde_json::from_slice(&text)
        .map_err(|error| FolderError::Record { path: file.to_owned(), reason: error.to_string() })
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed("write", file)(error.into()))?;
    text.push(b'\n');
    write_atomically(file, &text)
}
