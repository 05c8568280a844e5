//! What a caller changes of a spec: params, profiles, `--set`; and that `plan --explain` says where each value is from.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::custom::spec;
use crate::harness::{Bench, ROOT, always, guest};
use crate::readme::blocks;

/// A step that greets as often as a param says; with defaults and two profiles.
fn bench() -> Bench {
    let spec = spec("  - module: greet.wasm\n    id: greet\n    inputs: {limit: \"${{ params.limit }}\"}\n")
        .replace(
            "name: custom\n",
            "name: custom\nparams:\n  limit: {type: integer, default: 5, allowed: [5, 6, 7, 8]}\n  stage: {type: string, default: \"${{ env.STAGE }}\"}\n\
             profiles:\n  base: {params: {limit: 6}, steps: {greet: {timeout: 20s}}}\n  \
             prod: {extends: base, timeout: 1h, steps: {greet: {retry: {attempts: 4}}}}\n\
             defaults: {timeout: 10s, retry: {attempts: 2, backoff: {first: 1s}}}\n",
        )
        .replace("    id: greet\n", "    id: greet\n    grant: {wml: [\"GET /v2/spaces\"]}\n    retry: {attempts: 3}\n");
    Bench::new().file("greet.wasm", guest("greet")).file("pipeline.yaml", spec).variable("STAGE", "test")
}

/// The lines of `plan --explain` on the step's own settings and on params, without their blanks.
fn explained(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["plan", "pipeline.yaml", "--explain"], arguments].concat();
    let stdout = bench.stepwise(&arguments).succeeds().stdout();
    let lines = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let shown =
        ["timeout", "params.", "steps.greet.inputs", "steps.greet.timeout", "steps.greet.retry", "steps.greet.cont"];
    lines.filter(|line| shown.iter().any(|shown| line.starts_with(shown))).collect()
}

#[test]
fn defaults_stand_below_steps_and_profiles_above_and_set_above_all() {
    let bench = bench();

    assert_eq!(
        explained(&bench, &[]),
        [
            "params.limit 5 spec, line 4",
            "params.stage \"${{ env.STAGE }}\" spec, line 5",
            "steps.greet.inputs.limit \"${{ params.limit }}\" spec, line 17",
            "steps.greet.retry.attempts 3 spec, line 16",
            "steps.greet.retry.backoff.first \"1s\" defaults, line 9",
            "steps.greet.timeout \"10s\" defaults, line 9",
            "steps.greet.continue_on null built in",
            "steps.greet.retry.on [\"unavailable\"] built in",
            "steps.greet.retry.backoff.factor 2.0 built in",
            "steps.greet.retry.backoff.longest \"30s\" built in",
            "steps.greet.retry.backoff.jitter 0.5 built in",
        ]
    );
    assert_eq!(
        explained(
            &bench,
            &[
                "--profile",
                "prod",
                "--set",
                "params.limit=7",
                "--set",
                "steps.greet.retry.backoff={first: 1500ms, factor: 3, longest: 1m, jitter: 0}",
                "--set",
                "steps.greet.retry.on=[internal]",
                "--set",
                "steps.greet.continue_on=gate"
            ]
        ),
        [
            "params.limit 7 --set",
            "params.stage \"${{ env.STAGE }}\" spec, line 5",
            "timeout \"1h\" profile `prod`, line 8",
            "steps.greet.continue_on \"gate\" --set",
            "steps.greet.inputs.limit \"${{ params.limit }}\" spec, line 17",
            "steps.greet.retry.attempts 4 profile `prod`, line 8",
            "steps.greet.retry.backoff.factor 3 --set",
            "steps.greet.retry.backoff.first \"1500ms\" --set",
            "steps.greet.retry.backoff.jitter 0 --set",
            "steps.greet.retry.backoff.longest \"1m\" --set",
            "steps.greet.retry.on [\"internal\"] --set",
            "steps.greet.timeout \"20s\" profile `base`, line 7",
        ]
    );
}

#[test]
fn a_setting_that_is_null_is_explained_by_what_holds_without_it() {
    let step =
        "  - module: greet.wasm\n    id: greet\n    inputs: {limit: 5}\n    timeout: null\n    continue_on: null\n";
    let bench = Bench::new().file("greet.wasm", guest("greet")).file("pipeline.yaml", spec(step));

    let lines = explained(&bench, &[]);

    assert!(lines.contains(&"steps.greet.timeout \"1800s\" built in".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"steps.greet.retry.backoff.first \"500ms\" built in".to_owned()), "{lines:#?}");
    let nulls: Vec<_> = lines.iter().filter(|line| line.contains("null")).collect();
    assert_eq!(nulls, ["steps.greet.continue_on null built in"]);
}

#[test]
fn a_param_keeps_its_type_and_the_run_knows_what_was_changed() {
    let bench = bench();

    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--profile", "prod", "--set", "params.limit=8"]).succeeds();

    assert_eq!(bench.step("greet")["inputs"], json!({"limit": 8}));
    assert_eq!(bench.record()["overrides"], json!({"profile": "prod", "set": ["params.limit=8"]}));
}

#[test]
fn cleanup_finds_the_services_of_the_run_by_its_profile() {
    let bench = Bench::sample();
    let url = bench.stub.url().to_owned();
    let bench = bench
        .spec("services:\n", &format!("profiles:\n  there: {{services: {{wml: {{url: \"{url}\"}}, openscale: {{url: \"{url}\"}}}}}}\nservices:\n"))
        .spec("url: \"${{ env.CPD_URL }}\"", "url: \"https://elsewhere.invalid\"");
    let only = ["run", "pipeline.yaml", "--run", "r", "--profile", "there", "--only", "store"];

    bench.stepwise(&only).succeeds();
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    bench.leaves_nothing();
}

#[test]
fn what_cannot_be_set_is_told_with_the_argument() {
    let bench = bench();
    for (argument, message) in [
        ("params.limit=9", "`9` is none of `5`, `6`, `7`, `8`"),
        ("params.limit=many", "`many` is not of the param's type, `integer`"),
        ("params.limti=7", "there is no param `limti`\nhint: is `limit` meant?"),
        ("steps.great.timeout=5s", "there is no step `great`\nhint: is `greet` meant?"),
        ("steps.greet.timeot=5s", "unknown key `timeot`\nhint: is `timeout` meant?"),
        ("steps.greet.timeout=5", "`5` is not a text\nhint: write for example `90s` or `10m`"),
        ("steps.greet.timeout.of=5s", "a mapping is not a text\nhint: write for example `90s` or `10m`"),
        (
            "steps.greet.grant.wml.3=GET /v2/spaces",
            "there is no item 3: the last one of the list is 0\nhint: set it as a whole: `….wml=[…]`",
        ),
        (
            "steps.greet.grant.wml.first=GET /v2/spaces",
            "`first` is no item of a list; items have numbers, from 0\nhint: set it as a whole: `….wml=[…]`",
        ),
        ("steps.greet.grant.wlm.0=GET /v2/spaces", "a mapping is not a list"),
        ("services.wlm.url=https://cpd.example.com", "`auth` is missing"),
        ("data.training.max_size=1GiB", "data set `training` needs one of `file`, `url`, `s3`"),
        (
            "version=2",
            "`version` is nothing that can be set\nhint: a path begins with `params`, `steps`, `services`, `data`, `name` or \
             `timeout`",
        ),
        ("limit", "this is not of the form `path=value`\nhint: write for example `params.threshold=0.9`"),
    ] {
        bench
            .stepwise(&["check", "pipeline.yaml", "--set", argument])
            .exits_with(2)
            .finds_in_spec(&format!("--set {argument}: {message}\n"));
    }
    bench.stepwise(&["check", "pipeline.yaml", "--set", "steps.greet.grant.wml.0=GET /v2/spaces"]).succeeds();
    bench
        .stepwise(&["check", "pipeline.yaml", "--profile", "pord"])
        .exits_with(2)
        .finds_in_spec("pipeline.yaml: there is no profile `pord`\nhint: is `prod` meant?\n");
}

#[test]
fn a_module_can_only_be_changed_by_an_id_that_the_spec_gives_it() {
    let bench = bench().spec("    id: greet\n", "").spec("profiles:", "profiles: {}\nsecrets: {}\n#");
    let bench = bench.change("pipeline.yaml", "  prod:", "#").change("pipeline.yaml", "  base:", "#");

    bench.stepwise(&["check", "pipeline.yaml", "--set", "steps.greet.timeout=5s"]).exits_with(2).finds_in_spec(
        "--set steps.greet.timeout=5s: there is no step `greet`\nhint: a step with `module` can be changed if the spec \
         gives it an `id`\n",
    );
}

#[test]
fn a_check_needs_no_variables_if_none_need_be_set() {
    let bench = bench().without("STAGE").without("CPD_URL").without("CPD_USERNAME").without("CPD_API_KEY");

    bench.stepwise(&["check", "pipeline.yaml"]).exits_with(2);
    bench.stepwise(&["check", "pipeline.yaml", "--allow-unset"]).succeeds();
    bench.stepwise(&["check", "pipeline.yaml", "--allow-unset", "--set", "params.limit=9"]).exits_with(2);

    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn the_schema_accepts_every_sample_and_all_that_the_readme_shows_and_refuses_what_is_wrong() {
    let bench = Bench::new();
    let schema: Value = serde_json::from_str(&bench.stepwise(&["schema"]).succeeds().stdout()).unwrap();
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("https://stepwise.invalid/spec.json", schema).unwrap();
    let index = compiler.compile("https://stepwise.invalid/spec.json", &mut schemas).unwrap();
    let is_valid = |name: &str, text: &str| {
        let value: Value = serde_yaml::from_str(text).unwrap();
        schemas.validate(&value, index).map_err(|error| format!("{name}: {error:#}"))
    };
    let read = |file: &str| fs::read_to_string(Path::new(ROOT).join(file)).unwrap();

    for sample in ["model/pipeline.yaml", "tests/models/iris/pipeline.yaml", "tests/models/diabetes/pipeline.yaml"] {
        is_valid(sample, &read(sample)).unwrap();
    }
    // What the stub's faults are is no spec.
    let shown: Vec<_> = blocks("yaml").into_iter().filter(|block| block.contains("version: 1\n")).collect();
    assert!(shown.len() >= 4);
    for spec in shown {
        is_valid(&spec, &spec).unwrap();
    }
    for wrong in [
        "data",
        "inputs",
        "missing-key",
        "numbers",
        "unknown-key",
        "unknown-metric",
        "unknown-step",
        "version",
        "wrong-type",
        "retry",
        "profile",
    ] {
        assert!(is_valid(wrong, &read(&format!("tests/specs/{wrong}.yaml"))).is_err(), "{wrong}");
    }
    // What only the host can know is not the schema's.
    for right in ["references", "unset", "order", "quantities-of-params", "secret-outside-services"] {
        is_valid(right, &read(&format!("tests/specs/{right}.yaml"))).unwrap();
    }
}

#[test]
fn a_run_that_goes_on_keeps_its_profile_and_its_values_unless_others_are_given() {
    let profiles = "profiles:\n  few: {steps: {score: {inputs: {batch_rows: 40}}}}\nservices:\n";
    let bench =
        Bench::sample().spec("services:\n", profiles).fails(always("POST", "/ml/v4/deployments/*/predictions", 400));
    let name = "steps.deploy.inputs.name=other";
    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--keep", "--profile", "few", "--set", name]).exits_with(3);
    bench.stub.mend();

    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();

    assert_eq!(bench.step("score")["inputs"]["batch_rows"], 40);
    assert!(bench.stub.made().iter().all(|(_, count)| *count == 1), "{:?}", bench.stub.made());

    let gate = "steps.evaluate.inputs.gates.area_under_roc.at_least=0.5";
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep", "--set", gate]).succeeds();
    bench.stepwise(&["run", "pipeline.yaml", "--resume", "r", "--keep"]).succeeds();
    assert_eq!(bench.step("evaluate")["inputs"]["gates"]["area_under_roc"]["at_least"], 0.5);
    assert_eq!(bench.record()["overrides"], json!({"profile": "few", "set": [name, gate]}));

    bench.stepwise(&["run", "pipeline.yaml", "--run", "r", "--from", "evaluate"]).succeeds();
    assert_eq!(bench.step("evaluate")["inputs"]["gates"]["area_under_roc"]["at_least"], 0.5);
    bench.leaves_nothing();
}
