//! The stub of a dry run fails as a file says.

use crate::harness::{Bench, hide_ids};

fn run(faults: &str) -> Bench {
    Bench::sample().file("faults.yaml", faults)
}

const ARGUMENTS: [&str; 7] = ["run", "--dry-run", "pipeline.yaml", "--faults", "faults.yaml", "--run", "r"];

#[test]
fn a_run_outlives_what_passes() {
    let bench = run("faults:\n\
        - {route: POST /ml/v4/models, nth: 1, drop: after}\n\
        - {route: POST /ml/v4/deployments/*/predictions, nth: 1, status: 503, headers: {Retry-After: '0'}}\n\
        - {route: GET /openscale/**, nth: 2, truncate: true}\n\
        - {route: 'GET /ml/v4/**', nth: 1, expire_tokens: true}\n");

    bench.stepwise(&ARGUMENTS).succeeds();

    bench.metrics_are("tumour-screening");
}

#[test]
fn a_run_fails_by_what_stays() {
    let bench = run("faults: [{route: POST /ml/v4/deployments, status: 403, body: {errors: [{message: no}]}}]");

    bench.stepwise(&ARGUMENTS).exits_with(3).fails_in(
        "deploy",
        "refused",
        "`POST /ml/v4/deployments` answered 403: no",
    );

    assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
}

#[test]
fn a_fault_that_struck_nothing_is_told() {
    let bench = run("faults:\n\
        - {route: POST /ml/v4/model, status: 503}\n\
        - {route: POST /ml/v4/models, nth: 7, status: 503}\n\
        - {route: GET /v2/spaces/*, nth: 1, status: 503}\n");

    let stderr = bench.stepwise(&ARGUMENTS).succeeds().stderr();

    let told: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(
        told,
        [
            "warning: the fault of `POST /ml/v4/model` struck nothing: no call came",
            "warning: the fault of `POST /ml/v4/models` struck nothing: only 1 of its calls came",
        ]
    );
}

#[test]
fn chance_strikes_the_same_calls_in_every_run() {
    let outcomes = [(), ()].map(|()| {
        let bench = run("seed: 3\nfaults: [{route: 'GET /**', probability: 0.2, status: 500}]");
        let output = bench.command(&ARGUMENTS).output().unwrap();
        (output.status.code(), hide_ids(&bench.record()["steps"][0]["failure"].to_string()))
    });
    assert_eq!(outcomes[0], outcomes[1]);
}

#[test]
fn a_wrong_file_is_told_before_anything_runs() {
    let bench = run("faults: [{route: POST /ml/v4/models, stal: true}]");
    let said = bench.stepwise(&ARGUMENTS).exits_with(2).stderr();
    assert!(
        said.starts_with("error: the faults of `faults.yaml` cannot be used: faults[0]: unknown field `stal`"),
        "{said}"
    );
    assert!(said.contains("at line 1 column"), "{said}");

    let bench = Bench::sample();
    bench
        .stepwise(&ARGUMENTS)
        .exits_with(2)
        .says("error: the faults of `faults.yaml` cannot be used: No such file or directory (os error 2)\n");
    bench.stepwise(&["run", "pipeline.yaml", "--faults", "faults.yaml"]).exits_with(2);
}

#[test]
fn what_only_a_dry_run_has_is_refused_where_there_can_be_none() {
    let bench = Bench::sample().file("faults.yaml", "faults: []");
    for other in [["--resume", "r"].as_slice(), &["--run", "r", "--keep"], &["--run", "r", "--from", "store"]] {
        for own in ["--faults", "--twin"] {
            let stderr =
                bench.stepwise(&[&["run", "pipeline.yaml", own, "faults.yaml"], other].concat()).exits_with(2).stderr();
            assert!(stderr.starts_with(&format!("error: the argument '{own} <FILE>' cannot be used with")), "{stderr}");
        }
    }
    assert_eq!(bench.requests(), [] as [String; 0]);
}
