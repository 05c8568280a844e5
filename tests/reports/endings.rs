//! Reports of every end that a run can have.

use roxmltree::Document;
use rustix::process::Signal;
use stepwise_stub::{Fault, FaultKind};

use crate::harness::{Bench, always, each, hide_ids};

use super::numbers::agree;
use super::page::{Page, all, text};
use super::{file, headline, of_model};

/// Suites and cases are those of the record, then those of steps that have not run; answers tests, failures, errors and
/// skipped.
fn junit(bench: &Bench) -> [usize; 4] {
    let xml = file(bench, "junit.xml");
    let document = Document::parse(&xml).unwrap();
    let root = document.root_element();
    let record = bench.record();
    let mut ids: Vec<_> = record["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    let expected = record["expected"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
    let not_run: Vec<_> = expected.filter(|id| !ids.contains(id)).collect();
    ids.extend(not_run);
    let suites: Vec<_> = root.children().filter(|node| node.has_tag_name("testsuite")).collect();
    assert_eq!(suites.iter().map(|suite| suite.attribute("name").unwrap()).collect::<Vec<_>>(), ids);
    let found = |name| root.descendants().filter(|node| node.has_tag_name(name)).count();
    let counts = ["testcase", "failure", "error", "skipped"].map(found);
    let told: [usize; 4] =
        ["tests", "failures", "errors", "skipped"].map(|name| root.attribute(name).unwrap().parse().unwrap());
    assert_eq!(counts, told);
    counts
}

/// The lists and tables at the top of the page, as texts.
fn reasons(bench: &Bench) -> Vec<String> {
    let page = Page::of(bench);
    let document = page.document();
    all(document.root(), "li", "").into_iter().map(text).collect()
}

fn facts(bench: &Bench) -> Vec<(String, String)> {
    let page = Page::of(bench);
    let document = page.document();
    let [names, values] =
        ["dt", "dd"].map(|name| all(document.root(), name, "").into_iter().map(text).collect::<Vec<_>>());
    names.into_iter().zip(values).filter(|(name, _)| name != "Steps took").collect()
}

fn fact(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

const MODEL: &str = "model.onnxSHA-256 ed688357340f999f…";

#[test]
fn a_run_that_succeeds_says_so_and_what_of_each_type_of_models_is_drawn() {
    each(
        &["tumours", "iris", "diabetes"],
        |name| name,
        |name| {
            let bench = if *name == "tumours" { Bench::sample() } else { of_model(name) };

            bench.run().succeeds();

            let (gates, charts) = match *name {
                "tumours" => (2, 3),
                "iris" => (1, 2),
                _ => (1, 0),
            };
            let [compared_gates, outputs, compared_charts, shapes] = agree(&bench);
            assert_eq!((compared_gates, compared_charts), (gates, charts), "{name}");
            assert!(outputs > 5 && (charts == 0 || shapes > 10), "{name}: {outputs} outputs, {shapes} shapes");
            let gates_passed = if gates == 1 { "1 gate".to_owned() } else { format!("{gates} gates") };
            let pipeline = bench.record()["pipeline"].as_str().unwrap().to_owned();
            assert_eq!(headline(&bench), format!("{pipeline}: succeeded, {gates_passed} passed"));
            assert_eq!(junit(&bench), [6 + gates, 0, 0, 0]);
            assert_eq!(
                facts(&bench)[1..],
                [fact("Gates", &format!("{gates_passed} passed")), fact("Left behind", "nothing")]
            );
        },
    );
}

#[test]
fn a_missed_gate_is_told_with_by_how_much_it_was() {
    let bench = Bench::sample()
        .spec("gates: *gates", "gates: {accuracy: {at_least: 0.99}, recall: {at_least: 0.5, at_most: 0.6}}");

    bench.run().exits_with(4).has_line("accuracy   0.9649   at least 0.99   missed: 0.025 too low");

    let misses =
        ["accuracy 0.9649 is not at least 0.99 (0.025 too low)", "recall 0.9219 is not at most 0.6 (0.32 too high)"];
    assert_eq!(headline(&bench), format!("tumour-screening: missed a gate: {}", misses.join("; ")));
    assert_eq!(reasons(&bench)[..2], misses);
    assert_eq!(
        facts(&bench),
        [fact("Model", MODEL), fact("Gates", "2 of 3 gates missed"), fact("Left behind", "nothing")]
    );
    assert_eq!(agree(&bench)[0], 3);
    assert_eq!(junit(&bench), [9, 2, 0, 0]);
}

#[test]
fn a_failed_step_is_told_with_its_message_and_its_hint() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments/*/predictions", 400));

    bench.run().exits_with(3);

    let message = bench.step("score")["failure"]["message"].as_str().unwrap().to_owned();
    assert!(headline(&bench).starts_with("tumour-screening: failed: step `score`: "), "{}", headline(&bench));
    assert_eq!(reasons(&bench), [format!("step `score` failed: {message}").replace('`', "")]);
    assert!(file(&bench, "summary.md").contains("\nstep `score` failed: "));
    assert_eq!(facts(&bench), [fact("Model", MODEL), fact("Left behind", "nothing")]);
    agree(&bench);
    assert_eq!(junit(&bench), [6, 0, 1, 1]);
    assert!(file(&bench, "junit.xml").contains("<skipped message=\"an earlier step has not succeeded\"/>"));
}

#[test]
fn an_interrupted_run_is_told_and_what_followed_it() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments/*/predictions", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).reaches(|| bench.stub.held() > 0);

    started.signal(Signal::INT).ends().exits_with(130);

    assert_eq!(headline(&bench), "tumour-screening: interrupted: step `score`");
    assert_eq!(reasons(&bench), ["step score was interrupted"]);
    assert_eq!(facts(&bench), [fact("Model", MODEL), fact("Left behind", "nothing")]);
    agree(&bench);
    assert_eq!(junit(&bench), [6, 0, 1, 1]);
}

#[test]
fn what_is_left_is_listed_with_the_command_that_removes_it_until_it_is_gone() {
    let bench = Bench::sample();

    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();

    assert_eq!(headline(&bench), "tumour-screening: succeeded, 2 gates passed; 6 resources left");
    assert_eq!(facts(&bench)[2], fact("Left behind", "6 resources"));
    let command = "to remove it: stepwise cleanup pipeline.yaml --run r --runs .stepwise";
    let page = Page::of(&bench);
    let document = page.document();
    let left = all(document.root(), "section", "left")[0];
    assert_eq!(super::page::rows(left).len(), 6);
    assert_eq!(text(*all(left, "p", "").last().unwrap()), command);
    assert!(file(&bench, "summary.md").contains(command));

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    assert_eq!(headline(&bench), "tumour-screening: succeeded, 2 gates passed");
    agree(&bench);
}

#[test]
fn each_stage_of_a_run_writes_the_reports_anew_and_a_killed_one_leaves_them() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments", FaultKind::Stall));
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let before = ["report.html", "summary.md", "junit.xml"].map(|name| file(&bench, name));
    let not_run = "`deploy`, `subscribe`, `score`, `evaluate`, `cleanup` have not run";
    assert_eq!(headline(&bench), format!("tumour-screening: unfinished: {not_run}; 1 resource left"));
    assert_eq!(junit(&bench), [6, 0, 0, 5]);

    let only = ["run", "pipeline.yaml", "--run", "r", "--only", "deploy"];
    bench.start(&only).kill_when(|| bench.stub.held() > 0);

    assert_eq!(before, ["report.html", "summary.md", "junit.xml"].map(|name| file(&bench, name)));
    assert!(!bench.folder.path().join(".stepwise/r/headline.txt").exists(), "it is of the call before");

    bench.stepwise(&only).succeeds();
    assert_eq!(junit(&bench), [6, 0, 0, 4]);
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    assert_eq!(headline(&bench), "tumour-screening: unfinished: `subscribe`, `score`, `evaluate` have not run");
    bench.run().exits_with(2);
    assert!(headline(&bench).contains("unfinished"), "nothing was run that would say otherwise");
    bench.leaves_nothing();
}

#[test]
fn a_killed_run_that_was_cleaned_up_has_not_succeeded() {
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments/*/predictions", FaultKind::Stall));
    bench.start(&["run", "pipeline.yaml", "--run", "r"]).kill_when(|| bench.stub.held() > 0);
    bench.stub.mend();

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds().has_line("run r of tumour-screening: unfinished");

    let not_run = "`score`, `evaluate` have not run";
    assert_eq!(bench.record()["outcome"], "unfinished");
    assert_eq!(headline(&bench), format!("tumour-screening: unfinished: {not_run}"));
    assert_eq!(reasons(&bench), [not_run.replace('`', "")]);
    assert_eq!(junit(&bench), [6, 0, 0, 2]);
    assert_eq!(file(&bench, "junit.xml").matches("<skipped message=\"not run\"/>").count(), 2);
    bench.leaves_nothing();

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();
    assert_eq!(headline(&bench), "tumour-screening: succeeded, 2 gates passed");
}

#[test]
fn a_step_for_failures_is_not_missed_where_nothing_fails() {
    let bench = Bench::sample().spec("    when: always", "    when: failure");
    for step in ["store", "deploy", "subscribe", "score", "evaluate"] {
        bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", step]).succeeds();
    }

    assert_eq!(headline(&bench), "tumour-screening: succeeded, 2 gates passed; 6 resources left");
}

#[test]
fn of_many_missed_gates_the_first_are_told_and_the_table_begins_with_them() {
    let missed = "accuracy: {at_least: 0.99}, recall: {at_least: 0.99}, precision: {at_least: 0.999}, f1_measure: {at_least: 0.99}";
    let bench =
        Bench::sample().spec("gates: *gates", &format!("gates: {{area_under_roc: {{at_least: 0.5}}, {missed}}}"));

    bench.run().exits_with(4);

    assert_eq!(facts(&bench)[1], fact("Gates", "4 of 5 gates missed"));
    assert_eq!(reasons(&bench)[3], "and 1 more, below");
    assert!(headline(&bench).ends_with("; and 1 more"), "{}", headline(&bench));
    agree(&bench);
}

#[test]
fn a_dry_run_says_that_it_is_one() {
    let bench = Bench::sample().spec("  - step: cleanup\n    when: always\n", "");

    bench.stepwise(&["run", "--dry-run", "pipeline.yaml", "--run", "r"]).succeeds();

    assert_eq!(headline(&bench), "tumour-screening (dry run): succeeded, 2 gates passed");
    assert_eq!(facts(&bench)[2], fact("Left behind", "6 resources of the stub, gone with it"));
}

#[test]
fn a_report_that_cannot_be_written_is_warned_of_and_the_run_is_what_it_is() {
    let bench = Bench::sample().file(".stepwise/r/report.html/in-the-way", "");

    let ran = bench.run().succeeds();

    let warning = ran.stderr();
    let warning = warning.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert_eq!(
        hide_ids(warning),
        "warning: the reports were not written: failed to write `.stepwise/r/report.html`: Is a directory (os error 21)"
    );
}
