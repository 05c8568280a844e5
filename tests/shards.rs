//! A step that is split into shards: in one process, in several at the same time, killed, and failed for good.

use std::fs;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::harness::{Bench, ROOT, always};
use crate::sources::gzip;

const SHARDS: usize = 4;
const PREDICTIONS: &str = ".stepwise/r/artifacts/score/predictions.csv";

/// The sample, its `score` in shards.
fn sample() -> Bench {
    Bench::sample()
        .spec("    retry: {attempts: 3}", "    shards: 4\n    retry: {attempts: 3}")
        .spec("      data: target\n      scoring_path", "      data: target\n      batch_rows: 10\n      scoring_path")
}

fn shard(index: usize) -> [&'static str; 8] {
    ["run", "pipeline.yaml", "--run", "r", "--only", "score", "--shard", ["0", "1", "2", "3"][index]]
}

fn run_shard(bench: &Bench, index: usize) {
    bench.stepwise(&shard(index)).succeeds();
}

/// What the sample's `score` answers, and its predictions, in one piece.
fn in_one_piece() -> (Value, String) {
    let bench = Bench::sample();
    bench.run().succeeds();
    (bench.outputs("score"), fs::read_to_string(bench.folder.path().join(PREDICTIONS)).unwrap())
}

fn is_as_in_one_piece(bench: &Bench, logged_by: &str) {
    let (mut outputs, predictions) = in_one_piece();
    outputs["payload_logged_by"] = logged_by.into();
    assert_eq!(bench.outputs("score"), outputs);
    assert_eq!(fs::read_to_string(bench.folder.path().join(PREDICTIONS)).unwrap(), predictions);
    bench.metrics_are("tumour-screening");
    let made = bench.stub.made();
    assert!(made.iter().all(|(_, count)| *count == 1), "{made:?}");
}

/// Each row was sent once, by the stub's own count. A service that logs by itself does so as often as it scores.
fn has_sent_nothing_twice(bench: &Bench) {
    assert_eq!(bench.stub.records("feedback"), 171);
    if bench.outputs("score")["payload_logged_by"] == "step" {
        assert_eq!(bench.stub.records("payload_logging"), 171);
    }
}

#[test]
fn shards_of_one_process_do_what_one_piece_does() {
    let bench = sample();

    bench.run().succeeds().has_line("score.3    42 of 42 rows");

    is_as_in_one_piece(&bench, "step");
    let lent: u64 =
        (0..SHARDS).map(|index| bench.step(&format!("score.{index}"))["files"][0]["bytes"].as_u64().unwrap()).sum();
    let data = fs::read(bench.folder.path().join("data/target.csv")).unwrap();
    let header = data.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(lent, (data.len() + (SHARDS - 1) * header) as u64, "each row was lent once");
    bench.leaves_nothing();
}

/// The steps before `score`, in a process of their own.
fn prepare(bench: &Bench) {
    let prepare = ["run", "pipeline.yaml", "--run", "r", "--only", "store", "--only", "deploy", "--only", "subscribe"];
    bench.stepwise(&prepare).succeeds();
}

#[test]
fn shards_of_many_processes_do_what_one_piece_does_though_one_is_killed_and_run_again() {
    for (space, logged_by) in [("production", "service"), ("pre_production", "step")] {
        let bench =
            sample().spec("problem_type: binary", &format!("problem_type: binary\n      operational_space: {space}"));
        prepare(&bench);
        // Killed when some of its records are in, the last of them unanswered.
        let records = Fault::new("POST", "/openscale/*/v2/data_sets/*/records", FaultKind::Stall).on(Nth::Nth(3));
        let bench = bench.fails(records);
        let started = bench.start(&shard(3));
        started.kill_when(|| bench.stub.held() > 0);
        bench.stub.mend();

        thread::scope(|scope| {
            for index in 0..SHARDS {
                let bench = &bench;
                scope.spawn(move || run_shard(bench, index));
            }
        });
        run_shard(&bench, 2);
        let scored = bench.stub.requests().iter().filter(|sent| sent.path.ends_with("/predictions")).count();
        bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();

        let again = bench.stub.requests().iter().filter(|sent| sent.path.ends_with("/predictions")).count();
        assert_eq!(scored, again, "what the shards have scored is not scored again");
        is_as_in_one_piece(&bench, logged_by);
        has_sent_nothing_twice(&bench);
        bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn a_run_goes_on_in_the_shards_that_it_was_begun_in_only() {
    let bench = sample();
    prepare(&bench);
    run_shard(&bench, 3);
    for shards in ["2", "8", "null"] {
        let set = format!("steps.score.shards={shards}");
        for arguments in [
            &["run", "pipeline.yaml", "--resume", "r", "--set", &set][..],
            &["run", "pipeline.yaml", "--run", "r", "--only", "score", "--set", &set],
        ] {
            let ran = bench.stepwise(arguments).exits_with(2);
            let now = if shards == "null" { "one piece".to_owned() } else { format!("{shards} shards") };
            ran.says(&format!(
                "error: step `score` of run `r` was begun in 4 shards, not in {now}\n\
                 hint: go on as it was begun, with `--set steps.score.shards=4`\n"
            ));
        }
    }

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();

    is_as_in_one_piece(&bench, "step");
    has_sent_nothing_twice(&bench);
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
}

#[test]
fn a_process_that_is_about_to_score_keeps_others_from_other_shards() {
    for begun in [&["--from", "subscribe"][..], &["--only", "subscribe", "--only", "score"]] {
        let bench = sample();
        bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store", "--only", "deploy"]).succeeds();
        let bench = bench.fails(Fault::new("POST", "/icp4d-api/v1/authorize", FaultKind::Stall));
        let begun = [&["run", "pipeline.yaml", "--run", "r"], begun, &["--set", "steps.score.shards=2"]].concat();
        let started = bench.start(&begun).reaches(|| bench.stub.held() > 0);

        let ran = bench.stepwise(&shard(1)).exits_with(2);

        ran.says(
            "error: step `score` of run `r` was begun in 2 shards, not in 4 shards\n\
             hint: go on as it was begun, with `--set steps.score.shards=2`\n",
        );
        assert!(started.signal(Signal::KILL).ends().was_killed());
        bench.stub.mend();
        bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn a_run_in_many_shards_needs_no_more_open_files_than_another() {
    let bench = Bench::sample();

    bench.limited("ulimit -n 100", &["run", "pipeline.yaml", "--set", "steps.score.shards=90"]).succeeds();

    bench.leaves_nothing();
}

#[test]
fn a_call_that_scored_nothing_leaves_the_choice_of_shards_open() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let other = "steps.score.shards=4";
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--from", "score", "--set", other]).exits_with(2);
    let shard = ["run", "pipeline.yaml", "--run", "r", "--only", "score", "--shard", "0", "--set", other];
    bench.stepwise(&shard).exits_with(3);

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();

    is_as_in_one_piece(&bench, "step");
    bench.leaves_nothing();
}

#[test]
fn shards_may_be_set_while_nothing_is_begun() {
    let bench = Bench::sample();
    prepare(&bench);

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--set", "steps.score.shards=2"]).succeeds();

    is_as_in_one_piece(&bench, "step");
    bench.leaves_nothing();
}

#[test]
fn a_shard_is_chosen_by_its_number_not_as_a_step() {
    let bench = sample();
    prepare(&bench);
    for chosen in [&["--only", "score.0"][..], &["--only", "score.0", "--shard", "1"], &["--from", "score.0"]] {
        let ran = bench.stepwise(&[&["run", "pipeline.yaml", "--run", "r"], chosen].concat()).exits_with(2);
        ran.says("error: the spec has no step `score.0`\nhint: is `score` meant?\n");
    }
}

#[test]
fn a_shard_runs_in_one_process_only() {
    let stalled = Fault::new("POST", "/ml/v4/deployments/*/predictions", FaultKind::Stall);
    let bench = sample();
    prepare(&bench);
    let bench = bench.fails(stalled);
    let arguments = shard(1);
    let started = bench.start(&arguments).reaches(|| bench.stub.held() > 0);

    let ran = bench.stepwise(&arguments).exits_with(1);

    ran.says("error: step `score.1` of run `r` is running in another process\n");
    for other in [&["cleanup", "--run", "r"][..], &["run", "pipeline.yaml", "--resume", "r"]] {
        let stderr = bench.stepwise(other).exits_with(1).stderr();
        assert!(stderr.starts_with("error: run `r` is held by another process"), "{stderr}");
    }
    assert!(started.signal(Signal::KILL).ends().was_killed());
}

#[test]
fn a_compressed_data_set_is_split_as_what_is_in_it() {
    let csv = fs::read(format!("{ROOT}/model/data/target.csv")).unwrap();
    let bench = sample().file("data/target.csv.gz", gzip(&csv)).spec("data/target.csv", "data/target.csv.gz");
    prepare(&bench);
    thread::scope(|scope| {
        for index in 0..SHARDS {
            let bench = &bench;
            scope.spawn(move || run_shard(bench, index));
        }
    });

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();

    is_as_in_one_piece(&bench, "step");
    bench.leaves_nothing();
}

#[test]
fn more_shards_than_rows_say_what_is_to_be_done() {
    let bench = sample().spec("shards: 4", "shards: 200");

    bench.run().exits_with(3).has_line("hint: start a new run with fewer `shards`");

    bench.leaves_nothing();
}

#[test]
fn a_data_set_without_rows_is_not_to_be_split_in_fewer_parts() {
    for content in ["mean_radius,malignant\n", "", "mean_radius,malignant\n\n\n"] {
        let bench = sample().file("data/target.csv", content);

        let stderr = bench.run().exits_with(3).stderr();

        assert!(stderr.contains("it has no rows") && !stderr.contains("fewer `shards`"), "{stderr}");
        bench.leaves_nothing();
    }
}

#[test]
fn a_shard_that_fails_for_good_ends_the_run_with_cleanup() {
    let bench = sample().fails(always("POST", "/ml/v4/deployments/*/predictions", 400));
    prepare(&bench);
    let failed = bench.stepwise(&shard(1)).exits_with(3);
    failed.fails_in("score.1", "refused", "`POST /ml/v4/deployments/ID/predictions` answered 400: a fault answers 400");

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).exits_with(3);

    for (step, outcome) in
        [("score.0", "failed"), ("score", "skipped"), ("evaluate", "skipped"), ("cleanup", "succeeded")]
    {
        assert_eq!(bench.step(step)["outcome"], outcome, "{step}");
    }
    bench.leaves_nothing();
}

#[test]
fn a_shard_that_is_interrupted_can_be_run_again() {
    let bench = sample();
    prepare(&bench);
    let bench = bench.fails(Fault::new("POST", "/ml/v4/deployments/*/predictions", FaultKind::Stall));
    let arguments = shard(0);
    let started = bench.start(&arguments);
    let started = started.says_part("score.0    started");
    started.signal(Signal::TERM).ends().exits_with(143);
    bench.stub.mend();

    bench.stepwise(&arguments).succeeds();
    let again = bench.stepwise(&arguments).succeeds();
    assert!(again.stderr().contains("done before, and nothing has changed since"), "{}", again.stderr());
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();
    bench.metrics_are("tumour-screening");
}

#[test]
fn what_cannot_be_split_is_told() {
    let bench = Bench::sample().spec("  - step: deploy\n", "  - step: deploy\n    shards: 2\n");
    bench
        .stepwise(&["check", "pipeline.yaml"])
        .exits_with(2)
        .finds_in_spec("pipeline.yaml:37:13: `deploy` cannot be split into shards\n");

    let bench = Bench::sample()
        .spec("      data: target\n      scoring", "      data: target\n      shard: {index: 0, of: 2}\n      scoring");
    bench.stepwise(&["check", "pipeline.yaml"]).exits_with(2).finds_in_spec(
        "pipeline.yaml:57:7: `shard` is what `stepwise` says to a step that is split into shards\n\
         hint: say `shards` beside `inputs`\n",
    );

    let bench = sample();
    let of_no_run = ["run", "pipeline.yaml", "--run", "r", "--only", "score", "--shard", "0"];
    bench.stepwise(&of_no_run).exits_with(2).says("error: there is no run `r` in `.stepwise`\n");
    for (step, index, text) in [
        ("score", "4", "step `score` has no shard 4: its `shards` are 0 to 3"),
        ("deploy", "0", "step `deploy` has no shard 0: it is not split"),
    ] {
        let arguments = ["run", "pipeline.yaml", "--run", "r", "--only", step, "--shard", index];
        bench.stepwise(&arguments).exits_with(2).says(&format!("error: {text}\n"));
    }

    let bench = sample();
    let data = fs::read_to_string(bench.folder.path().join("data/target.csv")).unwrap();
    let header = data.lines().next().unwrap();
    let bench = bench.file("data/target.csv", format!("{header}\n\"a\nb\"\n"));
    bench.run().exits_with(3);
    let failure = bench.step("score.0")["failure"].clone();
    assert_eq!(failure["category"], "invalid-input");
    let text = "leaves a quote open: rows with line breaks in them cannot be split into shards";
    assert!(failure["message"].as_str().unwrap().contains(text), "{failure}");
    bench.leaves_nothing();
}

#[test]
fn a_shard_of_no_single_step_is_refused() {
    let bench = Bench::sample();
    for other in [["--resume", "r"].as_slice(), &["--run", "r", "--from", "score"]] {
        let stderr =
            bench.stepwise(&[&["run", "pipeline.yaml", "--shard", "0"], other].concat()).exits_with(2).stderr();
        assert!(stderr.starts_with("error: the argument '--shard <INDEX>' cannot be used with"), "{stderr}");
    }
    assert_eq!(bench.requests(), [] as [String; 0]);
}
