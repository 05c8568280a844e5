//! How `cleanup` fails: what is left is named, and a second try removes it.

use std::fs;

use crate::harness::{Bench, always, each, hide_ids};

const CLEANUP: &str = "  - step: cleanup\n    when: always";

struct Case {
    name: &'static str,
    bench: fn() -> Bench,
    category: &'static str,
    message: &'static str,
    /// Kinds of what is left.
    left: &'static [&'static str],
}

fn with_timeout(seconds: u64) -> Bench {
    Bench::sample().spec(CLEANUP, &format!("{CLEANUP}\n    inputs: {{timeout_seconds: {seconds}}}"))
}

#[test]
fn what_cleanup_leaves_is_named_and_removed_by_the_next_one() {
    let cases = [
        Case {
            name: "a number that is too large",
            bench: || with_timeout(5_000_000_000),
            category: "invalid-input",
            message: "input `timeout_seconds`: invalid value: integer `5000000000`, expected u32",
            left: &["model", "deployment", "data mart", "service provider", "subscription", "monitor instance"],
        },
        Case {
            name: "the model may not be removed",
            bench: || Bench::sample().fails(always("DELETE", "/v2/assets/*", 403)),
            category: "refused",
            message: "not everything is removed: model `tumour-screening` (removing model `tumour-screening` answered 403: \
                      a fault answers 403)",
            left: &["model"],
        },
        Case {
            name: "no deployment can be removed now, so its model neither",
            bench: || Bench::sample().fails(always("DELETE", "/ml/v4/deployments/*", 503)),
            category: "refused",
            message: "not everything is removed: deployment `tumour-screening` (removing deployment `tumour-screening` \
                      answered 503: a fault answers 503); model `tumour-screening` (removing model `tumour-screening` \
                      answered 409: model `ID` has the deployment `ID`)",
            left: &["model", "deployment"],
        },
        Case {
            name: "the model cannot be removed now",
            bench: || Bench::sample().fails(always("DELETE", "/v2/assets/*", 503)),
            category: "unavailable",
            message: "not everything is removed: model `tumour-screening` (removing model `tumour-screening` answered 503: \
                      a fault answers 503)",
            left: &["model"],
        },
        Case {
            name: "the model stays although its removal was answered",
            bench: || with_timeout(8).fails(always("DELETE", "/v2/assets/*", 204)),
            category: "unavailable",
            message: "not everything is removed: model `tumour-screening` (removing model `tumour-screening` took longer \
                      than 8 s: still listed)",
            left: &["model"],
        },
    ];

    each(
        &cases,
        |case| case.name,
        |case| {
            let bench = (case.bench)();

            let ran = bench.run().exits_with(3).fails_in("cleanup", case.category, case.message);

            assert_eq!(bench.step("cleanup")["failure"]["hint"].as_str(), None);
            let left: Vec<String> = bench.stub.leftovers().into_iter().map(|(kind, _, _)| kind).collect();
            assert_eq!(left, case.left);
            let stdout = hide_ids(&ran.stdout());
            let end = format!("step `cleanup` failed: {}\nrun r of tumour-screening: failed\n\nleft\n", case.message);
            assert!(stdout.contains(&end), "stdout:\n{stdout}\nshould have:\n{end}");
            let (_, table) = stdout.split_once("\nleft\n").unwrap();
            let rows: Vec<_> = table.lines().skip(2).take_while(|line| !line.is_empty()).collect();
            assert_eq!(rows.len(), case.left.len(), "{table}");
            assert!(case.left.iter().all(|kind| rows.iter().any(|row| row.trim_start().starts_with(kind))), "{table}");
            assert!(
                table.ends_with("to remove it: stepwise cleanup pipeline.yaml --run r --runs .stepwise\n"),
                "{table}"
            );

            bench.stub.mend();
            let spec = fs::read_to_string(bench.folder.path().join("pipeline.yaml")).unwrap();
            let mended: Vec<_> = spec.lines().filter(|line| !line.contains("inputs: {timeout_seconds")).collect();
            let bench = bench.file("pipeline.yaml", mended.join("\n"));
            bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
            bench.leaves_nothing();
            assert_eq!(bench.record()["outcome"], "succeeded");
        },
    );
}

#[test]
fn a_ledger_that_cannot_be_read_stops_what_would_create() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let bench = bench.change(".stepwise/r/ledger.jsonl", "{\"event\":\"announced\"", "{\"event\":\"pronounced\"");
    let broken = "line 1 of the ledger `.stepwise/r/ledger.jsonl` cannot be read: its checksum is not that of its text";

    let told = format!(
        "error: {broken}\n\
         hint: what the run has left is found by its tags: stepwise cleanup --stale --run r --older-than 0s pipeline.yaml \
         --runs .stepwise\n"
    );
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "deploy"]).exits_with(1).says(&told);
    bench.stepwise(&["cleanup", "pipeline.yaml", "--run", "r"]).exits_with(1).says(&told);

    assert!(!bench.requests().contains(&"POST /ml/v4/deployments".to_owned()));
    let bench = bench.change(".stepwise/r/ledger.jsonl", "{\"event\":\"pronounced\"", "{\"event\":\"announced\"");
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}
