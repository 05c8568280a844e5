//! Disks that take nothing: told in one sentence, and what a run created is removed all the same.

use std::fs;

use crate::harness::{Bench, Ran, always};

/// Runs with files that can have so many bytes at the most, as on a disk that is full.
fn with_files_of<'a>(bench: &'a Bench, bytes: usize, arguments: &[&str]) -> Ran<'a> {
    // The shell counts in halves of a KiB. The signal is ignored, so that the write fails instead.
    bench.limited(&format!("trap '' XFSZ; ulimit -f {}", bytes / 512), arguments)
}

const RUN: [&str; 4] = ["run", "pipeline.yaml", "--run", "r"];

#[test]
fn a_record_that_cannot_be_written_ends_the_run_and_leaves_nothing() {
    let bench = Bench::sample();

    // Enough for the first steps.
    let stderr = with_files_of(&bench, 8 << 10, &RUN).exits_with(1).stderr();

    let last = stderr.lines().last().unwrap();
    let told = "failed to write `.stepwise/r/";
    assert!(last.starts_with(&format!("error: {told}")) && last.ends_with("File too large (os error 27)"), "{stderr}");
    let warned = stderr.lines().filter(|line| line.contains(told) && line.contains("only what must follow still runs"));
    assert_eq!(warned.count(), 1, "{stderr}");
    assert!(!bench.stub.requests().is_empty());
    bench.leaves_nothing();
    for folder in [".stepwise/r", ".stepwise/r/steps"] {
        let files = fs::read_dir(bench.folder.path().join(folder)).unwrap().map(|file| file.unwrap().path());
        assert_eq!(files.filter(|file| file.extension().is_some_and(|kind| kind == "draft")).count(), 0, "{folder}");
    }
}

#[test]
fn what_is_left_is_told_though_the_record_cannot_be_written() {
    let bench = Bench::sample().fails(always("DELETE", "/v2/assets/*", 403));

    let ran = with_files_of(&bench, 8 << 10, &RUN).exits_with(1);

    let ran = ran.has_line("to remove it: stepwise cleanup pipeline.yaml --run r --runs .stepwise");
    assert!(ran.stdout().contains("step `cleanup` failed: not everything is removed: model"), "{}", ran.stdout());
    let last = ran.stderr().lines().last().unwrap().to_owned();
    assert!(last.starts_with("error: failed to write `.stepwise/r/"), "{last}");
    bench.stub.mend();
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn a_run_that_goes_on_with_a_record_that_cannot_be_written_leaves_nothing() {
    for goes_on in [&["--from", "score"][..], &["--only", "score", "--only", "cleanup"]] {
        let bench = Bench::sample();
        let begun = ["--only", "store", "--only", "deploy", "--only", "subscribe"];
        bench.stepwise(&[&RUN[..], &begun].concat()).succeeds();

        let ran = with_files_of(&bench, 4 << 10, &[&RUN[..], goes_on].concat()).exits_with(1);

        let last = ran.stderr().lines().last().unwrap().to_owned();
        assert!(last.starts_with("error: failed to write `.stepwise/r/run.json`: "), "{last}");
        bench.leaves_nothing();
    }
}

#[test]
fn a_record_that_cannot_be_begun_is_told_before_anything_runs() {
    let bench = Bench::sample();

    let stderr = with_files_of(&bench, 512, &RUN).exits_with(1).stderr();

    assert!(stderr.starts_with("error: failed to write `.stepwise/r/run.json`: "), "{stderr}");
    let ran = bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    assert_eq!(ran.stdout(), "run r was ended before it had begun: nothing was sent, so nothing is left\n");
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_full_ledger_ends_the_step_before_it_creates_anything() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let ledger = bench.folder.path().join(".stepwise/r/ledger.jsonl");
    let lines = fs::read_to_string(&ledger).unwrap();
    // The same confirmation again and again, until it is larger than any other file of the run.
    let confirmed = lines.lines().nth(1).unwrap();
    fs::write(&ledger, format!("{lines}{}", format!("{confirmed}\n").repeat((64 << 10) / confirmed.len()))).unwrap();

    let arguments = ["run", "pipeline.yaml", "--run", "r", "--only", "deploy"];
    with_files_of(&bench, 64 << 10, &arguments).exits_with(3).fails_in(
        "deploy",
        "internal",
        "announcing deployment `tumour-screening` failed: failed to write the ledger `.stepwise/r/ledger.jsonl`: \
         File too large (os error 27)",
    );

    assert!(!bench.requests().contains(&"POST /ml/v4/deployments".to_owned()));
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn a_cache_without_space_is_told_and_does_without() {
    let bench = Bench::sample().file("cache/keep", "").variable("STEPWISE_CACHE", "cache");

    // Less than a compiled component has.
    let stderr = with_files_of(&bench, 256 << 10, &RUN).succeeds().stderr();

    let warned = stderr.lines().filter(|line| line.starts_with("warning: components are compiled at every start: "));
    assert_eq!(warned.count(), 1, "{stderr}");
    bench.metrics_are("tumour-screening");
    bench.leaves_nothing();
}

#[test]
fn a_folder_for_runs_that_cannot_be_made_is_told_before_anything_runs() {
    let bench = Bench::sample();

    bench.stepwise(&["run", "pipeline.yaml", "--runs", "/proc/runs"]).exits_with(1);

    assert_eq!(bench.requests(), [""; 0]);
}

/// Runs where the folder, all of it or this part, can only be read, as a disk is mounted after an error: in a mount
/// namespace of its own. None where the machine lets nobody make one, as in some containers.
fn with_read_only<'a>(bench: &'a Bench, part: &str, arguments: &[&str]) -> Option<Ran<'a>> {
    let as_root = if rustix::process::getuid().is_root() { "" } else { "--map-root-user" };
    let unshare = |part| format!("unshare {as_root} --mount sh -c 'mount --bind --options ro {part} {part}");
    let may =
        std::process::Command::new("sh").arg("-c").arg(unshare(".") + "'").current_dir(bench.folder.path()).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("not tested: nobody may mount here");
        return None;
    }
    let mounted = unshare(part);
    Some(bench.limited(&format!("exec {mounted} && cd \"$PWD\" && exec \"$0\" \"$@\"' \"$0\" \"$@\""), arguments))
}

#[test]
fn a_read_only_disk_is_told_before_anything_runs() {
    let bench = Bench::sample();

    let Some(ran) = with_read_only(&bench, ".", &RUN) else { return };
    let stderr = ran.exits_with(1).stderr();

    assert_eq!(stderr, "error: failed to create `.stepwise`: Read-only file system (os error 30)\n");
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_disk_that_became_read_only_stops_a_run_before_it_creates_more() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let before = bench.requests().len();

    for arguments in [&["run", "pipeline.yaml", "--resume", "r"][..], &["cleanup", "--run", "r"]] {
        let Some(ran) = with_read_only(&bench, ".", arguments) else { return };
        let stderr = ran.exits_with(1).stderr();
        let (told, why) = ("error: failed to open `.stepwise/", "`: Read-only file system (os error 30)\n");
        assert!(stderr.starts_with(told) && stderr.ends_with(why) && stderr.lines().count() == 1, "{stderr}");
    }

    assert_eq!(bench.requests().len(), before);
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn a_read_only_cache_is_told_and_does_without() {
    let bench = Bench::sample().file("cache/keep", "").variable("STEPWISE_CACHE", "cache");

    let Some(ran) = with_read_only(&bench, "cache", &RUN) else { return };
    let stderr = ran.succeeds().stderr();

    let warned = stderr.lines().filter(|line| line.starts_with("warning: components are compiled at every start: "));
    assert_eq!(warned.count(), 1, "{stderr}");
    bench.metrics_are("tumour-screening");
    bench.leaves_nothing();
}
