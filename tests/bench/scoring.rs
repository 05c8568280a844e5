//! How many rows a second are scored: by the steps, and by a bare client that sends the same to the same stub.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Lines, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::direct::{Direct, Ready};
use crate::dry_run::{number, steps_of, stepwise};
use crate::place::{Place, StubProcess};
use crate::process::measure;
use crate::target::{Target, sample};

/// As the `score` step does.
const BATCH: usize = 500;
const IN_FLIGHT: usize = 4;

/// Rows a second, each way, and the host's peak memory in bytes.
pub(crate) struct Throughput {
    pub(crate) steps: f64,
    pub(crate) direct: f64,
    pub(crate) peak_memory: u64,
}

/// Scores that many rows. Each way has a stub of its own, which keeps all records.
pub(crate) fn throughput(rows: usize) -> Result<Throughput> {
    let folder = TempDir::new()?;
    prepare(folder.path(), rows)?;
    let stub = StubProcess::start()?;
    let mut command = stepwise(folder.path());
    command.args(["run", "pipeline.yaml", "--run", "bench"]).envs(stub.place.variables());
    let measured = measure(command)?;
    drop(stub);
    let steps = steps_of(&folder.path().join(".stepwise/bench/run.json"))?;
    let score = steps.iter().find(|step| step["id"] == "score").context("no step `score`")?;
    ensure!(score["outputs"]["rows"] == rows, "{rows} rows are wanted: {}", score["outputs"]);
    let took = number(score, "duration_ms")? / 1000.0;

    let stub = StubProcess::start()?;
    let direct = direct(&stub.place, &folder.path().join("data/target.csv"), rows)?;
    Ok(Throughput { steps: rows as f64 / took, direct, peak_memory: measured.peak_memory })
}

/// The sample with as many rows, its own over and over, and without the steps after `score` but `cleanup`.
fn prepare(folder: &Path, rows: usize) -> Result<()> {
    let spec = fs::read_to_string(sample("pipeline.yaml"))?;
    let (before, rest) = spec.split_once("  - step: evaluate").context("no step `evaluate`")?;
    let (_, cleanup) = rest.split_once("  - step: cleanup").context("no step `cleanup`")?;
    fs::write(folder.join("pipeline.yaml"), format!("{before}  - step: cleanup{cleanup}"))?;
    fs::create_dir(folder.join("data"))?;
    for file in ["model.onnx", "data/training.csv"] {
        fs::copy(sample(file), folder.join(file))?;
    }
    let text = fs::read_to_string(sample("data/target.csv"))?;
    let (header, lines) = text.split_once('\n').context("no header")?;
    let mut file = BufWriter::new(File::create(folder.join("data/target.csv"))?);
    writeln!(file, "{header}")?;
    for line in lines.lines().cycle().take(rows) {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

fn direct(place: &Place, file: &Path, rows: usize) -> Result<f64> {
    let direct = Direct::new(place)?;
    let ready = direct.prepare(&Target::read()?)?;
    let start = Instant::now();
    let mut lines = BufReader::new(File::open(file)?).lines();
    let header = lines.next().context("no header")??;
    let lines = Mutex::new(lines);
    let scored = thread::scope(|scope| {
        let workers: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(|| work(&direct, &ready, &header, &lines))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum::<Result<usize>>()
    })?;
    ensure!(scored == rows, "{scored} of {rows} rows were scored");
    Ok(rows as f64 / start.elapsed().as_secs_f64())
}

fn work(direct: &Direct, ready: &Ready, header: &str, lines: &Mutex<Lines<BufReader<File>>>) -> Result<usize> {
    let (mut scored, mut accepted) = (0, VecDeque::new());
    loop {
        let batch = {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>()?
        };
        if !batch.is_empty() {
            let target = Target::of(header, batch.iter().map(String::as_str))?;
            accepted.extend(direct.score_batch(ready, &target, || Ok(()))?);
        }
        // Looked at late, as the step does: most are in by then.
        while accepted.len() > if batch.is_empty() { 0 } else { 2 } {
            direct.settle(&accepted.pop_front().unwrap_or_default())?;
        }
        scored += batch.len();
        if batch.is_empty() {
            return Ok(scored);
        }
    }
}
