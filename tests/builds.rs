//! What a build server such as Jenkins asks: how a run is called, which secrets are to be bound, and a cleanup while the
//! step that was aborted is still ending.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind};

use crate::harness::{Bench, components};

fn plan(bench: &Bench, more: &[&str]) -> Value {
    let arguments = [&["plan", "pipeline.yaml", "--format", "json", "--allow-unset"], more].concat();
    serde_json::from_str(&bench.stepwise(&arguments).succeeds().stdout()).unwrap()
}

#[test]
fn a_run_is_named_after_its_build() {
    let bench = Bench::sample();
    let name = |tag: &str| bench.stepwise(&["run-id", tag]).succeeds().stdout().trim_end().to_owned();
    let tag = "jenkins-Team A-tumour-screening-feature%2Fcalibration-12";

    assert_eq!(name(tag), name(tag));
    assert!(name(tag).contains("calibration-12-"), "{}", name(tag));
    assert_ne!(name(tag), name(&tag.to_lowercase()));
    bench.stepwise(&["run", "pipeline.yaml", "--run", &name(tag), "--only", "store"]).succeeds();
}

#[test]
fn a_build_without_a_tag_gets_no_name() {
    for tag in ["", " "] {
        let stderr = Bench::new().stepwise(&["run-id", tag]).exits_with(2).stderr();
        assert!(stderr.contains("there is nothing in it to know a build by"), "{stderr}");
    }
}

#[test]
fn a_run_is_not_started_by_what_only_others_do() {
    let bench = Bench::sample();
    let others: [&[&str]; 6] = [
        &["--run", "r"],
        &["--only", "store"],
        &["--dry-run"],
        &["--shard", "0"],
        &["--twin", "nothing.onnx"],
        &["--faults", "nothing.yaml"],
    ];
    for other in others {
        bench.stepwise(&[&["run", "pipeline.yaml", "--or-start"], other].concat()).exits_with(2);
    }
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_cleanup_needs_no_variable_of_steps_that_it_does_not_run() {
    let step = |name: &str| fs::read(components().join(format!("{name}.wasm"))).unwrap();
    let module = |name: &str| format!("  - module: \"${{{{ env.FOLDER }}}}/{name}.wasm\"\n    id: {name}\n");
    let bench = Bench::sample().file("mine/store.wasm", step("store")).file("mine/deploy.wasm", step("deploy"));
    let bench = bench.spec("  - step: store\n", &module("store")).spec("  - step: deploy\n", &module("deploy"));
    let bench = bench.variable("FOLDER", "mine");
    // It is granted nothing, but the run is there.
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).exits_with(3);

    let bench = bench.without("FOLDER");
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    bench.leaves_nothing();
}

#[test]
fn an_empty_variable_is_not_set() {
    let bench = Bench::sample();
    let names = ["PROFILE", "SET", "RUNS", "SECRETS", "STEPS", "CACHE"].map(|name| format!("STEPWISE_{name}"));
    // The components are not where the program looks for them without the variable.
    let others = names.iter().filter(|name| *name != "STEPWISE_STEPS");
    let bench = others.fold(bench, |bench, name| bench.variable(name, ""));
    bench.run().succeeds();
    let unset = bench.variable("STEPWISE_STEPS", "").stepwise(&["steps"]).stderr();
    assert!(!unset.contains("a value is required"), "{unset}");
}

#[test]
fn a_plan_names_the_variables_of_secrets_that_are_not_set() {
    let bench = Bench::sample();
    assert_eq!(plan(&bench, &[])["unset_secrets"], json!([]));

    let bench = bench.without("CPD_API_KEY");
    assert_eq!(plan(&bench, &[])["unset_secrets"], json!(["CPD_API_KEY"]));
    assert_eq!(plan(&bench, &["--dry-run"])["unset_secrets"], json!([]), "a dry run logs in to the stub");

    let bench = bench.spec("services:\n", "secrets: {CPD_API_KEY: {env: CI_KEY}}\nservices:\n");
    assert_eq!(plan(&bench, &[])["unset_secrets"], json!(["CI_KEY"]));

    let bench = bench.spec("{env: CI_KEY}", "{file: run/key}");
    assert_eq!(plan(&bench, &[])["unset_secrets"], json!([]), "no variable sets it");
}

#[test]
fn a_plan_names_the_variables_of_all_secrets_whether_they_are_set_or_not() {
    let bench = Bench::sample();
    let variables = |bench: &Bench, more: &[&str]| plan(bench, more)["secret_variables"].clone();
    assert_eq!(variables(&bench, &[]), json!(["CPD_API_KEY"]));
    assert_eq!(variables(&bench, &["--dry-run"]), json!([]), "a dry run logs in to the stub");

    let bench = bench.spec("services:\n", "secrets: {CPD_API_KEY: {env: CI_KEY}}\nservices:\n");
    assert_eq!(variables(&bench, &[]), json!(["CI_KEY"]));

    let bench = bench.spec("{env: CI_KEY}", "{file: run/key}");
    assert_eq!(variables(&bench, &[]), json!([]), "no variable sets it");

    let s3 = "{endpoint: https://minio.example.com, bucket: b, key: k, access_key_id: a, secret_access_key: \"${{ secrets.S3_SECRET }}\"}";
    let models = format!("models: {{champion: {{sha256: {}, s3: {s3}}}}}\nservices:\n", "0".repeat(64));
    let bench = bench.spec("services:\n", &models);
    assert_eq!(variables(&bench, &["--dry-run"]), json!(["S3_SECRET"]), "what is fetched is fetched in a dry run too");
}

#[test]
fn the_plan_of_a_cleanup_asks_for_what_the_cleanup_reads_as_the_run_had_it() {
    let profiles =
        "profiles:\n  team:\n    services: {wml: {auth: {api_key: \"${{ secrets.TEAM_KEY }}\"}}}\nservices:\n";
    let bench = Bench::sample().spec("services:\n", profiles);
    let key = bench.stub.api_key().to_owned();
    let bench = bench.variable("TEAM_KEY", &key);
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store", "--profile", "team"]).succeeds();
    fs::remove_file(bench.folder.path().join("model.onnx")).unwrap();
    fs::remove_file(bench.folder.path().join("data/target.csv")).unwrap();
    let bench = bench.without("TEAM_KEY").without("CPD_SPACE");

    let plan = plan(&bench, &["--cleanup", "r"]);

    assert_eq!(plan["unset_secrets"], json!(["TEAM_KEY"]));
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1);
    assert_eq!(plan["steps"][0]["id"], "cleanup");
}

/// What a process holds that runs steps of run `r`.
fn hold(bench: &Bench) -> fs::File {
    let alive = fs::File::open(bench.folder.path().join(".stepwise/r/alive")).unwrap();
    alive.lock_shared().unwrap();
    alive
}

#[test]
fn cleanup_waits_for_a_process_that_still_runs_the_run() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let alive = hold(&bench);

    let cleanup = bench.start(&["cleanup", "--run", "r", "--wait", "10m"]);
    let cleanup = cleanup.says("waiting for another process, which still runs steps of the run");
    alive.unlock().unwrap();
    cleanup.ends().exits_with(0);

    bench.leaves_nothing();
}

#[test]
fn cleanup_does_not_go_beside_a_process_that_runs_the_run() {
    let bench = Bench::sample().fails(Fault::new("PUT", "/ml/v4/models/*/content", FaultKind::Stall));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).reaches(|| bench.stub.held() > 0);

    bench.stepwise(&["cleanup", "--run", "r"]).exits_with(1).says(
        "error: run `r` is held by another process, which runs it or removes what it has left\n\
         hint: `--wait 15m` waits for it\n",
    );
    assert_eq!(bench.stub.leftovers().len(), 1);

    assert!(started.signal(Signal::KILL).ends().was_killed());
    bench.stub.mend();
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn cleanup_waits_no_longer_than_it_may() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();
    let _alive = hold(&bench);

    bench.stepwise(&["cleanup", "--run", "r", "--wait", "1ms"]).exits_with(1).says(
        "waiting for another process, which still runs steps of the run\n\
         error: run `r` is held by another process, which runs it or removes what it has left\n\
         hint: `--wait 15m` waits for it\n",
    );
}

#[test]
fn values_may_stand_in_the_environment_one_a_line() {
    let bench = Bench::sample().variable("STEPWISE_SET", "steps.score.timeout=5m\n\nsteps.store.inputs.name=a b\n");

    let plan = plan(&bench, &["--set", "steps.score.timeout=6m"]);

    assert_eq!(plan["steps"][0]["inputs"]["name"], "a b");
    assert_eq!(plan["steps"][3]["timeout_seconds"], 360.0);
}
