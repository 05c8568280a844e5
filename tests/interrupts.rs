//! A signal in the middle of each step, as Jenkins' abort button sends it: the step ends though its service never answers,
//! what must follow runs, and nothing is left.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use stepwise_stub::{Fault, FaultKind};

use crate::harness::{Bench, Started, each};
use crate::middles::MIDDLES;

fn stalled(method: &str, path: &str) -> Bench {
    Bench::sample().fails(Fault::new(method, path, FaultKind::Stall))
}

/// Starts the run, and waits until it is in the middle.
fn started(bench: &Bench) -> Started<'_> {
    bench.start(&["run", "pipeline.yaml", "--run", "r"]).reaches(|| bench.stub.held() > 0)
}

/// When a step ended: its record is written then.
fn ended_at(bench: &Bench, step: &str) -> SystemTime {
    let record = bench.folder.path().join(format!(".stepwise/r/steps/{step}.json"));
    fs::metadata(record).unwrap().modified().unwrap()
}

fn ends_the_step_and_cleans_up(signal: Signal, code: u8) {
    each(
        &MIDDLES,
        |(step, ..)| step,
        |(step, method, path)| {
            let bench = stalled(method, path);
            let started = started(&bench);
            let signalled = SystemTime::now();

            started.signal(signal).ends().exits_with(code);

            assert_eq!(bench.step(step)["outcome"], "interrupted");
            assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
            assert_eq!(bench.record()["outcome"], "interrupted");
            // `make bench` measures that it is two seconds at the most; a busy machine takes more.
            let took = ended_at(&bench, step).duration_since(signalled).unwrap_or_default();
            assert!(took < Duration::from_secs(10), "{took:?}");
            bench.leaves_nothing();
        },
    );
}

#[test]
fn sigint_in_any_step_ends_it_and_cleans_up() {
    ends_the_step_and_cleans_up(Signal::INT, 130);
}

#[test]
fn sigterm_in_any_step_ends_it_and_cleans_up() {
    ends_the_step_and_cleans_up(Signal::TERM, 143);
}

#[test]
fn a_second_signal_ends_cleanup_at_once_and_says_how_to_do_it_later() {
    let bench = stalled("DELETE", "/openscale/*/v2/subscriptions/*");

    let started = started(&bench).signal(Signal::TERM);
    let started = started.says("interrupted; what must follow still runs, a second signal ends it");
    started
        .signal(Signal::TERM)
        .ends()
        .exits_with(143)
        .has_line("interrupted again; to remove what is left: stepwise cleanup pipeline.yaml --run r --runs .stepwise");

    bench.stub.mend();
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}
