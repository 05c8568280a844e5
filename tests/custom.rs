//! Steps that teams bring: what they are granted, and the world that they cannot leave.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Bench, ROOT, guest};

/// A spec with the stub as `wml`, and these steps.
pub(crate) fn spec(steps: &str) -> String {
    let auth = r#"{kind: cp4d, username: "${{ env.CPD_USERNAME }}", api_key: "${{ secrets.CPD_API_KEY }}"}"#;
    format!(
        "version: 1\nname: custom\nservices:\n  wml: {{url: \"${{{{ env.CPD_URL }}}}\", auth: {auth}}}\nsteps:\n{steps}"
    )
}

/// The example of the README, and these lines for its step.
fn greet(lines: &str) -> Bench {
    let steps = format!("  - module: greet.wasm\n    inputs: {{limit: 5}}\n{lines}");
    Bench::new().file("greet.wasm", guest("greet")).file("pipeline.yaml", spec(&steps))
}

/// The step that does what no step should, with these inputs, and these further lines for it.
pub(crate) fn rogue(inputs: &str, lines: &str) -> Bench {
    let steps = format!("  - module: rogue.wasm\n    inputs: {inputs}\n{lines}");
    Bench::new().file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec(&steps))
}

#[test]
fn the_greeting_guest_is_the_step_that_the_readme_shows() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let guest = fs::read_to_string(Path::new(ROOT).join("tests/guests/greet/src/lib.rs")).unwrap();

    assert_eq!(readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap(), guest);
}

#[test]
fn a_custom_step_is_refused_what_the_spec_does_not_grant_and_told_the_lines_to_add() {
    let bench = greet("");

    bench.run().exits_with(3).verdict(
        "step `greet` failed: `GET /v2/spaces` is not allowed: step `greet` may not send `GET /v2/spaces` to `wml`\n\
         hint: add to the step:\n  grant:\n    wml: [\"GET /v2/spaces\"]\nrun r of custom: failed\n",
    );

    assert_eq!(bench.step("greet")["failure"]["category"], "refused");
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_custom_step_works_with_the_lines_that_the_refusal_shows() {
    let bench = greet("    grant:\n      wml: [\"GET /v2/spaces\"]\n");

    bench.run().succeeds().verdict("run r of custom: succeeded\n");

    assert_eq!(bench.outputs("greet"), json!({"spaces": 1}));
    assert_eq!(bench.step("greet")["grants"], json!(["wml GET /v2/spaces"]));
    assert_eq!(bench.requests(), ["POST /icp4d-api/v1/authorize", "GET /v2/spaces"]);
}

#[test]
fn the_plan_shows_what_is_not_granted() {
    greet("")
        .stepwise(&["plan", "pipeline.yaml"])
        .succeeds()
        .has_line("may NOT send GET /v2/spaces to wml: not granted");
}

#[test]
fn a_grant_of_something_else_does_not_help() {
    for grant in ["GET /v2/spaces/*", "POST /v2/spaces", "GET /ml/**"] {
        let bench = greet(&format!("    grant: {{wml: [\"{grant}\"]}}\n"));

        bench.run().exits_with(3);

        assert_eq!(bench.step("greet")["failure"]["category"], "refused", "{grant}");
        assert_eq!(bench.requests(), [""; 0], "{grant}");
    }
}

#[test]
fn a_request_that_the_component_does_not_declare_is_refused_whatever_the_spec_grants() {
    let bench = rogue("{do: send, request: wml GET /v2/assets}", "    grant: {wml: [\"GET /**\"]}\n");

    bench.run().exits_with(3).verdict(
        "step `rogue` failed: `GET /v2/assets` is not allowed: step `rogue` may not send `GET /v2/assets` to `wml`: its \
         component does not declare that need\nhint: add `GET /v2/assets` for `wml` to the needs that the component \
         describes, and build it anew\nrun r of custom: failed\n",
    );

    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_request_that_is_not_what_it_seems_is_not_sent() {
    let grant = "    grant: {wml: [\"GET /**\", \"POST /**\"]}\n";
    for (request, header, message) in [
        ("wml GET /v2/spaces", ("Authorization", "Bearer mine"), "the header `authorization` is not the step's to set"),
        ("wml GET /v2/spaces", ("Host", "elsewhere"), "the header `host` is not the step's to set"),
        (
            "wml GET /v2/spaces",
            ("accept", "a\\r\\nauthorization: b"),
            "the header `accept` has a character that no header may have",
        ),
        ("wml GET /v2/spaces/../assets", ("a", "b"), "the path has a dot segment at byte 11"),
        ("wml GET /v2/%2e%2e/spaces", ("a", "b"), "the path has a dot segment at byte 4"),
        ("wml GET /v2%2fspaces", ("a", "b"), "the path has an encoded slash at byte 3"),
        ("wml GET https://example.com/v2/spaces", ("a", "b"), "the path does not start with `/`"),
        ("wml GET //example.com/v2/spaces", ("a", "b"), "the path has an empty segment at byte 1"),
        ("wml CONNECT /v2/spaces", ("a", "b"), "`CONNECT` is not a method that a step may use"),
    ] {
        let (name, value) = header;
        let inputs = format!("{{do: send, request: \"{request}\", header: [\"{name}\", \"{value}\"]}}");
        let bench = rogue(&inputs, grant);
        let title = request.strip_prefix("wml ").unwrap();

        bench.run().exits_with(3).fails_in("rogue", "refused", &format!("`{title}` was not sent: {message}"));

        assert_eq!(bench.requests(), [""; 0], "{request}");
    }
}

#[test]
fn a_service_that_the_spec_does_not_have_is_refused() {
    rogue("{do: send, request: other GET /v2/spaces}", "    grant: {wml: [\"GET /**\"]}\n").run().exits_with(3).fails_in(
        "rogue",
        "refused",
        "`GET /v2/spaces` is not allowed: step `rogue` may not send `GET /v2/spaces` to `other`: its component does not \
         declare that need",
    );
}

#[test]
fn the_run_s_ledger_is_for_who_is_granted_it() {
    rogue("{do: read_ledger}", "").run().exits_with(3).verdict(
        "step `rogue` failed: reading the ledger is not allowed: step `rogue` may not remove what the run created\n\
         hint: add to the step:\n  grant:\n    ledger: [remove]\nrun r of custom: failed\n",
    );

    let bench = rogue("{do: read_ledger}", "    grant: {ledger: [remove]}\n");
    bench.run().succeeds();
    assert_eq!(bench.outputs("rogue"), json!({"found": {"entries": "0"}}));
}

#[test]
fn a_step_finds_nothing_of_the_world_but_what_it_was_lent() {
    let bench = Bench::new();
    let address = bench.stub.url().strip_prefix("http://").unwrap().to_owned();
    let steps = format!(
        "  - module: rogue.wasm\n    inputs: {{do: look_around, data: lent, address: \"{address}\"}}\n\
         data:\n  lent: {{file: a.csv}}\n  other: {{file: b.csv}}\n"
    );
    let bench = bench
        .file("rogue.wasm", guest("rogue"))
        .file("pipeline.yaml", spec(&steps))
        .file("a.csv", "a\n1\n")
        .file("b.csv", "b\n2\n")
        .variable("SECRET", "not for steps");

    bench.run().succeeds();

    let expected = json!({
        "variables": "0",
        "arguments": "0",
        "list /": "entity not found",
        "list /data": "lent",
        "list /artifacts": "",
        "read /etc/passwd": "entity not found",
        "read /data/../run.json": "permission denied",
        "read /artifacts/../../run.json": "permission denied",
        "write /data/new": "permission denied",
        "read the data set": "done",
        "change the data set": "permission denied",
        "cut the data set": "permission denied",
        "remove the data set": "permission denied",
        "link the data set": "permission denied",
        "connect": "permission denied",
        "bind": "permission denied",
        "look a name up": "uncategorized error",
    });
    assert_eq!(bench.outputs("rogue")["found"], expected);
    assert_eq!(fs::read_to_string(bench.folder.path().join("a.csv")).unwrap(), "a\n1\n");
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn a_file_beyond_the_artifacts_is_no_artifact() {
    let message =
        "its outputs are not what its schema says: the artifact `rogue/out/run.json` does not lie in `/artifacts`";
    rogue("{do: link_out}", "").run().exits_with(3).fails_in("rogue", "internal", message);

    for (file, message) in [
        ("../../run.json", "the artifact `rogue/../../run.json` does not lie in `/artifacts`"),
        ("/etc/passwd", "there is no artifact `rogue//etc/passwd`"),
        ("none.csv", "there is no artifact `rogue/none.csv`"),
    ] {
        let text = json!({"found": {}, "file": file}).to_string();
        let bench = rogue(&format!("{{do: answer, text: '{text}'}}"), "");
        let message = format!("its outputs are not what its schema says: {message}");
        bench.run().exits_with(3).fails_in("rogue", "internal", &message);
    }
}

#[test]
fn a_module_is_pinned_by_its_digest() {
    let grant = "    grant: {wml: [\"GET /v2/spaces\"]}\n";
    let bench = greet(grant);
    bench.run().succeeds();
    let right = bench.step("greet")["sha256"].as_str().unwrap().to_owned();
    let wrong = "0".repeat(64);

    greet(&format!("{grant}    sha256: {right}\n")).run().succeeds();

    let bench = greet(&format!("{grant}    sha256: \"{wrong}\"\n"));
    bench
        .run()
        .exits_with(2)
        .finds_in_spec(&format!("pipeline.yaml:6:13: `greet.wasm` has the SHA-256 {right}, the spec wants {wrong}\n"));
    assert!(!bench.folder.path().join(".stepwise").exists());
}

#[test]
fn outputs_that_the_schema_does_not_allow_are_refused() {
    for (text, message) in [
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("[]", "a list is not a mapping"),
        (r#"{"found": 1}"#, "`found`: `1` is not a mapping"),
        (r#"{"found": {"a": 1}}"#, "`found/a`: `1` is not a text"),
        ("{}", "`found` is missing"),
    ] {
        let bench = rogue(&format!("{{do: answer, text: '{text}'}}"), "");

        let message = format!("its outputs are not what its schema says: {message}");
        bench.run().exits_with(3).fails_in("rogue", "internal", &message);

        assert_eq!(bench.step("rogue").get("outputs").unwrap_or(&Value::Null), &Value::Null, "{text}");
    }
}
