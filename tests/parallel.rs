//! Ten pipelines at once against one stub: they share the space, the data mart and the service provider.

use std::thread;

use crate::harness::{Bench, json};

const RUNS: usize = 10;

#[test]
fn ten_runs_at_once_succeed_and_none_removes_what_is_anothers() {
    let bench = Bench::sample();
    let names: Vec<_> = (0..RUNS).map(|number| format!("r{number}")).collect();

    thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| bench.stepwise(&["run", "pipeline.yaml", "--run", name]).succeeds());
        }
    });

    // What was kept for others goes with the last of them.
    let left = bench.stub.leftovers();
    assert!(left.iter().all(|(kind, ..)| ["data mart", "service provider"].contains(&kind.as_str())), "{left:?}");
    let first = json(&bench.folder.path().join(".stepwise/r0/steps/evaluate.json"));
    for name in &names {
        let record = json(&bench.folder.path().join(format!(".stepwise/{name}/steps/evaluate.json")));
        assert_eq!(record["outputs"]["gates"], first["outputs"]["gates"], "{name}");
    }
    // A data mart stays while there is a provider in it, which may be another run's: only the second time it is not.
    for name in names.iter().chain(&names) {
        bench.stepwise(&["cleanup", "--run", name]).succeeds();
    }
    bench.leaves_nothing();
}
