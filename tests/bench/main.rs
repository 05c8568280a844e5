//! What `make bench` runs: measures the built program, and beside it the same calls to the same stub made directly.
//!
//! Arguments choose parts (`dry-run`, `start`, `cost`, `steps`, `interrupt`, `scoring`), numbers the rows to score: without any, all
//! parts, and 10,000 and 100,000 rows. `make bench ONLY="scoring 1000000"` scores a million, which takes minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stepwise_stub::Stub;

mod client;
mod direct;
mod dry_run;
mod interrupt;
mod many_steps;
#[path = "../middles.rs"]
mod middles;
mod place;
mod process;
mod scoring;
mod start;
mod target;

use direct::Direct;
use dry_run::DryRuns;
use place::{Place, StubProcess, stub};
use process::{Measured, measure};
use start::Compiled;

/// How often each is measured; the middle one counts.
const TIMES: usize = 9;
/// How often what takes long is.
const FEW: usize = 3;
/// What can be chosen.
const PARTS: [&str; 6] = ["dry-run", "start", "cost", "steps", "interrupt", "scoring"];
/// Rows to score, unless asked otherwise.
const ROWS: [usize; 2] = [10_000, 100_000];
/// Steps of the pipelines that do nothing.
const STEPS: [usize; 3] = [1, 10, 100];

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("stub") => return place::serve(),
        Some("direct") => return Direct::new(&serde_json::from_str(arguments.get(1).context("no place")?)?)?.run(),
        _ => {}
    }
    let (rows, parts): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|one| one.parse::<usize>().is_ok());
    let rows = rows.iter().map(|rows| rows.parse()).collect::<Result<Vec<usize>, _>>()?;
    for part in &parts {
        ensure!(PARTS.contains(&part.as_str()), "`{part}` is no part; there are {}", PARTS.join(", "));
    }
    let chosen = |part: &str| parts.is_empty() || parts.iter().any(|known| *known == part);
    if chosen("dry-run") {
        dry_runs()?;
    }
    if chosen("start") {
        starts()?;
    }
    if chosen("cost") {
        cost()?;
    }
    if chosen("steps") {
        steps()?;
    }
    if chosen("interrupt") {
        interrupts()?;
    }
    if chosen("scoring") {
        scored(if rows.is_empty() { &ROWS } else { &rows })?;
    }
    Ok(())
}

fn dry_runs() -> Result<()> {
    let runs = DryRuns::new()?;
    let (cold, own_times) = runs.measure()?;
    let warm = (0..TIMES).map(|_| runs.measure()).collect::<Result<Vec<_>>>()?;
    check_calls(&runs)?;
    let by_run = time(|stub| runs.against(&Place::of(stub)).map(|_| ()))?;
    let directly = time(|stub| Direct::new(&Place::of(stub))?.run())?;

    let wall = median(warm.iter().map(|(run, _)| run.wall.as_secs_f64()));
    let memory = warm.iter().map(|(run, _)| run.peak_memory).max().unwrap_or_default();
    println!("dry run                {wall:7.3} s     aim: under 1.5 s");
    println!("  nothing compiled yet {:7.3} s", cold.wall.as_secs_f64());
    println!("run against a stub     {by_run:7.3} s");
    println!("  its calls directly   {directly:7.3} s");
    println!("  ratio                {:7.2}", by_run / directly);
    println!("peak memory            {:7.1} MB    aim: under 100 MB", memory as f64 / 1e6);
    println!("the host's own time                aim: under 10 ms per step");
    for (number, (step, _)) in own_times.iter().enumerate() {
        println!("  {step:20} {:7.1} ms", median(warm.iter().map(|(_, own)| own[number].1)));
    }
    Ok(())
}

fn starts() -> Result<()> {
    println!("start to first request");
    for (what, compiled, times) in [
        ("nothing compiled yet", Compiled::Nothing, FEW),
        ("cache warm", Compiled::Cached, TIMES),
        ("stepwise compile", Compiled::Beside, TIMES),
    ] {
        println!("  {what:20} {:7.1} ms", median(start::first_request(compiled, times)?.into_iter()) * 1000.0);
    }
    Ok(())
}

/// Time on the processors, the stub's not counted.
fn cost() -> Result<()> {
    let runs = DryRuns::new()?;
    let once = |run: &dyn Fn(&Place) -> Result<Measured>| run(&StubProcess::start()?.place);
    // The first one compiles.
    once(&|place| runs.against(place))?;
    let sum = |run: &dyn Fn(&Place) -> Result<Measured>| {
        let times = (0..TIMES).map(|_| once(run).map(|measured| measured.processor)).sum::<Result<Duration>>();
        times.map(|sum| sum.as_secs_f64() * 1000.0 / TIMES as f64)
    };
    let by_run = sum(&|place| runs.against(place))?;
    let directly = sum(&|place| {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("direct").arg(serde_json::to_string(place)?).stdin(Stdio::null());
        measure(command)
    })?;
    println!("processor of a run     {by_run:7.1} ms");
    println!("  its calls directly   {directly:7.1} ms");
    println!("  ratio                {:7.2}", by_run / directly);
    Ok(())
}

fn steps() -> Result<()> {
    let took: Vec<f64> = many_steps::take(&STEPS, FEW)?.into_iter().map(|times| median(times.into_iter())).collect();
    println!("steps that do nothing");
    for (count, seconds) in STEPS.iter().zip(&took) {
        println!("  {count:<20} {:7.1} ms", seconds * 1000.0);
    }
    for (few, many) in [(0, 1), (1, 2)] {
        let each = (took[many] - took[few]) * 1000.0 / (STEPS[many] - STEPS[few]) as f64;
        println!("  one more, {:<10} {each:7.2} ms", format!("{} to {}", STEPS[few], STEPS[many]));
    }
    Ok(())
}

fn interrupts() -> Result<()> {
    println!("signal to end of step              aim: under 2 s");
    for (step, method, path) in middles::MIDDLES {
        let times = (0..FEW).map(|_| interrupt::end_of_step(step, method, path)).collect::<Result<Vec<_>>>()?;
        println!("  {step:20} {:7.3} s", median(times.iter().map(Duration::as_secs_f64)));
    }
    Ok(())
}

fn scored(rows: &[usize]) -> Result<()> {
    println!("scoring                  rows/s  directly  ratio  peak memory   aim: ratio at least 0.8, memory flat");
    for rows in rows {
        // Of a million rows the first measurement is steady enough.
        let times = if *rows > 100_000 { 1 } else { FEW };
        let all = (0..times).map(|_| scoring::throughput(*rows)).collect::<Result<Vec<_>>>()?;
        let steps = median(all.iter().map(|one| one.steps));
        let direct = median(all.iter().map(|one| one.direct));
        let ratio = median(all.iter().map(|one| one.steps / one.direct));
        let memory = all.iter().map(|one| one.peak_memory).max().unwrap_or_default() as f64 / 1e6;
        println!("  {rows:<20} {steps:8.0}  {direct:8.0}  {ratio:5.2}  {memory:8.1} MB");
    }
    Ok(())
}

/// What is compared must be the same work.
fn check_calls(runs: &DryRuns) -> Result<()> {
    let steps = calls(|stub| runs.against(&Place::of(stub)).map(|_| ()))?;
    let direct = calls(|stub| Direct::new(&Place::of(stub))?.run())?;
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

fn without_ids(path: &str) -> String {
    let is_id = |segment: &str| segment.len() == 36 && segment.matches('-').count() == 4;
    path.split('/').map(|segment| if is_id(segment) { "*" } else { segment }).collect::<Vec<_>>().join("/")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
