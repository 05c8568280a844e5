//! Runs: in one process or a process per step, what they leave on disk, how they are interrupted, and that cleanup
//! removes what a run made and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind, Nth, Options, Stub};

use crate::custom::{rogue, spec};
use crate::harness::{Bench, guest, json as read_json, sha256};

const STEPS: [&str; 6] = ["store", "deploy", "subscribe", "score", "evaluate", "cleanup"];
const HOUR: Duration = Duration::from_hours(1);

fn lines(bench: &Bench, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(bench.folder.path().join(".stepwise/r").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn only<'a>(run: &'a str, steps: &[&'a str]) -> Vec<&'a str> {
    let chosen = steps.iter().flat_map(|step| ["--only", step]);
    ["run", "pipeline.yaml", "--run", run].into_iter().chain(chosen).collect()
}

/// The ledger's lines as kind and event.
fn ledger(bench: &Bench) -> Vec<String> {
    let mut kinds = BTreeMap::new();
    let told = |line: Value| {
        let entry = line["entry"].as_u64().unwrap();
        if let Some(kind) = line["announcement"]["kind"].as_str() {
            kinds.insert(entry, kind.to_owned());
        }
        let event = line["event"].as_str().unwrap();
        format!("{} {event}", kinds[&entry])
    };
    lines(bench, "ledger.jsonl").into_iter().map(told).collect()
}

/// The sample with a step that sleeps between `deploy` and `subscribe`.
fn sleeping_sample() -> Bench {
    let step = "  - module: rogue.wasm\n    inputs: {do: sleep}\n    timeout: 2m\n\n  - step: subscribe\n";
    Bench::sample().file("rogue.wasm", guest("rogue")).spec("  - step: subscribe\n", step)
}

/// The sample, whose model is created while the answer to it is lost, and whose searches for it take so long.
fn sample_that_loses_its_model(searches: Nth, delay: Duration) -> Bench {
    Bench::sample()
        .fails(Fault::new("POST", "/ml/v4/models", FaultKind::DropAfter))
        .fails(Fault::new("GET", "/ml/v4/models", FaultKind::Delay(delay)).on(searches))
        .spec(
            "inputs:\n      name: tumour-screening\n      description",
            "timeout: 2m\n    inputs:\n      name: tumour-screening\n      description",
        )
}

#[test]
fn a_process_for_each_step_does_what_one_process_for_all_does() {
    let (together, apart) = (Bench::sample(), Bench::sample());
    together.run().succeeds();

    for step in STEPS {
        apart.stepwise(&only("r", &[step])).succeeds();
    }

    apart.leaves_nothing();
    assert_eq!(apart.record()["outcome"], "succeeded");
    let ids: Vec<_> = apart.record()["steps"].as_array().unwrap().iter().map(|step| step["id"].clone()).collect();
    assert_eq!(ids, STEPS);
    for output in ["metrics", "gates", "confusion_matrix"] {
        assert_eq!(apart.outputs("evaluate")[output], together.outputs("evaluate")[output], "{output}");
    }
    assert_eq!(apart.outputs("store")["model_sha256"], together.outputs("store")["model_sha256"]);
    let predictions = |bench: &Bench| fs::read(bench.folder.path().join(".stepwise/r/artifacts/score/predictions.csv"));
    assert_eq!(predictions(&apart).unwrap(), predictions(&together).unwrap());
}

#[test]
fn a_step_before_those_that_it_reads_says_which_is_missing() {
    let bench = Bench::sample();

    bench.stepwise(&only("r", &["deploy"])).exits_with(3).fails_in(
        "deploy",
        "invalid-input",
        "it reads `steps.store.model_id`, but step `store` has no outputs in this run",
    );

    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_and_says_why() {
    for (arguments, message) in [
        (&["--run", "r", "--only", "deplyo"][..], "error: the spec has no step `deplyo`\nhint: is `deploy` meant?\n"),
        (&["--run", "r", "--from", "nothing"], "error: the spec has no step `nothing`\n"),
        (&["--run", "r", "--from", "deploy"], "error: there is no run `r` in `.stepwise`\n"),
        (
            &["--run", "../r"],
            "error: `../r` is not a run's name: 1 to 36 of a-z, 0-9, `-` and `_`, a letter or digit first\n",
        ),
    ] {
        let bench = Bench::sample();

        bench.stepwise(&[&["run", "pipeline.yaml"], arguments].concat()).exits_with(2).says(message);

        assert!(!bench.folder.path().join(".stepwise").exists(), "{arguments:?}");
        assert_eq!(bench.requests(), [""; 0], "{arguments:?}");
    }
}

#[test]
fn a_run_s_name_is_used_once() {
    let bench = rogue("{do: print}", "");
    bench.run().succeeds();
    let record = bench.record();

    bench.run().exits_with(2).says(
        "error: run `r` has run already\n\
             hint: take another name, go on with it by `--resume r`, or choose steps with `--only`\n",
    );
    assert_eq!(bench.record(), record);

    let other = bench.change("pipeline.yaml", "name: custom", "name: another");
    other.stepwise(&only("r", &["rogue"])).exits_with(2).says("error: run `r` is one of pipeline `custom`\n");
}

#[test]
fn the_record_has_digests_inputs_outputs_files_and_grants() {
    let bench = Bench::sample();
    bench.run().succeeds();
    let record = bench.record();

    assert_eq!(record["version"], 1);
    assert_eq!(record["run"], "r");
    assert_eq!(record["pipeline"], "tumour-screening");
    assert_eq!(record["spec"].as_str(), bench.folder.path().join("pipeline.yaml").to_str());
    assert_eq!(record["services"], json!({"openscale": bench.stub.url(), "wml": bench.stub.url()}));
    assert_eq!(record["contract"], "1.0.0");
    assert_eq!(record["stepwise"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["dry_run"], false);
    assert_eq!(record["outcome"], "succeeded");
    assert_eq!(record["spec_sha256"].as_str().unwrap(), digest(&bench, "pipeline.yaml"));
    assert!(record["started_at"].as_str() < record["updated_at"].as_str());

    let evaluate = bench.step("evaluate");
    assert_eq!(evaluate["component"], "evaluate");
    assert_eq!(evaluate["attempts"], 1);
    assert!(evaluate["duration_ms"].as_f64() >= evaluate["waiting_ms"].as_f64());
    assert_eq!(evaluate["inputs"]["monitor_instance_id"], bench.outputs("subscribe")["monitor_instance_id"]);
    let reads = "openscale GET /openscale/*/v2/monitor_instances/*/";
    assert_eq!(
        evaluate["grants"],
        json!([
            "openscale POST /openscale/*/v2/monitor_instances/*/runs",
            format!("{reads}runs/*"),
            format!("{reads}measurements"),
            format!("{reads}measurements/*"),
        ])
    );
    let files: Vec<_> = evaluate["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["value"].as_str().unwrap(),
                file["format"].as_str().unwrap(),
                file["sha256"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("target", "data-set", digest(&bench, "data/target.csv")),
            ("model.onnx", "model", digest(&bench, "model.onnx")),
            ("score/predictions.csv", "artifact", digest(&bench, ".stepwise/r/artifacts/score/predictions.csv")),
        ]
    );
    for step in STEPS {
        let file = bench.folder.path().join(format!(".stepwise/r/steps/{step}.json"));
        let mut own = read_json(&file);
        assert_eq!(own.as_object_mut().unwrap().remove("sum").unwrap().as_str().unwrap().len(), 8);
        assert_eq!(own, bench.step(step), "{step}");
    }
    assert_eq!(fs::read_dir(bench.folder.path().join(".stepwise/r/lent")).unwrap().count(), 0);
}

/// Of a file of the bench.
fn digest(bench: &Bench, file: &str) -> String {
    sha256(&fs::read(bench.folder.path().join(file)).unwrap())
}

#[test]
fn the_events_tell_each_step_and_each_exchange_in_order() {
    let bench = Bench::sample();
    bench.run().succeeds();
    let events = lines(&bench, "events.jsonl");

    let of = |event: &str| -> Vec<&Value> { events.iter().filter(|line| line["event"] == event).collect() };
    let steps = |lines: Vec<&Value>| -> Vec<String> {
        lines.iter().map(|line| line["step"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(steps(of("step_started")), STEPS);
    assert_eq!(steps(of("step_ended")), STEPS);
    let mut told: Vec<_> = of("request")
        .iter()
        .map(|line| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap()))
        .collect();
    let mut received = bench.requests();
    told.sort();
    received.sort();
    assert_eq!(told, received);
    for line in of("request") {
        assert!(line["transaction"].as_str().is_some_and(|id| id.len() == 36), "{line}");
        assert!(line["status"].as_u64().is_some(), "{line}");
    }
    let times: Vec<_> = events.iter().map(|line| line["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
}

#[test]
fn no_file_of_a_run_holds_a_secret() {
    let bench = Bench::sample();
    let stderr = bench.run().succeeds().stderr();

    let key = bench.stub.api_key().to_owned();
    assert!(!stderr.contains(&key));
    let mut folders = vec![bench.folder.path().join(".stepwise")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(&key) && !text.contains("Bearer "), "{}", path.display());
        }
    }
    assert!(files >= 10, "{files}");
}

#[test]
fn what_is_created_is_announced_confirmed_and_removed_newest_first() {
    let bench = Bench::sample();
    bench.run().succeeds();

    let kinds = ["model", "deployment", "data mart", "service provider", "subscription", "monitor instance"];
    let created = kinds.iter().flat_map(|kind| [format!("{kind} announced"), format!("{kind} confirmed")]);
    let removed = kinds.iter().rev().map(|kind| format!("{kind} removed"));
    assert_eq!(ledger(&bench), created.chain(removed).collect::<Vec<_>>());
    let tags: Vec<_> =
        lines(&bench, "ledger.jsonl").iter().filter_map(|line| line["tag"].as_str().map(str::to_owned)).collect();
    // Two runs of one name on two machines have other tags.
    let nonce = bench.record()["nonce"].as_str().unwrap().to_owned();
    assert_eq!(tags, (1..=6).map(|n| format!("stepwise_16_tumour-screening_r_{nonce}_{n}")).collect::<Vec<_>>());
}

#[test]
fn the_announcement_is_on_disk_when_the_request_to_create_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let steps = "  - module: rogue.wasm\n    inputs: {do: create, text: mine}\n    timeout: 1m\n    \
                 grant: {wml: [\"GET /ml/v4/models\", \"POST /ml/v4/models\", \"DELETE /v2/assets/*\"]}\n";
    let bench = Bench::new()
        .file("rogue.wasm", guest("rogue"))
        .file(
            "pipeline.yaml",
            format!(
                "version: 1\nname: custom\nservices:\n  wml: {{url: \"{url}\", auth: {{kind: token, token: \"${{{{ secrets.CPD_API_KEY }}}}\"}}}}\n\
                 steps:\n{steps}"
            ),
        );
    let file = bench.folder.path().join(".stepwise/r/ledger.jsonl");
    // A service that, when it is asked to create, looks into the ledger before it answers.
    let service = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_lowercase());
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let ledger = fs::read_to_string(file).unwrap();
        let answer = r#"{"metadata":{"id":"m-1"}}"#;
        write!(stream, "HTTP/1.1 201 Created\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len())
            .unwrap();
        (head[0].clone(), serde_json::from_slice::<Value>(&body).unwrap(), ledger)
    });

    bench.run().succeeds();

    let (request, body, ledger) = service.join().unwrap();
    assert_eq!(request, "post /ml/v4/models http/1.1");
    let line: Value = serde_json::from_str(&ledger).unwrap();
    assert_eq!(line["event"], "announced");
    assert_eq!(line["tag"], body["tags"][0]);
    assert_eq!(line["announcement"]["name"], "mine");
    assert!(ledger.ends_with('\n'));
    assert_eq!(crate::runs::ledger(&bench), ["model announced", "model confirmed"]);
}

#[test]
fn nothing_is_created_when_the_ledger_cannot_be_written() {
    let bench = Bench::sample();
    fs::create_dir_all(bench.folder.path().join(".stepwise/r/ledger.jsonl")).unwrap();

    let told = "error: failed to open the ledger `.stepwise/r/ledger.jsonl`: Is a directory (os error 21)\n";
    bench.run().exits_with(1).says(told);

    assert_eq!(bench.requests(), [""; 0]);
    bench.leaves_nothing();
}

#[test]
fn a_run_that_was_killed_before_it_knew_what_it_created_is_cleaned_up() {
    let bench = sample_that_loses_its_model(Nth::Every, HOUR);
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("looking for model `tumour-screening`");

    let ended = started.signal(Signal::KILL).ends();

    assert!(ended.was_killed());
    assert_eq!(bench.record()["outcome"], "unfinished");
    assert_eq!(ledger(&bench), ["model announced"]);
    assert_eq!(bench.stub.leftovers().len(), 1);

    bench.stub.mend();
    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    bench.leaves_nothing();
    assert_eq!(ledger(&bench), ["model announced", "model confirmed", "model removed"]);
}

#[test]
fn a_run_that_was_killed_between_steps_is_cleaned_up_once() {
    let bench = sleeping_sample();
    let ended = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("sleeping").signal(Signal::KILL).ends();
    assert!(ended.was_killed());
    assert_eq!(bench.stub.leftovers().len(), 2);

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
    let first = ledger(&bench);
    let requests = bench.requests();

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    assert_eq!(bench.outputs("cleanup"), json!({"removed": [], "already_gone": [], "kept": [], "failed": []}));
    assert_eq!(ledger(&bench), first);
    assert_eq!(bench.requests(), requests);
}

#[test]
fn cleanup_of_a_run_that_never_was_says_so() {
    Bench::sample()
        .stepwise(&["cleanup", "--run", "r"])
        .exits_with(2)
        .says("error: there is no run `r` in `.stepwise`\n");
}

#[test]
fn a_signal_ends_the_step_at_hand_and_cleanup_runs() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = sleeping_sample();
        let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("sleeping");

        started.signal(signal).ends().exits_with(code);

        bench.leaves_nothing();
        assert_eq!(bench.record()["outcome"], "interrupted", "{code}");
        let outcomes = ["deploy", "rogue", "subscribe", "cleanup"].map(|id| bench.step(id)["outcome"].clone());
        assert_eq!(outcomes, ["succeeded", "interrupted", "skipped", "succeeded"], "{code}");
        assert_eq!(bench.step("rogue")["failure"]["message"], "interrupted", "{code}");
    }
}

#[test]
fn a_signal_while_a_lost_answer_is_looked_for_leaves_nothing() {
    // Long enough for the signal to come first, whichever step's search it is.
    let bench = sample_that_loses_its_model(Nth::Nth(1), Duration::from_secs(5));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("looking for model `tumour-screening`");

    started.signal(Signal::INT).ends().exits_with(130);

    bench.leaves_nothing();
    assert_eq!(bench.step("store")["outcome"], "interrupted");
    assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
}

#[test]
fn a_signal_while_a_request_waits_for_its_next_try_leaves_nothing() {
    let headers = vec![("Retry-After".to_owned(), "100".to_owned())];
    let away = FaultKind::Status { code: 503, body: None, headers };
    let bench = Bench::sample().fails(Fault::new("POST", "/ml/v4/deployments", away));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]);
    let started = started.reaches(|| bench.requests().contains(&"POST /ml/v4/deployments".to_owned()));

    started.signal(Signal::TERM).ends().exits_with(143);

    bench.leaves_nothing();
    assert_eq!(bench.step("deploy")["outcome"], "interrupted");
    assert_eq!(bench.step("cleanup")["outcome"], "succeeded");
}

#[test]
fn an_always_step_is_only_ended_by_a_second_signal() {
    let steps = "  - {module: rogue.wasm, inputs: {do: sleep}, when: always, timeout: 2m}\n";
    let bench = Bench::new().file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec(steps));
    let started = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("sleeping");

    let started = started.signal(Signal::INT).says("interrupted; what must follow still runs, a second signal ends it");
    let ended = started.signal(Signal::INT).ends().exits_with(130);

    ended
        .has_line("interrupted again; to remove what is left: stepwise cleanup pipeline.yaml --run r --runs .stepwise");
    assert_eq!(bench.record()["outcome"], "unfinished");
}

#[test]
fn what_others_made_before_and_during_a_run_stays() {
    let bench = Bench::sample();
    let before = foreign_model(&bench, "tumour-screening");
    bench.stepwise(&only("r", &["store"])).succeeds();
    let during = foreign_model(&bench, "tumour-screening");
    bench.stepwise(&only("r", &["deploy", "subscribe", "score"])).succeeds();

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    let mut left: Vec<_> = bench.stub.leftovers().into_iter().map(|(kind, id, _)| (kind, id)).collect();
    let mut expected = vec![("model".to_owned(), before), ("model".to_owned(), during)];
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn a_provider_that_another_subscription_uses_is_kept_until_that_is_gone() {
    let bench = Bench::sample();
    let steps = ["store", "deploy", "subscribe"];
    bench.stepwise(&only("r", &steps)).succeeds();
    bench.stepwise(&only("r2", &steps)).succeeds();
    let kinds = |bench: &Bench| -> Vec<String> {
        let mut kinds: Vec<_> = bench.stub.leftovers().into_iter().map(|(kind, ..)| kind).collect();
        kinds.sort();
        kinds
    };

    let stderr = bench.stepwise(&["cleanup", "--run", "r"]).succeeds().stderr();

    let told = "stays, as it is used by `";
    assert_eq!(stderr.lines().filter(|line| line.contains(told)).count(), 2, "{stderr}");
    assert_eq!(
        kinds(&bench),
        ["data mart", "deployment", "model", "monitor instance", "service provider", "subscription"]
    );
    let kept: Vec<_> =
        bench.outputs("cleanup")["kept"].as_array().unwrap().iter().map(|kept| kept["kind"].clone()).collect();
    assert_eq!(kept, ["service provider", "data mart"]);

    bench.stepwise(&["cleanup", "--run", "r2"]).succeeds();
    assert_eq!(kinds(&bench), ["data mart", "service provider"]);

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();
    bench.leaves_nothing();
}

/// Creates something as anybody could; answers its id.
fn foreign(bench: &Bench, path: &str, body: &Value) -> String {
    let post = |path: &str, token: &str, body: &Value| -> Value {
        let request =
            ureq::post(format!("{}{path}", bench.stub.url())).header("authorization", format!("Bearer {token}"));
        let answer = request.content_type("application/json").send(body.to_string().as_bytes());
        serde_json::from_slice(&answer.unwrap().body_mut().read_to_vec().unwrap()).unwrap()
    };
    let login = json!({"username": bench.stub.username(), "password": bench.stub.password()});
    let token = post("/icp4d-api/v1/authorize", "", &login)["token"].as_str().unwrap().to_owned();
    post(path, &token, body)["metadata"]["id"].as_str().unwrap().to_owned()
}

fn foreign_model(bench: &Bench, name: &str) -> String {
    let space = bench.stub.space_id();
    let spec = json!({"name": "onnxruntime_opset_21"});
    let body = json!({"name": name, "type": "onnxruntime_1.17", "space_id": space, "software_spec": spec});
    foreign(bench, "/ml/v4/models?version=2021-06-24", &body)
}

#[test]
fn a_data_mart_that_the_run_made_stays_for_a_provider_of_others() {
    let bench = Bench::sample();
    bench.stepwise(&only("r", &["store", "deploy", "subscribe"])).succeeds();
    let body = json!({
        "name": "of others", "service_type": "custom_machine_learning", "credentials": {},
        "operational_space_id": "production",
    });
    let provider = foreign(&bench, "/openscale/00000000-0000-0000-0000-000000000000/v2/service_providers", &body);

    bench.stepwise(&["cleanup", "--run", "r"]).succeeds();

    let kept = &bench.outputs("cleanup")["kept"][0];
    assert_eq!(kept["kind"], "data mart");
    assert_eq!(kept["why"], format!("used by `{provider}`"));
}

#[test]
fn a_run_is_cleaned_up_where_it_ran_and_nowhere_else() {
    let bench = sleeping_sample();
    let ended = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("sleeping").signal(Signal::KILL).ends();
    assert!(ended.was_killed());
    let other = Stub::start(Options::default()).unwrap();
    let (here, there) = (bench.stub.url().to_owned(), other.url().to_owned());

    let bench = bench.variable("CPD_URL", &there);
    bench
        .stepwise(&["cleanup", "--run", "r"])
        .exits_with(2)
        .says(&format!("error: run `r` has `openscale` at `{here}`, not at `{there}`\n"));
    assert_eq!(other.requests().len(), 0);

    bench.variable("CPD_URL", &here).stepwise(&["cleanup", "--run", "r"]).succeeds();
}

#[test]
fn a_dry_run_ends_with_its_services() {
    let bench = Bench::sample();
    bench.stepwise(&["run", "--dry-run", "pipeline.yaml", "--run", "r", "--only", "store"]).succeeds();

    for arguments in [&["cleanup", "--run", "r"][..], &only("r", &["deploy"])] {
        bench.stepwise(arguments).exits_with(2).says(
            "error: run `r` was a dry run, and its services ended with it\n\
             hint: serve the stub on its own with `stepwise stub`, and run against that\n",
        );
    }

    assert_eq!(bench.requests(), [] as [String; 0]);
}

#[test]
fn cleanup_needs_only_the_services_and_its_own_step() {
    let secrets = "secrets: {OTHER: {file: other-secret}}\nservices:\n";
    let bench = sleeping_sample().file("other-secret", "some-other-secret").spec("services:\n", secrets);
    let ended = bench.start(&["run", "pipeline.yaml", "--run", "r"]).says("sleeping").signal(Signal::KILL).ends();
    assert!(ended.was_killed());
    fs::remove_file(bench.folder.path().join("data/target.csv")).unwrap();
    fs::remove_file(bench.folder.path().join("rogue.wasm")).unwrap();
    fs::remove_file(bench.folder.path().join("other-secret")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let runs = bench.folder.path().join(".stepwise");
    let bench = bench.without("CPD_SPACE");

    let mut command = bench.command(&["cleanup", "--run", "r", "--runs", runs.to_str().unwrap()]);
    let status = command.current_dir(elsewhere.path()).output().unwrap().status;

    assert!(status.success());
    bench.leaves_nothing();
    assert_eq!(bench.step("store")["outcome"], "succeeded");
}

#[test]
fn a_step_that_another_process_runs_is_not_run_twice() {
    let bench = Bench::sample();
    bench.stepwise(&only("r", &["store"])).succeeds();
    let lock = fs::File::create(bench.folder.path().join(".stepwise/r/steps/deploy.lock")).unwrap();
    lock.lock().unwrap();

    bench
        .stepwise(&only("r", &["deploy"]))
        .exits_with(1)
        .says("error: step `deploy` of run `r` is running in another process\n");
}

#[test]
fn a_model_outside_of_the_specs_folder_is_neither_lent_nor_touched() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("malignant");
    fs::write(&victim, "precious").unwrap();
    let path = format!("model: \"{}/${{{{ steps.store.label_column }}}}\"", outside.path().display());
    let bench = Bench::sample().spec("model: model.onnx\n      data: target", &format!("{path}\n      data: target"));

    let ran = bench.run().exits_with(3);

    assert_eq!(bench.step("evaluate")["failure"]["category"], "invalid-input", "{}", ran.stderr());
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}
