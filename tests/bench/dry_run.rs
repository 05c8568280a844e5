//! Runs of the built program, measured from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stepwise_stub::Stub;
use tempfile::TempDir;

/// The sample, run in a folder of its own with a cache of its own.
pub(crate) struct DryRuns {
    folder: TempDir,
    spec: PathBuf,
}

/// What a run took.
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// In bytes.
    pub(crate) peak_memory: u64,
    /// By step, in milliseconds: all but waiting, for answers and between two looks at a service.
    pub(crate) own_time: Vec<(String, f64)>,
}

impl DryRuns {
    pub(crate) fn new() -> Result<Self> {
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/pipeline.yaml");
        Ok(Self { folder: TempDir::new()?, spec })
    }

    pub(crate) fn measure(&self) -> Result<Measured> {
        let start = Instant::now();
        let child = self.command().arg("--dry-run").spawn()?;
        let (wall, peak_memory) = watch(child, start)?;
        let own_time = own_time(&self.record().join("run.json"))?;
        fs::remove_dir_all(self.record())?;
        Ok(Measured { wall, peak_memory, own_time })
    }

    /// Runs the sample against this stub.
    pub(crate) fn against(&self, stub: &Stub) -> Result<()> {
        let variables = [
            ("CPD_URL", stub.url()),
            ("CPD_USERNAME", stub.username()),
            ("CPD_API_KEY", stub.api_key()),
            ("CPD_SPACE", stub.space_id()),
        ];
        let status = self.command().envs(variables).status()?;
        ensure!(status.success(), "the run ended with {status}");
        fs::remove_dir_all(self.record())?;
        Ok(())
    }

    /// What a run leaves.
    fn record(&self) -> PathBuf {
        self.folder.path().join(".stepwise/bench")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwise"));
        command.arg("run").arg(&self.spec).args(["--run", "bench"]).current_dir(&self.folder);
        command.env("STEPWISE_CACHE", self.folder.path().join("cache"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// Waits for the end of the process. Its peak memory can only be read before, but in the meantime it only grows.
fn watch(mut child: Child, start: Instant) -> Result<(Duration, u64)> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "the dry run ended with {ended}");
            return Ok((start.elapsed(), peak));
        }
        let text = fs::read_to_string(&status)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes * 1024);
        sleep(Duration::from_millis(2));
    }
}

fn own_time(record: &Path) -> Result<Vec<(String, f64)>> {
    let record: Value = serde_json::from_slice(&fs::read(record)?)?;
    let steps = record["steps"].as_array().context("a record without steps")?;
    let time = |step: &Value, name: &str| step[name].as_f64().with_context(|| format!("a step without `{name}`"));
    steps
        .iter()
        .map(|step| {
            let id = step["id"].as_str().context("a step without its id")?;
            Ok((id.to_owned(), time(step, "duration_ms")? - time(step, "waiting_ms")?))
        })
        .collect()
}
