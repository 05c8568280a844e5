//! The commands beside `run`: what they print, and how the compiled components are kept.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Bench, components, golden, sha256};

/// A digest is another with every compiler.
fn without_digests(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| if word.trim().len() == 64 { word.replace(word.trim(), "SHA256") } else { word.to_owned() })
        .collect()
}

#[test]
fn steps_lists_all_and_documents_one() {
    let bench = Bench::new();

    golden("steps.txt", &bench.stepwise(&["steps"]).succeeds().stdout());
    golden("steps-deploy.txt", &without_digests(&bench.stepwise(&["steps", "deploy"]).succeeds().stdout()));
}

#[test]
fn steps_are_told_to_tools_and_to_documentation_too() {
    let bench = Bench::new();

    golden("steps.md", &bench.stepwise(&["steps", "--format", "markdown"]).succeeds().stdout());
    golden("steps-deploy.md", &bench.stepwise(&["steps", "deploy", "--format", "markdown"]).succeeds().stdout());
    golden("steps-sweep.md", &bench.stepwise(&["steps", "sweep", "--format", "markdown"]).succeeds().stdout());
    golden("steps-cleanup.md", &bench.stepwise(&["steps", "cleanup", "--format", "markdown"]).succeeds().stdout());
    let deploy = bench.stepwise(&["steps", "deploy", "--format", "json"]).succeeds().stdout();
    golden("steps-deploy.json", &without_digest(&deploy));
    let all: Value = serde_json::from_str(&bench.stepwise(&["steps", "--format", "json"]).succeeds().stdout()).unwrap();
    let names: Vec<_> = all.as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cleanup", "deploy", "evaluate", "score", "store", "subscribe", "sweep"]);
    assert_eq!(all[1], serde_json::from_str::<Value>(&deploy).unwrap());
}

/// JSON whose digest is another with every compiler.
fn without_digest(json: &str) -> String {
    let mut value: Value = serde_json::from_str(json).unwrap();
    value["sha256"] = "SHA256".into();
    format!("{value:#}\n")
}

#[test]
fn a_plan_for_tools_names_the_secrets_and_variables_that_it_reads() {
    let bench = Bench::sample().variable("CPD_URL", "https://cpd.example.com").variable("CPD_SPACE", "models");

    let plan = bench.stepwise(&["plan", "pipeline.yaml", "--format", "json"]).succeeds().stdout();

    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["pipeline"], "tumour-screening");
    assert_eq!(plan["secrets"], json!(["CPD_API_KEY"]));
    assert_eq!(plan["env"], json!(["CPD_SPACE", "CPD_URL", "CPD_USERNAME"]));
    assert_eq!(
        plan["services"][1],
        json!({"name": "wml", "url": "https://cpd.example.com", "dialect": null, "platform_url": null})
    );
    let deploy = &plan["steps"][1];
    assert_eq!(deploy["id"], "deploy");
    assert_eq!(deploy["inputs"]["model_id"], "${{ steps.store.model_id }}");
    assert!(deploy["grants"].as_array().unwrap().contains(&json!(
        {"service": "wml", "method": "POST", "path": "/ml/v4/deployments"}
    )));
    assert_eq!(deploy["limits"]["memory"], 256 << 20);
    assert!(!plan.to_string().contains(bench.stub.api_key()));
}

#[test]
fn bash_completes_commands_flags_and_words() {
    let bench = Bench::new();
    let script = bench.stepwise(&["completions", "bash"]).succeeds().stdout();
    let complete = |words: &str| {
        let test = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _stepwise stepwise \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\necho \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &test]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };

    assert_eq!(complete("stepwise cl"), "cleanup");
    assert_eq!(complete("stepwise run --fr"), "--from");
    assert_eq!(complete("stepwise run --log-format j"), "json");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = bench.stepwise(&["completions", shell]).succeeds().stdout();
        assert!(script.contains("log-format"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let bench = Bench::new();

    let main = bench.stepwise(&["man"]).succeeds().stdout();
    assert!(main.starts_with(".ie"), "{main}");
    bench.stepwise(&["man", "man1"]).succeeds();

    let mut pages: Vec<_> = fs::read_dir(bench.folder.path().join("man1"))
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let commands =
        ["check", "cleanup", "compile", "completions", "man", "plan", "run-id", "run", "schema", "steps", "stub"];
    let expected: Vec<_> = commands.iter().map(|command| format!("stepwise-{command}.1")).collect();
    assert_eq!(pages, [expected, vec!["stepwise.1".to_owned()]].concat());
    let run = fs::read_to_string(bench.folder.path().join("man1/stepwise-run.1")).unwrap();
    for part in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", "\\fB\\-\\-from\\fR"] {
        assert!(run.contains(part), "no `{part}` in\n{run}");
    }
}

#[test]
fn a_version_is_told_in_short_or_with_all_that_it_is_made_of() {
    let bench = Bench::new();
    assert_eq!(bench.stepwise(&["--version"]).succeeds().stdout(), "stepwise 0.1.0\n");
    assert_eq!(bench.stepwise(&["-V"]).succeeds().stdout(), "stepwise 0.1.0\n");

    let told = bench.stepwise(&["--version", "--verbose"]).succeeds().stdout();

    for step in ["store", "sweep"] {
        let digest = sha256(&fs::read(components().join(format!("{step}.wasm"))).unwrap());
        assert!(told.contains(&format!("\n  {step} {digest}\n")), "{told}");
    }
    let machine = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    golden("version.txt", &without_digests(&told).replace(&machine, "TARGET"));
    assert_eq!(bench.stepwise(&["--verbose", "--version"]).succeeds().stdout(), told);
    bench.stepwise(&["--verbose", "steps"]).exits_with(2);
}

#[test]
fn every_command_says_what_it_is_for() {
    let bench = Bench::new();

    golden("help.txt", &bench.stepwise(&["--help"]).succeeds().stdout());
    golden("help-run.txt", &bench.stepwise(&["run", "--help"]).succeeds().stdout());
    golden("help-cleanup.txt", &bench.stepwise(&["cleanup", "--help"]).succeeds().stdout());
}

#[test]
fn plan_shows_order_inputs_and_grants_and_sends_nothing() {
    let bench = Bench::sample().variable("CPD_URL", "https://cpd.example.com").variable("CPD_SPACE", "models");

    golden("plan.txt", &bench.stepwise(&["plan", "pipeline.yaml"]).succeeds().stdout());

    assert_eq!(bench.requests(), [] as [String; 0]);
}

#[test]
fn a_dry_run_is_checked_and_planned_without_any_variable() {
    let mut bench = Bench::sample();
    for name in ["CPD_URL", "CPD_USERNAME", "CPD_API_KEY", "CPD_SPACE"] {
        bench = bench.without(name);
    }

    bench.stepwise(&["check", "pipeline.yaml"]).exits_with(2);
    bench.stepwise(&["check", "--dry-run", "pipeline.yaml"]).succeeds();
    bench.stepwise(&["plan", "--dry-run", "pipeline.yaml"]).succeeds();
}

#[test]
fn compiled_code_beside_a_module_of_a_spec_is_not_run() {
    let bench = Bench::sample();
    let folder = copied(&bench, "cleanup");
    bench.stepwise(&["compile", "--steps", "components"]).succeeds();
    let compiled = compiled(&folder).remove(0);
    // What a commit could bring along: another step's code under this one's name.
    let bench = bench.file("deploy.wasm", fs::read(components().join("deploy.wasm")).unwrap());
    bench.stepwise(&["compile", "--steps", "."]).succeeds();
    let beside = self::compiled(bench.folder.path()).remove(0);
    fs::copy(compiled, beside).unwrap();
    let bench = bench.spec("- step: deploy", "- module: deploy.wasm");

    let plan = bench.stepwise(&["plan", "pipeline.yaml"]).succeeds();

    assert!(plan.stdout().contains("2. deploy (deploy "), "{}", plan.stdout());
}

#[test]
fn a_cache_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let bench = Bench::sample().file("cache", "not a folder");
    let cache = bench.folder.path().join("cache");
    let bench = bench.variable("STEPWISE_CACHE", cache.to_str().unwrap());

    bench.stepwise(&["check", "pipeline.yaml"]).succeeds().says(
        "warning: components are compiled at every start: failed to write `FOLDER/cache`: File exists (os error 17)\n\
         hint: set STEPWISE_CACHE to a folder of yours, or run `stepwise compile` once\n",
    );
}

#[test]
fn check_needs_no_service() {
    let bench = Bench::sample().variable("CPD_URL", "https://cpd.example.com");

    let ran = bench.stepwise(&["check", "pipeline.yaml"]).succeeds();

    assert_eq!(ran.stdout(), "pipeline.yaml: 7 steps, no errors\n");
    assert!(!bench.folder.path().join(".stepwise").exists());
}

/// A copy of one component, in a folder of its own.
fn copied(bench: &Bench, step: &str) -> PathBuf {
    let folder = bench.folder.path().join("components");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(components().join(format!("{step}.wasm")), folder.join(format!("{step}.wasm"))).unwrap();
    folder
}

/// Documents the one component, for which it must be compiled.
const DOCUMENT: [&str; 4] = ["steps", "cleanup", "--steps", "components"];

/// One component, and a cache of its own.
fn with_cache() -> (Bench, PathBuf) {
    let bench = Bench::new();
    copied(&bench, "cleanup");
    let cache = bench.folder.path().join("cache");
    (bench.variable("STEPWISE_CACHE", cache.to_str().unwrap()), cache)
}

fn compiled(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

#[test]
fn what_is_compiled_ahead_of_time_needs_no_cache() {
    let bench = Bench::new();
    let folder = copied(&bench, "cleanup");
    let cache = bench.folder.path().join("cache");
    let bench = bench.variable("STEPWISE_CACHE", cache.to_str().unwrap());

    bench.stepwise(&["compile", "--steps", "components"]).succeeds();
    assert_eq!(compiled(&folder).len(), 1);
    bench.stepwise(&["steps", "cleanup", "--steps", "components"]).succeeds();

    assert!(!cache.exists());
}

#[test]
fn a_component_is_compiled_once_into_a_private_cache() {
    let (bench, cache) = with_cache();

    bench.stepwise(&DOCUMENT).succeeds();
    let first = fs::metadata(&compiled(&cache)[0]).unwrap().modified().unwrap();
    bench.stepwise(&DOCUMENT).succeeds();

    assert_eq!(fs::metadata(&compiled(&cache)[0]).unwrap().modified().unwrap(), first);
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_cache_that_others_may_write_to_is_refused() {
    let (bench, cache) = with_cache();
    bench.stepwise(&DOCUMENT).succeeds();

    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();

    bench.stepwise(&DOCUMENT).exits_with(2).says(
        "error: the cache of compiled components `FOLDER/cache` may be written by others (mode 777)\n\
         hint: chmod 700 `FOLDER/cache`, or set STEPWISE_CACHE to a folder of yours\n",
    );
}

#[test]
fn a_damaged_file_of_the_cache_is_compiled_anew() {
    let (bench, cache) = with_cache();
    bench.stepwise(&DOCUMENT).succeeds();
    let whole = fs::read(&compiled(&cache)[0]).unwrap();

    fs::write(&compiled(&cache)[0], b"cut short").unwrap();
    bench.stepwise(&DOCUMENT).succeeds();

    assert_eq!(fs::read(&compiled(&cache)[0]).unwrap().len(), whole.len());
}

#[test]
fn the_stub_says_when_it_is_ready_and_serves_other_processes() {
    let bench = Bench::sample();
    let arguments =
        ["stub", "--tls", "--certificate", "stub.pem", "--api-key", "another-api-key", "--request-log", "log.jsonl"];
    let mut stub = bench.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(stub.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let text = |key: &str| ready[key].as_str().unwrap().to_owned();
    let bench = bench
        .spec("    auth: &login\n      kind: cp4d", "    ca_file: stub.pem\n    auth: &login\n      kind: cp4d")
        .spec("    auth: *login", "    ca_file: stub.pem\n    auth: *login")
        .variable("CPD_URL", &text("url"))
        .variable("CPD_USERNAME", &text("username"))
        .variable("CPD_SPACE", &text("space_id"))
        .variable("CPD_API_KEY", "another-api-key");

    let ran = bench.run();
    stub.kill().unwrap();
    stub.wait().unwrap();
    ran.succeeds();

    let log = fs::read_to_string(bench.folder.path().join("log.jsonl")).unwrap();
    assert!(log.lines().count() > 30);
    assert!(!log.contains("another-api-key"));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let bench = Bench::sample();

    bench.stepwise(&["run"]).exits_with(2);
    bench.stepwise(&["fly"]).exits_with(2);
    bench.stepwise(&["steps", "nothing"]).exits_with(2).says(
        "error: there is no step `nothing` in `STEPS`\n\
         hint: `stepwise steps` lists the steps; `make steps` builds those of this repository\n",
    );
    bench.stepwise(&["steps", "--steps", "data"]).exits_with(2).says(
        "error: there are no components in `data`\nhint: build them with `make steps`, or name their folder with `--steps`\n",
    );
    bench
        .stepwise(&["cleanup", "--run", "nothing"])
        .exits_with(2)
        .says("error: there is no run `nothing` in `.stepwise`\n");
    bench.stepwise(&["run", "pipeline.yaml", "--run", "moved", "--only", "store"]).succeeds();
    let stderr = Bench::sample().without("CPD_USERNAME").stepwise(&["check", "pipeline.yaml"]).exits_with(2).stderr();
    // Both services share the login: the error is where it is written, not where it is referred to.
    assert!(stderr.contains("--> pipeline.yaml:13:17\n"), "{stderr}");
    let folder = bench.folder.path();
    fs::rename(folder.join("pipeline.yaml"), folder.join("elsewhere.yaml")).unwrap();
    bench.stepwise(&["cleanup", "--run", "moved"]).exits_with(2).says(
        "error: the spec of run `moved`, `FOLDER/pipeline.yaml`, is not there any more\n\
         hint: name where it is now: stepwise cleanup SPEC --run moved --runs .stepwise\n",
    );
    bench.stepwise(&["cleanup", "elsewhere.yaml", "--run", "moved"]).succeeds();
    bench
        .stepwise(&["run", "pipeline.yaml", "--run", "../x"])
        .exits_with(2)
        .says("error: `../x` is not a run's name: 1 to 36 of a-z, 0-9, `-` and `_`, a letter or digit first\n");
}
