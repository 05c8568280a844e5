//! stderr without a terminal, and the flags that say which part of a run is run and what stays.

use serde_json::Value;

use crate::custom::{rogue, spec};
use crate::harness::{Bench, always, golden, guest, hide_ids, sha256};

const RUN: [&str; 4] = ["run", "pipeline.yaml", "--run", "r"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN, more].concat()
}

#[test]
fn a_failed_step_shows_its_log_the_request_that_failed_and_what_it_says() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments", 403));

    let ran = bench.run().exits_with(3);

    let stderr = hide_ids(&ran.stderr());
    let told: Vec<_> = stderr.lines().filter(|line| line.starts_with("deploy ")).collect();
    let (failed, story) = (told[1], &told[2..]);
    assert!(failed.starts_with("deploy     failed after "), "{stderr}");
    let (request, trace) = story[0].split_once("\"trace\":").unwrap();
    assert_eq!(
        request,
        "deploy     the request that failed: POST /ml/v4/deployments of `wml` answered 403, transaction ID: \
         {\"errors\":[{\"code\":\"fault\",\"message\":\"a fault answers 403\"}],"
    );
    assert_eq!(trace.len(), "\"ba3d3b6b25eb4b65b1b0d3ad5dc7a1f3\"}".len(), "{trace}");
    assert_eq!(story[1..], ["deploy     error: `POST /ml/v4/deployments` answered 403: a fault answers 403"]);
}

#[test]
fn the_answer_to_a_request_that_failed_is_shown_in_one_line_cut_and_without_secrets() {
    let long = format!("no\n\tway, {} {}", "KEY", "x".repeat(400));
    let bench = Bench::sample();
    let body = Value::from(long.replace("KEY", bench.stub.api_key()));
    let answer = stepwise_stub::FaultKind::Status { code: 403, body: Some(body), headers: Vec::new() };
    let bench = bench.fails(stepwise_stub::Fault::new("POST", "/ml/v4/deployments", answer));

    let stderr = bench.run().exits_with(3).stderr();

    let request = stderr.lines().find_map(|line| line.split_once("transaction ")).unwrap().1;
    let excerpt = request.split_once(": ").unwrap().1;
    assert_eq!(excerpt, format!("no way, *** {}…", "x".repeat(288)));
    assert_eq!(excerpt.chars().count(), 301);
}

#[test]
fn the_story_of_a_step_ends_with_its_hint() {
    let bench = rogue(
        "{do: complain, text: about to ask, request: wml GET /v2/spaces/s}",
        "    grant: {wml: [\"GET /v2/spaces/*\"]}\n",
    );

    let stderr = hide_ids(&bench.run().exits_with(3).stderr());

    let story = stderr.split("failed after ").nth(1).unwrap().split_once('\n').unwrap().1;
    let (request, words) = story.split_once("transaction ").unwrap();
    assert_eq!(
        request,
        "rogue      its last log lines:\n\
         rogue        about to ask\n\
         rogue        warn: this will not go well\n\
         rogue      the request that failed: GET /v2/spaces/s of `wml` answered 404, "
    );
    assert_eq!(
        words.split_once('\n').unwrap().1,
        "rogue      error: `GET /v2/spaces/s` was in vain\nrogue      hint: ask somebody else\n"
    );
}

#[test]
fn the_last_log_lines_of_a_step_that_crashed_are_shown_again() {
    let stderr = rogue("{do: panic}", "").run().exits_with(3).stderr();

    let story = stderr.split("failed after ").nth(1).unwrap().split_once('\n').unwrap().1;
    assert!(story.starts_with("rogue      its last log lines:\n"), "{stderr}");
    assert!(story.contains("\nrogue      error: the component crashed: "), "{stderr}");
}

#[test]
fn a_quiet_run_says_only_what_went_wrong() {
    rogue("{do: print}", "").stepwise(&with(&["--quiet"])).succeeds().says("rogue      warn: a line on stderr\n");
    Bench::sample().stepwise(&with(&["-q"])).succeeds().says("");
}

#[test]
fn a_machine_gets_the_events_as_they_are_kept() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments", 403));

    let stderr = bench.stepwise(&with(&["--log-format", "json"])).exits_with(3).stderr();

    let kept = std::fs::read_to_string(bench.folder.path().join(".stepwise/r/events.jsonl")).unwrap();
    let mut said: Vec<_> = stderr.lines().collect();
    let mut kept: Vec<_> = kept.lines().collect();
    said.sort_unstable();
    kept.sort_unstable();
    assert_eq!(said, kept);
    let failed = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed = failed.filter(|event| event["event"] == "step_failed").collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["step"], "deploy");
    assert_eq!(failed[0]["message"], "`POST /ml/v4/deployments` answered 403: a fault answers 403");
}

#[test]
fn a_machine_gets_the_command_s_own_errors_as_events() {
    let bench = Bench::sample();
    let error = |arguments: &[&str]| -> Value {
        let stderr = bench.stepwise(arguments).exits_with(2).stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        serde_json::from_str(&stderr).unwrap()
    };

    let unknown = error(&["--log-format", "json", "run", "pipeline.yaml", "--only", "deplyo"]);
    assert_eq!(unknown["event"], "error");
    assert_eq!(unknown["message"], "the spec has no step `deplyo`");
    assert_eq!(unknown["hint"], "is `deploy` meant?");
    assert!(unknown["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{unknown}");
    let missing = error(&["check", "nothing.yaml", "--log-format", "json"]);
    assert_eq!(missing["event"], "error");
    assert!(missing["message"].as_str().unwrap().contains("nothing.yaml"), "{missing}");
    let usage = error(&["run", "pipeline.yaml", "--log-format", "json", "--nope"]);
    let told = "unexpected argument '--nope' found\n\n  tip: to pass '--nope' as a value, use '-- --nope'";
    assert_eq!(usage["message"], told);
    let usage = error(&["run", "--log-format=json"]);
    assert!(usage["message"].as_str().unwrap().ends_with("\n  <SPEC>"), "{usage}");
}

#[test]
fn colour_is_where_it_is_wanted() {
    let bench = Bench::sample();
    let stderr = |bench: &Bench, arguments: &[&str]| {
        bench.stepwise(&[&["run", "pipeline.yaml", "--only", "deplyo"], arguments].concat()).exits_with(2).stderr()
    };
    let plain = "error: the spec has no step `deplyo`\nhint: is `deploy` meant?\n";
    let coloured = "\u{1b}[1;31merror:\u{1b}[0m the spec has no step `deplyo`\n\
                    \u{1b}[1;36mhint:\u{1b}[0m is `deploy` meant?\n";

    assert_eq!(stderr(&bench, &[]), plain);
    assert_eq!(stderr(&bench, &["--color", "always"]), coloured);
    let bench = bench.variable("CLICOLOR_FORCE", "1");
    assert_eq!(stderr(&bench, &[]), coloured);
    assert_eq!(stderr(&bench, &["--color", "never"]), plain);
    let bench = bench.variable("NO_COLOR", "1");
    assert_eq!(stderr(&bench, &[]), plain);
}

#[test]
fn a_run_goes_on_from_a_step_when_what_made_it_fail_is_mended() {
    let bench = Bench::sample().fails(always("POST", "/ml/v4/deployments", 403));
    bench.stepwise(&with(&["--keep"])).exits_with(3);
    let stored = bench.outputs("store")["model_id"].clone();

    bench.stepwise(&with(&["--from", "subscribe"])).exits_with(2).says(
        "error: run `r` cannot go on from `subscribe`: step `deploy` before it failed\nhint: go on from `deploy`\n",
    );
    bench.stub.mend();
    bench.stepwise(&with(&["--from", "deploy"])).succeeds();

    assert_eq!(bench.record()["outcome"], "succeeded");
    assert_eq!(bench.outputs("store")["model_id"], stored);
    let models = bench.requests().iter().filter(|request| *request == "POST /ml/v4/models").count();
    assert_eq!(models, 1);
    bench.leaves_nothing();

    bench.stepwise(&with(&["--from", "deploy"])).exits_with(2).says(
        "error: run `r` cannot go on from `deploy`: the model that step `store` created was removed\n\
         hint: start a new run; with `--keep` it leaves what it creates\n",
    );
}

#[test]
fn what_a_run_keeps_is_told_with_the_command_that_removes_it() {
    let bench = Bench::sample().file("my pipeline.yaml", "");
    std::fs::copy(bench.folder.path().join("pipeline.yaml"), bench.folder.path().join("my pipeline.yaml")).unwrap();

    let ran = bench.stepwise(&["run", "my pipeline.yaml", "--run", "r", "--keep"]).succeeds();

    let stdout = hide_ids(&ran.stdout());
    let kept = stdout.split("run r of tumour-screening: succeeded\n\n").nth(1).unwrap();
    golden("left.txt", kept);
    assert_eq!(bench.step("cleanup")["outcome"], "skipped");
    assert_eq!(bench.stub.leftovers().len(), 6);

    bench.stepwise(&["cleanup", "my pipeline.yaml", "--run", "r", "--runs", ".stepwise"]).succeeds();
    bench.leaves_nothing();
}

#[test]
fn the_command_that_removes_has_all_that_it_needs() {
    let printed = |stdout: &str| {
        let line = stdout.lines().last().unwrap();
        line.strip_prefix("to remove it: stepwise ").unwrap().to_owned()
    };
    let run = |bench: &Bench, command: &str| {
        let words: Vec<_> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        bench.stepwise(&words).succeeds();
        bench.leaves_nothing();
    };

    let bench = Bench::sample().without("CPD_API_KEY");
    let key = bench.stub.api_key().to_owned();
    let bench = bench.file("my-keys/CPD_API_KEY", &key);
    let stdout = bench.stepwise(&with(&["--keep", "--secrets", "my-keys"])).succeeds().stdout();
    let command = printed(&stdout);
    assert_eq!(command, "cleanup pipeline.yaml --run r --runs .stepwise --secrets my-keys");
    run(&bench, &command);

    // A secret that was set is in no record, so it must be set again.
    let bench = Bench::sample().without("CPD_API_KEY");
    let key = bench.stub.api_key().to_owned();
    let set = |key: &str| format!("services.wml.auth.api_key={key}");
    let other = |key: &str| format!("services.openscale.auth.api_key={key}");
    let limit = "steps.score.timeout=9m";
    let (first, second) = (set(&key), other(&key));
    let stdout =
        bench.stepwise(&with(&["--keep", "--set", &first, "--set", &second, "--set", limit])).succeeds().stdout();
    assert_eq!(bench.record()["overrides"]["set"], serde_json::json!([set("***"), other("***"), limit]));
    let command = printed(&stdout);
    let sets = format!("--set '{}' --set '{}'", set("***"), other("***"));
    assert_eq!(command, format!("cleanup pipeline.yaml --run r --runs .stepwise {sets}"));
    run(&bench, &command.replace("***", &key));
}

#[test]
fn a_run_that_keeps_and_made_nothing_says_so() {
    let stdout = rogue("{do: print}", "").stepwise(&with(&["--keep"])).succeeds().stdout();

    assert!(stdout.ends_with("run r of custom: succeeded\n\nnothing was left\n"), "{stdout}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let bench = Bench::sample();
    for arguments in [
        &["--from", "deploy"][..],
        &["--run", "r", "--from", "deploy", "--only", "score"],
        &["--run", "r", "--from", "deploy", "--dry-run"],
        &["--keep", "--dry-run"],
        &["--color", "pink"],
        &["--log-format", "xml"],
    ] {
        let ran = bench.stepwise(&[&["run", "pipeline.yaml"], arguments].concat()).exits_with(2);
        assert!(ran.stderr().starts_with("error: "), "{arguments:?}: {}", ran.stderr());
    }
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn warnings_of_the_record_stand_above_the_result() {
    let steps =
        "  - {module: rogue.wasm, inputs: {do: print}}\n  - {module: rogue.wasm, id: again, inputs: {do: print}}\n";
    let bench = Bench::new().file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec(steps));
    bench.stepwise(&with(&["--only", "rogue"])).succeeds();
    let file = bench.folder.path().join(".stepwise/r/run.json");
    let mut record = bench.record();
    record["warnings"] = serde_json::json!(["the certificate of `wml` is not checked"]);
    record.as_object_mut().unwrap().remove("sum");
    let text = serde_json::to_string_pretty(&record).unwrap();
    let open = text.strip_suffix("\n}").unwrap();
    let sum = sha256(open.as_bytes());
    std::fs::write(file, format!("{open},\n  \"sum\": \"{}\"\n}}\n", &sum[..8])).unwrap();

    let ran = bench.stepwise(&with(&["--only", "again"])).succeeds();

    assert!(ran.stdout().starts_with("warning: the certificate of `wml` is not checked\n\n"), "{}", ran.stdout());
}
