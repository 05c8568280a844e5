//! From a signal in the middle of a step to the end of the step, whose request is acted on and never answered.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use stepwise_stub::{Fault, FaultKind};
use tempfile::TempDir;

use crate::dry_run::stepwise;
use crate::place::{Place, stub};
use crate::target::sample;

/// How long a step goes on. Its record is written when it ends.
pub(crate) fn end_of_step(step: &str, method: &str, path: &str) -> Result<Duration> {
    let folder = TempDir::new()?;
    let stub = stub()?;
    stub.fail(Fault::new(method, path, FaultKind::Stall));
    let mut command = stepwise(folder.path());
    command.arg("run").arg(sample("pipeline.yaml")).args(["--run", "bench"]).envs(Place::of(&stub).variables());
    let mut child = command.spawn()?;
    while stub.held() == 0 {
        ensure!(child.try_wait()?.is_none(), "`{step}` has ended without the request {method} {path}");
        std::thread::sleep(Duration::from_millis(1));
    }
    let signalled = SystemTime::now();
    kill_process(Pid::from_child(&child), Signal::TERM)?;
    let ended = child.wait()?;
    ensure!(ended.code() == Some(143), "it ended with {ended}");
    ensure!(stub.leftovers().is_empty(), "the stub is left with {:?}", stub.leftovers());
    let record = fs::metadata(folder.path().join(format!(".stepwise/bench/steps/{step}.json")))?;
    record.modified()?.duration_since(signalled).context("the step ended before the signal")
}
