//! Runs of the sample by the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::place::Place;
use crate::process::{Measured, measure};
use crate::target::sample;

/// The sample, run in a folder of its own with a cache of its own.
pub(crate) struct DryRuns {
    folder: TempDir,
}

/// A step's name, and its time in milliseconds.
pub(crate) type OwnTime = Vec<(String, f64)>;

impl DryRuns {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: TempDir::new()? })
    }

    /// A dry run, and by step all its time but waiting, for answers and between two looks at a service.
    pub(crate) fn measure(&self) -> Result<(Measured, OwnTime)> {
        let mut command = self.command();
        command.arg("--dry-run");
        let measured = measure(command)?;
        let own_time = own_time(&self.record().join("run.json"))?;
        fs::remove_dir_all(self.record())?;
        Ok((measured, own_time))
    }

    /// A run against this stub.
    pub(crate) fn against(&self, place: &Place) -> Result<Measured> {
        let mut command = self.command();
        command.envs(place.variables());
        let measured = measure(command)?;
        fs::remove_dir_all(self.record())?;
        Ok(measured)
    }

    /// What a run leaves.
    fn record(&self) -> PathBuf {
        self.folder.path().join(".stepwise/bench")
    }

    fn command(&self) -> Command {
        let mut command = stepwise(self.folder.path());
        command.arg("run").arg(sample("pipeline.yaml")).args(["--run", "bench"]);
        command
    }
}

/// The program in a folder, with a cache in there.
pub(crate) fn stepwise(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwise"));
    command.current_dir(folder).env("STEPWISE_CACHE", folder.join("cache"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The steps of a record, as they stand there.
pub(crate) fn steps_of(record: &Path) -> Result<Vec<Value>> {
    let record: Value = serde_json::from_slice(&fs::read(record)?)?;
    record["steps"].as_array().cloned().context("a record without steps")
}

/// A number of a step's record.
pub(crate) fn number(step: &Value, name: &str) -> Result<f64> {
    step[name].as_f64().with_context(|| format!("a step without `{name}`"))
}

fn own_time(record: &Path) -> Result<OwnTime> {
    let of_one = |step: &Value| {
        let id = step["id"].as_str().context("a step without its id")?;
        Ok((id.to_owned(), number(step, "duration_ms")? - number(step, "waiting_ms")?))
    };
    steps_of(record)?.iter().map(of_one).collect()
}
