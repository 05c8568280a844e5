//! What `make bench` runs: measures dry runs of the sample, and the same calls to the same stub made directly.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stepwise_stub::{Options, Stub};

mod client;
mod direct;
mod dry_run;
mod target;

use direct::Direct;
use dry_run::DryRuns;

/// How often each is measured; the middle one counts.
const TIMES: usize = 9;

fn main() -> Result<()> {
    let runs = DryRuns::new()?;
    let cold = runs.measure()?;
    let warm = (0..TIMES).map(|_| runs.measure()).collect::<Result<Vec<_>>>()?;
    check_calls(&runs)?;
    let (by_run, directly) = (time(|stub| runs.against(stub))?, time(|stub| Direct::new(stub)?.run())?);

    let wall = median(warm.iter().map(|run| run.wall.as_secs_f64()));
    let memory = warm.iter().map(|run| run.peak_memory).max().unwrap_or_default();
    println!("dry run                {wall:7.3} s     aim: under 1.5 s");
    println!("  nothing compiled yet {:7.3} s", cold.wall.as_secs_f64());
    println!("run against a stub     {by_run:7.3} s");
    println!("  its calls directly   {directly:7.3} s");
    println!("  ratio                {:7.2}", by_run / directly);
    println!("peak memory            {:7.1} MB    aim: under 100 MB", memory as f64 / 1e6);
    println!("the host's own time                aim: under 10 ms per step");
    for (number, (step, _)) in cold.own_time.iter().enumerate() {
        println!("  {step:20} {:7.1} ms", median(warm.iter().map(|run| run.own_time[number].1)));
    }
    Ok(())
}

/// What is compared must be the same work.
fn check_calls(runs: &DryRuns) -> Result<()> {
    let steps = calls(|stub| runs.against(stub))?;
    let direct = calls(|stub| Direct::new(stub)?.run())?;
    let difference: Vec<_> = steps.symmetric_difference(&direct).collect();
    ensure!(difference.is_empty(), "`tests/bench/direct.rs` and the steps differ in {difference:#?}");
    Ok(())
}

/// How many seconds a client takes.
fn time(client: impl Fn(&Stub) -> Result<()>) -> Result<f64> {
    let once = || {
        let stub = stub()?;
        let start = Instant::now();
        client(&stub)?;
        Ok(start.elapsed().as_secs_f64())
    };
    Ok(median((0..TIMES).map(|_| once()).collect::<Result<Vec<_>>>()?.into_iter()))
}

/// The calls that a client makes, ids left out, and how often. Reads count once, as polling looks at a clock.
fn calls(client: impl Fn(&Stub) -> Result<()>) -> Result<BTreeSet<(String, usize)>> {
    let stub = stub()?;
    client(&stub)?;
    ensure!(stub.leftovers().is_empty(), "the stub is left with {:?}", stub.leftovers());
    let mut calls = BTreeMap::new();
    for request in stub.requests() {
        let count = calls.entry(format!("{} {}", request.method, without_ids(&request.path))).or_default();
        *count = if request.method == "GET" { 1 } else { *count + 1 };
    }
    Ok(calls.into_iter().collect())
}

/// One whose asynchronous states are over before they are looked at again.
fn stub() -> Result<Stub> {
    Ok(Stub::start(Options { settle: Duration::from_millis(20), ..Options::default() })?)
}

fn without_ids(path: &str) -> String {
    let is_id = |segment: &str| segment.len() == 36 && segment.matches('-').count() == 4;
    path.split('/').map(|segment| if is_id(segment) { "*" } else { segment }).collect::<Vec<_>>().join("/")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
