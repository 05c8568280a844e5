//! A run's files, cut and flipped: what is known elsewhere is recovered, all else is told in one sentence, and nothing that
//! was created is forgotten.

use std::fs;
use std::path::PathBuf;

use stepwise_stub::{Fault, FaultKind};

use crate::harness::Bench;

const BY_TAGS: &str =
    "hint: what the run has left is found by its tags: stepwise cleanup --stale --run r --older-than 0s ";

/// At how many places a file is damaged, beside its end.
const PLACES: usize = 40;

/// A run whose resources are all there.
fn kept() -> Bench {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();
    bench
}

fn path(bench: &Bench, name: &str) -> PathBuf {
    bench.folder.path().join(".stepwise/r").join(name)
}

/// The file cut off at places all over it, and with a bit flipped there.
fn damaged(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
    let near_the_end = whole.len().saturating_sub(3)..whole.len();
    let places = (0..whole.len()).step_by(whole.len() / PLACES).chain(near_the_end);
    let both = places.flat_map(|at| {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        [(format!("cut at {at}"), whole[..at].to_vec()), (format!("flipped at {at}"), flipped)]
    });
    both.collect()
}

/// How `--resume` ends with each damage of a file.
fn resumed(bench: &Bench, name: &str, check: impl Fn(&str, Option<i32>, &str)) {
    let file = path(bench, name);
    let record = fs::read(path(bench, "run.json")).unwrap();
    let whole = fs::read(&file).unwrap();
    for (what, bytes) in damaged(&whole) {
        fs::write(&file, bytes).unwrap();
        let output = bench.command(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        check(&what, output.status.code(), &stderr);
        fs::write(&file, &whole).unwrap();
        fs::write(path(bench, "run.json"), &record).unwrap();
    }
}

/// Everything is still known, once the file is as it was.
fn nothing_is_lost(bench: &Bench) {
    assert!(bench.stub.made().iter().all(|(_, count)| *count == 1), "{:?}", bench.stub.made());
    bench.metrics_are("tumour-screening");
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

fn is_one_sentence_of(stderr: &str, file: &str, what: &str) {
    let lines: Vec<_> = stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[0].contains(file), "{what}: {stderr}");
    let hint = format!("{BY_TAGS}pipeline.yaml --runs .stepwise");
    assert_eq!(lines[1], hint, "{what}");
}

#[test]
fn a_damaged_ledger_is_told_and_no_entry_is_lost() {
    let bench = kept();
    let whole = fs::read(path(&bench, "ledger.jsonl")).unwrap();
    resumed(&bench, "ledger.jsonl", |what, code, stderr| {
        // Only the end of the last line may be missing: a killed process left it so.
        if what == format!("cut at {}", whole.len() - 1) {
            assert_eq!(code, Some(0), "{what}: {stderr}");
        } else {
            assert_eq!(code, Some(1), "{what}: {stderr}");
            is_one_sentence_of(stderr, "ledger.jsonl", what);
        }
    });
    nothing_is_lost(&bench);
}

#[test]
fn a_ledger_that_a_killed_run_has_left_is_not_cut_unnoticed() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]);
    started.kill_when(|| bench.stub.held() > 0);
    bench.stub.mend();
    let file = path(&bench, "ledger.jsonl");
    let whole = fs::read(&file).unwrap();
    // The deployment is announced, and exists; no record of a step knows how many lines there are.
    assert_eq!(String::from_utf8_lossy(&whole).lines().count(), 3);

    let of_a_line = |what: &str| what != format!("cut at {}", whole.len() - 1);
    for (what, bytes) in damaged(&whole).into_iter().filter(|(what, _)| of_a_line(what)) {
        fs::write(&file, bytes).unwrap();
        let ran = bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).exits_with(1);
        is_one_sentence_of(&ran.stderr(), "ledger.jsonl", &what);
    }
    fs::remove_file(&file).unwrap();
    let ran = bench.stepwise(&["cleanup", "pipeline.yaml", "--run", "r"]).exits_with(1);
    is_one_sentence_of(&ran.stderr(), "ledger.jsonl", "gone");
    assert_eq!(bench.stub.leftovers().len(), 2);

    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();
    nothing_is_lost(&bench);
}

#[test]
fn a_damaged_record_of_the_run_is_told() {
    let bench = kept();
    resumed(&bench, "run.json", |what, code, stderr| {
        assert_eq!(code, Some(1), "{what}: {stderr}");
        is_one_sentence_of(stderr, "run.json", what);
    });
    nothing_is_lost(&bench);
}

#[test]
fn a_run_that_has_lost_its_steps_records_is_still_there() {
    for command in [&["cleanup", "--run", "r"][..], &["run", "pipeline.yaml", "--resume", "r"]] {
        let bench = kept();
        fs::remove_dir_all(path(&bench, "steps")).unwrap();
        bench.stepwise(command).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn a_damaged_record_of_a_step_is_recovered() {
    let bench = kept();
    for step in ["store", "score"] {
        resumed(&bench, &format!("steps/{step}.json"), |what, code, stderr| {
            assert_eq!(code, Some(0), "{what}: {stderr}");
            assert!(stderr.contains("it is taken from `run.json`"), "{what}: {stderr}");
        });
    }
    nothing_is_lost(&bench);
}

#[test]
fn a_step_whose_record_is_lost_runs_again_and_makes_nothing_twice() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]);
    started.kill_when(|| bench.stub.held() > 0);
    bench.stub.mend();
    let early = fs::read(path(&bench, "run.json")).unwrap();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();
    // As a kill leaves them after the step's file and before the run's, and the disk then loses the former.
    fs::write(path(&bench, "run.json"), early).unwrap();
    fs::write(path(&bench, "steps/deploy.json"), "{").unwrap();

    let ran = bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();

    assert!(ran.stderr().contains("it is taken as if the step had not run"), "{}", ran.stderr());
    nothing_is_lost(&bench);
}

#[test]
fn the_command_that_is_told_for_a_damaged_run_removes_what_it_has_left_and_nothing_else() {
    for (file, arguments) in [
        ("ledger.jsonl", ["run", "pipeline.yaml", "--resume", "r"].as_slice()),
        ("run.json", &["run", "pipeline.yaml", "--resume", "r"]),
        ("run.json", &["cleanup", "pipeline.yaml", "--run", "r"]),
    ] {
        let bench = kept();
        bench.stepwise(&["run", "pipeline.yaml", "--run", "other", "--only", "store"]).succeeds();
        fs::write(path(&bench, file), "{}\n").unwrap();

        let stderr = bench.stepwise(arguments).exits_with(1).stderr();
        let hint = stderr.lines().last().unwrap();
        let command = hint.strip_prefix("hint: what the run has left is found by its tags: stepwise ").unwrap();
        bench.stepwise(&command.split(' ').collect::<Vec<_>>()).succeeds().has_line("summary   6 found: 6 removed");

        assert_eq!(bench.stub.leftovers().len(), 1);
        bench.stepwise(&["cleanup", "--run", "other"]).succeeds();
        bench.leaves_nothing();
    }
}

#[test]
fn without_the_record_the_spec_is_to_be_named_and_no_value_is_told() {
    let bench = kept();
    fs::write(path(&bench, "run.json"), "{}\n").unwrap();

    let arguments = ["cleanup", "--run", "r", "--set", "services.wml.auth.api_key=hunter2"];
    let stderr = bench.stepwise(&arguments).exits_with(1).stderr();

    let hint = format!("{BY_TAGS}SPEC --runs .stepwise --set 'services.wml.auth.api_key=***'");
    assert_eq!(stderr.lines().last(), Some(hint.as_str()));
}

#[test]
fn an_artifact_that_is_damaged_or_gone_is_written_again_and_nothing_is_sent_twice() {
    let bench = kept();
    let file = path(&bench, "artifacts/score/predictions.csv");
    let whole = fs::read(&file).unwrap();
    let reason = |what| format!("started: its artifact `score/predictions.csv` {what}");

    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let ran = bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();
    assert!(ran.stderr().contains(&reason("has changed")), "{}", ran.stderr());
    assert_eq!(fs::read(&file).unwrap(), whole);

    fs::remove_file(&file).unwrap();
    let ran = bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();
    assert!(ran.stderr().contains(&reason("is gone")), "{}", ran.stderr());
    assert_eq!(fs::read(&file).unwrap(), whole);

    assert_eq!(bench.outputs("score")["feedback_records"], 171);
    nothing_is_lost(&bench);
}
