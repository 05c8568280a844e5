//! `cleanup --stale`: what lost runs have left is found by their tags and removed, and nothing else is touched.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use stepwise_stub::{Dialect, Fault, FaultKind};

use crate::harness::{Bench, Ran, always, components, each, hide_ids, status};
use crate::kills::{self, MOMENTS};

pub(crate) mod client;

use client::Client;

const NOW: [&str; 4] = ["cleanup", "--stale", "--older-than", "0s"];

/// Removes what any run has left, however young.
fn sweep(bench: &Bench) -> Ran<'_> {
    sweep_with(bench, &["pipeline.yaml"])
}

fn sweep_with<'a>(bench: &'a Bench, more: &[&str]) -> Ran<'a> {
    bench.stepwise(&[&NOW, more].concat())
}

/// A run that has left all that it created, and whose folder is gone.
fn lost(bench: &Bench, spec: &str, run: &str) {
    bench.stepwise(&["run", spec, "--run", run, "--keep"]).succeeds();
    fs::remove_dir_all(bench.folder.path().join(".stepwise")).unwrap();
}

/// What the last sweep answered.
fn outputs(bench: &Bench) -> Value {
    let runs = fs::read_dir(bench.folder.path().join(".stepwise")).unwrap();
    let mut names: Vec<_> = runs.map(|run| run.unwrap().path()).filter(|path| is_sweep(path)).collect();
    names.sort_by_key(|path| fs::metadata(path.join("run.json")).unwrap().modified().unwrap());
    crate::harness::json(&names.last().unwrap().join("run.json"))["steps"][0]["outputs"].clone()
}

fn is_sweep(path: &std::path::Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with("stale-")
}

/// Kind, run and outcome of all that the last sweep found, sorted.
fn told(bench: &Bench) -> Vec<(String, String, String)> {
    let outputs = outputs(bench);
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let found = outputs["leftovers"].as_array().unwrap().iter();
    let mut told: Vec<_> = found.map(|one| (text(one, "kind"), text(one, "run"), text(one, "outcome"))).collect();
    told.sort();
    told
}

fn all(run: &str, outcome: &str) -> Vec<(String, String, String)> {
    let kinds = ["data mart", "deployment", "model", "monitor instance", "service provider", "subscription"];
    kinds.map(|kind| (kind.to_owned(), run.to_owned(), outcome.to_owned())).to_vec()
}

/// Kinds of what is left of what was made since the start or the last inventory.
fn kinds(bench: &Bench) -> Vec<String> {
    bench.stub.leftovers().into_iter().map(|(kind, ..)| kind).collect()
}

#[test]
fn what_a_killed_run_without_a_folder_has_left_is_removed_once_it_is_old_enough() {
    let exchanges = (3..=kills::exchanges()).step_by(5);
    let points = exchanges.flat_map(|exchange| MOMENTS.map(|moment| (exchange, moment))).collect();
    kills::at_points(points, |bench| {
        fs::remove_dir_all(bench.folder.path().join(".stepwise")).unwrap();
        for young in [["--older-than", "1h"].as_slice(), &[]] {
            kills::succeeds(bench, &[&["cleanup", "--stale", "pipeline.yaml"], young].concat())?;
            // What the run itself was removing when it was killed may go meanwhile.
            if told(bench).iter().any(|(.., outcome)| outcome != "fresh") {
                return Err(format!("{:?}", told(bench)));
            }
        }
        kills::succeeds(bench, &[&NOW, ["pipeline.yaml"].as_slice()].concat())?;
        kills::leaves_nothing(bench)
    });
}

#[test]
fn a_list_names_all_and_sends_nothing_that_changes_anything() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let (before, sent) = (bench.stub.leftovers(), bench.requests().len());

    let ran = sweep_with(&bench, &["--dry-run", "pipeline.yaml"]).succeeds();

    ran.has_line("summary   6 found: 6 to be removed");
    assert_eq!(told(&bench), all("lost", "stale"));
    assert_eq!(bench.stub.leftovers(), before);
    let login = "POST /icp4d-api/v1/authorize".to_owned();
    let changing = |request: &&String| !request.starts_with("GET ") && **request != login;
    assert_eq!(bench.requests()[sent..].iter().filter(changing).count(), 0, "{:?}", &bench.requests()[sent..]);
    sweep(&bench).succeeds().has_line("summary   6 found: 6 removed");
    assert_eq!(told(&bench), all("lost", "removed"));
    bench.leaves_nothing();
}

#[test]
fn where_nothing_is_nothing_is_found() {
    let bench = Bench::sample();

    let ran = sweep(&bench).succeeds().has_line("summary   nothing was found");

    assert!(ran.stdout().ends_with(" of tumour-screening: succeeded\n"), "{}", ran.stdout());
    assert_eq!(outputs(&bench)["leftovers"], json!([]));
}

#[test]
fn every_product_is_swept() {
    each(
        &Dialect::ALL,
        |dialect| dialect.name(),
        |&dialect| {
            let bench = crate::dialects::sample(dialect);
            lost(&bench, "pipeline.yaml", "lost");
            assert!(!bench.stub.leftovers().is_empty());

            sweep(&bench).succeeds();

            bench.leaves_nothing();
        },
    );
}

#[test]
fn the_space_may_be_given_by_its_name() {
    let bench = Bench::sample();
    let name = bench.stub.space_name().to_owned();
    let bench = bench.variable("CPD_SPACE", &name);
    lost(&bench, "pipeline.yaml", "lost");

    sweep(&bench).succeeds();

    bench.leaves_nothing();
}

#[test]
fn a_pipeline_does_not_take_what_is_anothers_whose_name_begins_like_its_own() {
    let bench = Bench::sample().spec("\nname: tumour-screening\n", "\nname: a\n");
    let spec = fs::read_to_string(bench.folder.path().join("pipeline.yaml")).unwrap();
    let bench = ["a_b", "b"].iter().fold(bench, |bench, name| {
        bench.file(&format!("{name}.yaml"), spec.replace("\nname: a\n", &format!("\nname: {name}\n")))
    });
    lost(&bench, "pipeline.yaml", "b_1");
    lost(&bench, "a_b.yaml", "1");
    let both = bench.stub.leftovers();

    // No run of this one ever was, though `a_b_1` of the others' tags might be read so.
    sweep_with(&bench, &["b.yaml"]).succeeds().has_line("summary   nothing was found");
    assert_eq!(bench.stub.leftovers(), both);

    // The second run shares the data mart and the service provider that the first made.
    sweep(&bench).succeeds().has_line("summary   6 found: 4 removed, 2 kept");
    let own = ["deployment", "model", "monitor instance", "subscription"];
    let told = told(&bench);
    let removed = told.iter().filter(|(.., outcome)| outcome == "removed").map(|(kind, ..)| kind);
    assert_eq!(removed.collect::<Vec<_>>(), own);
    assert_eq!(bench.stub.leftovers().len(), 6);

    sweep_with(&bench, &["a_b.yaml"]).succeeds().has_line("summary   4 found: 4 removed");
    assert_eq!(kinds(&bench), ["data mart", "service provider"]);
    sweep(&bench).succeeds().has_line("summary   2 found: 2 removed");
    bench.leaves_nothing();
}

#[test]
fn what_has_no_tag_or_one_that_only_looks_like_one_is_not_touched() {
    let bench = Bench::sample();
    let client = Client::of(&bench.stub);
    client.data_mart("created by stepwise, by hand");
    client.provider("created by stepwise, stepwise_16_tumour-screening_r_0f9a3c_x");
    let look_alikes = [
        "",
        "stepwise",
        "stepwise_9_tumour-xx_r_0f9a3c_1",
        "stepwise_16_tumour-screening_r_0f9a3c_0",
        "stepwise_16_tumour-screening_r_0F9A3C_1",
        "stepwise_15_tumour-screening_r_0f9a3c_1",
        "stepwise_16_tumour-screening-2_r_0f9a3c_1",
        "xstepwise_16_tumour-screening_r_0f9a3c_1",
        "stepwise_16_tumour-screening_r_0f9a3c_1x",
    ];
    let models = look_alikes.map(|tag| client.model("theirs", &[tag]));
    client.deployment("theirs", &models[1], &[look_alikes[2]]);
    let before = bench.stub.leftovers();
    lost(&bench, "pipeline.yaml", "lost");

    sweep(&bench).succeeds().has_line("summary   4 found: 4 removed");

    assert_eq!(bench.stub.leftovers(), before);
}

#[test]
fn what_others_use_stays_and_is_told() {
    let bench = Bench::sample();
    let client = Client::of(&bench.stub);
    lost(&bench, "pipeline.yaml", "lost");
    let model = bench.stub.leftovers().into_iter().find(|(kind, ..)| kind == "model").unwrap().1;
    let theirs = client.deployment("theirs", &model, &[]);

    // What a list says comes to pass.
    sweep_with(&bench, &["--dry-run", "pipeline.yaml"])
        .succeeds()
        .has_line("summary   6 found: 5 to be removed, 1 kept");
    sweep(&bench).succeeds().has_line("summary   6 found: 5 removed, 1 kept");

    let outputs = outputs(&bench);
    let kept = outputs["leftovers"].as_array().unwrap().iter().find(|one| one["outcome"] == "kept").unwrap();
    assert_eq!((&kept["kind"], &kept["why"]), (&json!("model"), &json!(format!("used by `{theirs}`"))));
    assert_eq!(kinds(&bench), ["model", "deployment"]);
}

#[test]
fn a_run_that_is_under_way_here_is_left_alone() {
    let bench = Bench::sample().fails(Fault::new("PUT", "/ml/v4/models/*/content", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).reaches(|| bench.stub.held() > 0);

    sweep(&bench).succeeds().has_line("summary   1 found: 1 of a run that is under way");
    assert_eq!(kinds(&bench), ["model"]);

    assert!(started.signal(Signal::KILL).ends().was_killed());
    bench.stub.mend();
    sweep(&bench).succeeds().has_line("summary   1 found: 1 removed");
    bench.leaves_nothing();
}

#[test]
fn a_run_that_begins_meanwhile_waits_until_the_sweep_is_over() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let bench = bench.fails(Fault::new("GET", "/ml/v4/models", FaultKind::Delay(Duration::from_hours(1))));
    let sweep = bench.start(&[&NOW, ["pipeline.yaml"].as_slice()].concat()).reaches(|| bench.stub.held() > 0);

    let begun = bench.start(&["run", "pipeline.yaml", "--run", "r", "--keep"]);
    let begun = begun.says("waiting for a cleanup of what lost runs have left");
    bench.stub.release();

    sweep.ends().exits_with(0).has_line("summary   6 found: 6 removed");
    begun.ends().exits_with(0);
    assert_eq!(bench.stub.leftovers().len(), 6);
}

#[test]
fn the_ledger_of_a_run_that_was_swept_claims_nothing() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();
    sweep(&bench).succeeds();
    bench.leaves_nothing();

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    let cleanup = bench.outputs("cleanup");
    assert_eq!((&cleanup["removed"], &cleanup["already_gone"]), (&json!([]), &json!([])));
}

#[test]
fn a_run_that_was_swept_is_told_to_begin_anew_or_makes_all_of_it_again() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();
    sweep(&bench).succeeds();

    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--from", "score"]).exits_with(2).says(
        "error: run `r` cannot go on from `score`: the model that step `store` created was removed\n\
         hint: start a new run; with `--keep` it leaves what it creates\n",
    );
    fs::write(
        bench.folder.path().join("data/target.csv"),
        fs::read(bench.folder.path().join("data/training.csv")).unwrap(),
    )
    .unwrap();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r"]).succeeds();

    assert!(bench.stub.made().iter().all(|(_, count)| *count == 2), "{:?}", bench.stub.made());
    bench.leaves_nothing();
}

#[test]
fn a_sweep_is_no_run_that_could_go_on() {
    let bench = Bench::sample();
    sweep(&bench).succeeds();
    let runs = fs::read_dir(bench.folder.path().join(".stepwise")).unwrap();
    let names: Vec<_> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    let name = names.iter().find(|name| name.starts_with("stale-")).unwrap();
    let sent = bench.requests().len();

    for arguments in [["run", "pipeline.yaml", "--resume", name].as_slice(), &["cleanup", "--run", name]] {
        bench
            .stepwise(arguments)
            .exits_with(2)
            .says(&format!("error: `{name}` is no run of the pipeline: it removed what lost ones have left\n"));
    }
    assert_eq!(bench.requests().len(), sent);
}

#[test]
fn a_list_of_many_pages_is_read_to_its_end() {
    let bench = Bench::sample();
    let client = Client::of(&bench.stub);
    let theirs = 150;
    for number in 0..theirs {
        client.model("theirs", &["someone's"]);
        client.model("lost", &[&format!("stepwise_16_tumour-screening_lost_0f9a3c_{}", number + 1)]);
    }

    sweep(&bench).succeeds().has_line("summary   150 found: 150 removed");

    let left = bench.stub.leftovers();
    assert_eq!((left.len(), left.iter().all(|(.., name)| name == "theirs")), (theirs, true));
    let pages = bench.stub.requests().iter().filter(|one| one.query.iter().any(|(name, _)| name == "start")).count();
    assert!(pages > 0);
}

#[test]
fn what_passes_is_outlived() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let bench = bench.fails(status("DELETE", "/v2/assets/*", 503)).fails(status("GET", "/ml/v4/deployments", 503));

    sweep(&bench).succeeds();

    bench.leaves_nothing();
}

#[test]
fn what_cannot_be_removed_is_named_and_the_rest_is_removed() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let bench = bench.fails(always("DELETE", "/ml/v4/deployments/*", 403));

    let ran = sweep(&bench).exits_with(3).has_line("summary   6 found: 4 removed, 2 not removed");

    let stdout = hide_ids(&ran.stdout());
    let text = "step `sweep` failed: not everything is removed: deployment `tumour-screening` of run `lost` \
                (`DELETE /ml/v4/deployments/ID` answered 403: a fault answers 403); model `tumour-screening` of run `lost` \
                (used by `ID`)\n";
    assert!(stdout.contains(text), "{stdout}");
    assert_eq!(kinds(&bench), ["model", "deployment"]);
    bench.stub.mend();
    sweep(&bench).succeeds().has_line("summary   2 found: 2 removed");
    bench.leaves_nothing();
}

#[test]
fn what_cannot_be_listed_is_one_clear_error_and_nothing_is_removed() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let before = bench.stub.leftovers();
    let bench = bench.fails(always("GET", "/ml/v4/models", 403));

    let ran = sweep(&bench).exits_with(3);

    ran.has_line("step `sweep` failed: `GET /ml/v4/models` answered 403: a fault answers 403");
    assert_eq!(bench.stub.leftovers(), before);
}

#[test]
fn a_signal_ends_it_and_the_next_one_goes_on() {
    let bench = Bench::sample();
    lost(&bench, "pipeline.yaml", "lost");
    let bench = bench.fails(Fault::new("DELETE", "/openscale/*/v2/subscriptions/*", FaultKind::Stall));
    let held = bench.stub.held();
    let started = bench.start(&[&NOW, ["pipeline.yaml"].as_slice()].concat()).reaches(|| bench.stub.held() > held);

    started.signal(Signal::TERM).ends().exits_with(143);

    bench.stub.mend();
    assert!(!bench.stub.leftovers().is_empty());
    sweep(&bench).succeeds();
    bench.leaves_nothing();
}

#[test]
fn a_pipeline_without_openscale_is_swept_of_what_it_has() {
    let bench = Bench::sample();
    let spec = fs::read_to_string(bench.folder.path().join("pipeline.yaml")).unwrap();
    let (head, rest) = spec.split_once("  openscale:\n").unwrap();
    let (_, rest) = rest.split_once("    auth: *login\n").unwrap();
    let (steps, rest) = rest.split_once("  - step: subscribe\n").unwrap();
    let (_, end) = rest.split_once("  # Removes what this run").unwrap();
    let bench = bench.file("pipeline.yaml", format!("{head}{steps}  # Removes what this run{end}"));
    lost(&bench, "pipeline.yaml", "lost");
    assert_eq!(kinds(&bench), ["model", "deployment"]);

    sweep(&bench).succeeds().has_line("summary   2 found: 2 removed");

    bench.leaves_nothing();
    assert!(bench.requests().iter().all(|request| !request.contains("openscale")));
}

#[test]
fn a_component_of_ones_own_is_granted_what_it_removes() {
    let bench = Bench::sample().file("own.wasm", fs::read(components().join("sweep.wasm")).unwrap());
    lost(&bench, "pipeline.yaml", "lost");
    let bench = bench.spec("- step: sweep", "- module: own.wasm");
    sweep(&bench).exits_with(3).has_line("hint: add to the step:").has_line("wml: [\"GET /v2/spaces/*\"]");
    let bench = bench.spec(
        "    when: stale\n",
        "    when: stale\n    grant: {wml: [GET /**, DELETE /**], openscale: [GET /**, DELETE /**]}\n",
    );

    sweep(&bench).succeeds();

    bench.leaves_nothing();
}

#[test]
fn what_is_kept_on_purpose_is_only_listed() {
    let bench = Bench::sample().spec("when: always", "when: failure");
    lost(&bench, "pipeline.yaml", "good");
    let before = bench.stub.leftovers();

    sweep(&bench).exits_with(2).says(
        "error: the runs of `pipeline.yaml` may keep what they create, as no step that removes it is `when: always`: what lost \
         runs have left cannot be told from that\n\
         hint: `--dry-run` lists it; if none of it is to stay, `--set` that step's `when` to `always`\n",
    );
    sweep_with(&bench, &["--dry-run", "pipeline.yaml"]).succeeds();
    assert_eq!(bench.stub.leftovers(), before);
    sweep_with(&bench, &["--set", "steps.cleanup.when=always", "pipeline.yaml"]).succeeds();
    bench.leaves_nothing();
    lost(&bench, "pipeline.yaml", "another");
    let bench = bench.variable("STEPWISE_SET", "steps.cleanup.when=always");
    sweep(&bench).succeeds();
    bench.leaves_nothing();
}

#[test]
fn what_belongs_to_a_sweep_is_refused_for_one_run_and_nothing_is_removed() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep"]).succeeds();
    let before = bench.stub.leftovers();
    let cleanup = ["cleanup", "pipeline.yaml", "--run", "r"];
    for own in [["--dry-run"].as_slice(), &["--older-than", "1d"], &["--profile", "p"]] {
        let stderr = bench.stepwise(&[cleanup.as_slice(), own].concat()).exits_with(2).stderr();
        let told = "error: the following required arguments were not provided:\n  --stale\n";
        assert!(stderr.starts_with(told), "{stderr}");
        // Nor where `--stale` could not be: clap does not miss it then.
        let stderr = bench.stepwise(&[cleanup.as_slice(), own, &["--wait", "1m"]].concat()).exits_with(2).stderr();
        assert!(stderr.contains("cannot be used with"), "{stderr}");
        assert_eq!(bench.stub.leftovers(), before, "{own:?}");
    }
}

#[test]
fn a_run_does_not_run_it_and_wrong_usage_is_told() {
    let bench = Bench::sample();
    let mistakes: [&[&str]; 4] = [
        &["cleanup"],
        &["cleanup", "--stale"],
        &["cleanup", "--stale", "--run", "r"],
        &["cleanup", "--stale", "--older-than", "lately", "pipeline.yaml"],
    ];
    for arguments in mistakes {
        bench.stepwise(arguments).exits_with(2);
    }
    bench
        .stepwise(&["run", "pipeline.yaml", "--only", "sweep"])
        .exits_with(2)
        .says("error: step `sweep` is not of a run: only `stepwise cleanup --stale` runs it\n");
    let bench = bench.spec("  - step: sweep\n    when: stale\n    inputs: {space: \"${{ env.CPD_SPACE }}\"}\n", "");
    sweep(&bench).exits_with(2).says(
        "error: `pipeline.yaml` has no step that removes what lost runs have left\n\
         hint: add the step `sweep` with `when: stale`, and the space as its input\n",
    );
    assert_eq!(bench.requests(), [] as [String; 0]);
}

#[test]
fn cleanup_says_what_it_needs() {
    let bench = Bench::sample();
    for (arguments, missing) in [(&["cleanup"][..], "--run <ID>"), (&["cleanup", "--stale"], "<SPEC>")] {
        let stderr = bench.stepwise(arguments).exits_with(2).stderr();
        assert!(
            stderr.starts_with(&format!("error: the following required arguments were not provided:\n  {missing}\n\n")),
            "{stderr}"
        );
    }
}
