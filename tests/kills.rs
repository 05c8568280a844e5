//! Killed at every exchange with the services: what is left is cleaned up, or the run is resumed and ends as if nothing
//! had happened.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::failures::repeat::CREATED;
use crate::harness::{Bench, each, until};
use crate::stale::client::Client;

const HOUR: Duration = Duration::from_hours(1);

/// Points that are tried at once; each mostly waits.
const WORKERS: usize = 6;

/// When the process is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// The service has not seen the request.
    BeforeTheRequest,
    /// The service has acted, its answer has not arrived.
    BeforeTheAnswer,
    /// The answer is in the run's events.
    AfterTheAnswer,
}

pub(crate) const MOMENTS: [Moment; 3] = [Moment::BeforeTheRequest, Moment::BeforeTheAnswer, Moment::AfterTheAnswer];

/// How many exchanges the sample has.
pub(crate) fn exchanges() -> u32 {
    let bench = Bench::sample();
    bench.run().succeeds();
    u32::try_from(bench.stub.requests().len()).unwrap()
}

/// The sample beside what somebody else has made.
fn beside(others: impl Fn(&Client<'_>)) -> Bench {
    let bench = Bench::sample();
    others(&Client::of(&bench.stub));
    bench.stub.take_inventory();
    bench
}

/// A model and its deployment, in the space that the run uses.
fn their_model(client: &Client<'_>) {
    client.deployment("theirs", &client.model("theirs", &[]), &[]);
}

/// All that a run shares with others if it is there.
fn their_all(client: &Client<'_>) {
    their_model(client);
    client.data_mart("theirs");
    client.provider("theirs");
}

/// A run that is killed at an exchange. One that polls less often may be over before.
fn killed(bench: Bench, exchange: u32, moment: Moment) -> Bench {
    let every = |kind| Fault::new("*", "/**", kind).on(Nth::Nth(exchange));
    let bench = match moment {
        Moment::BeforeTheRequest => bench.fails(every(FaultKind::Delay(HOUR))),
        Moment::BeforeTheAnswer => bench.fails(every(FaultKind::Stall)),
        Moment::AfterTheAnswer => bench,
    };
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]);
    let events = bench.folder.path().join(".stepwise/r/events.jsonl");
    let reached = || match moment {
        Moment::AfterTheAnswer => {
            let events = fs::read_to_string(&events).unwrap_or_default();
            events.lines().filter(|line| line.contains(r#""event":"request""#)).count() >= exchange as usize
        }
        _ => bench.stub.held() > 0,
    };
    started.kill_when(reached);
    bench.stub.mend();
    bench
}

/// All moments of every so many exchanges.
fn points(every: usize) -> Vec<(u32, Moment)> {
    (1..=exchanges()).step_by(every).flat_map(|exchange| MOMENTS.map(|moment| (exchange, moment))).collect()
}

/// Tries points, several at once, and tells all that are not as they should be.
pub(crate) fn at_points(points: Vec<(u32, Moment)>, try_it: impl Fn(&Bench) -> Result<(), String> + Sync) {
    at_points_beside(their_model, points, try_it);
}

fn at_points_beside(
    others: impl Fn(&Client<'_>) + Sync,
    points: Vec<(u32, Moment)>,
    try_it: impl Fn(&Bench) -> Result<(), String> + Sync,
) {
    let count = points.len();
    let (points, wrong) = (Mutex::new(points), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((exchange, moment)) = points.lock().unwrap().pop() else { return };
                    if let Err(what) = try_it(&killed(beside(&others), exchange, moment)) {
                        wrong.lock().unwrap().push(format!("exchange {exchange}, {moment:?}: {what}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count} points:\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} points");
}

pub(crate) fn succeeds(bench: &Bench, arguments: &[&str]) -> Result<(), String> {
    let output = bench.command(arguments).output().unwrap();
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{arguments:?}: {}\n{}", output.status, said())) }
}

pub(crate) fn leaves_nothing(bench: &Bench) -> Result<(), String> {
    let (left, missing) = (bench.stub.leftovers(), bench.stub.missing());
    if !left.is_empty() {
        return Err(format!("left behind: {left:?}"));
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("not there any more: {missing:?}")) }
}

#[test]
fn a_run_that_was_killed_anywhere_is_cleaned_up() {
    at_points(points(1), |bench| {
        succeeds(bench, &["cleanup", "--run", "r"])?;
        leaves_nothing(bench)
    });
}

#[test]
fn what_others_have_made_and_a_run_uses_stays_wherever_it_is_killed() {
    at_points_beside(their_all, points(6), |bench| {
        succeeds(bench, &["cleanup", "--run", "r"])?;
        leaves_nothing(bench)
    });
}

#[test]
fn what_a_service_makes_after_a_killed_run_was_cleaned_up_is_removed_by_the_next_cleanup() {
    each(
        &CREATED,
        |(kind, _)| kind,
        |(_, path)| {
            let bench = beside(their_model).fails(Fault::new("POST", path, FaultKind::Delay(HOUR)));
            bench.start(&["run", "pipeline.yaml", "--run", "r"]).kill_when(|| bench.stub.held() > 0);
            bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
            bench.leaves_nothing();

            bench.stub.release();
            until(|| bench.requests().contains(&format!("POST {path}")));
            bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

            bench.leaves_nothing();
        },
    );
}

#[test]
fn a_run_that_was_killed_anywhere_is_resumed_and_makes_nothing_twice() {
    at_points(points(1), |bench| {
        succeeds(bench, &["run", "pipeline.yaml", "--resume", "r", "--keep"])?;
        let theirs = |kind| usize::from(["model", "deployment"].contains(&kind));
        let twice = bench.stub.made().into_iter().find(|(kind, count)| *count != 1 + theirs(*kind));
        if let Some((kind, count)) = twice {
            return Err(format!("{count} of kind {kind} were made"));
        }
        bench.metrics_are("tumour-screening");
        let outputs = bench.outputs("score");
        for (records, kind) in [("feedback_records", "feedback"), ("payload_records", "payload_logging")] {
            // None, if cleanup has begun.
            if outputs[records] != 171 || ![0, 171].contains(&bench.stub.records(kind)) {
                return Err(format!("{} of kind {kind}: {outputs}", bench.stub.records(kind)));
            }
        }
        succeeds(bench, &["run", "pipeline.yaml", "--resume", "r"])?;
        leaves_nothing(bench)
    });
}

#[test]
fn one_command_starts_a_run_and_goes_on_with_it() {
    let command = ["run", "pipeline.yaml", "--resume", "r", "--or-start"];
    let stall = Fault::new("POST", "/ml/v4/deployments/*/predictions", FaultKind::Stall);
    let bench = Bench::sample().fails(stall);
    bench.start(&command).kill_when(|| bench.stub.held() > 0);
    bench.stub.mend();

    bench.stepwise(&command).succeeds();

    assert!(bench.stub.made().iter().all(|(_, count)| *count == 1), "{:?}", bench.stub.made());
    assert_eq!(bench.outputs("score")["feedback_records"], 171);
    bench.leaves_nothing();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "other"]).exits_with(2);
}

#[test]
fn a_run_that_is_alive_is_not_resumed() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/models", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).reaches(|| bench.stub.held() > 0);

    bench
        .stepwise(&["run", "pipeline.yaml", "--resume", "r"])
        .exits_with(1)
        .says("error: run `r` is held by another process, which runs it or removes what it has left\n");

    assert!(started.signal(Signal::KILL).ends().was_killed());
    bench.stub.mend();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();
    bench.leaves_nothing();
}
