//! What a step may use, and what becomes of one that uses more, crashes or does not describe itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stepwise_stub::{Fault, FaultKind, Nth};

use crate::custom::{rogue, spec};
use crate::harness::{Bench, answers, guest};

/// The end of stdout when a step has passed a limit.
fn passed(limit: &str, key: &str) -> String {
    format!(
        "step `rogue` failed: the component passed its limit of {limit}\nhint: give the step more under `limits: \
         {{{key}: …}}`\nrun r of custom: failed\n"
    )
}

/// How many files and folders there are, and how many bytes in them.
fn content(folder: &Path) -> (usize, u64) {
    let (mut entries, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        entries += 1;
        bytes += entry.unwrap().metadata().unwrap().len();
    }
    (entries, bytes)
}

/// `run` grows a table for ever.
const GROW_TABLES: &str = r#"(table $table 1 funcref)
    (func (export "run") (param i32 i32) (result i32)
        (loop $on (drop (table.grow $table (ref.null func) (i32.const 100))) (br $on))
        unreachable)"#;

/// `run` answers `no JSON`.
const ANSWER: &str = r#"(func (export "run") (param i32 i32) (result i32) (i32.const 160))"#;

/// A step without any SDK: what `describe` answers lies in its memory, `run` is given.
fn bare(run: &str) -> Vec<u8> {
    let text = include_str!("bare.wat").replace(";; RUN", run);
    wat::parse_str(text).unwrap()
}

/// The line of a text in the guest's source, so that panics are told with their true place.
fn place(file: &str, source: &str, text: &str) -> String {
    let (n, line) = source.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
    format!("tests/guests/rogue/src/{file}:{}:{}", n + 1, line.find(text).unwrap() + 1)
}

/// A guest that describes itself in this manner.
fn describing(manner: &str) -> Bench {
    let mut component = guest("rogue");
    let usual = b"manner: well    ";
    let at = component.windows(usual.len()).position(|window| window == usual).unwrap();
    component[at..at + usual.len()].copy_from_slice(format!("manner: {manner:<8}").as_bytes());
    Bench::new().file("rogue.wasm", component).file("pipeline.yaml", spec("  - module: rogue.wasm\n"))
}

#[test]
fn a_step_that_takes_too_long_is_ended_working_or_sleeping() {
    for deed in ["loop", "sleep"] {
        let bench = rogue(&format!("{{do: {deed}}}"), "    timeout: 300ms\n");

        bench.run().exits_with(3).verdict(
            "step `rogue` failed: not done within 300 ms\nhint: give the step a longer `timeout`\n\
             run r of custom: failed\n",
        );

        assert_eq!(bench.step("rogue")["failure"]["category"], "unavailable", "{deed}");
    }
}

#[test]
fn each_try_has_its_own_time() {
    let bench = rogue("{do: loop}", "    timeout: 100ms\n    retry: {attempts: 2, backoff: {jitter: 0}}\n");

    bench.run().exits_with(3).has_line("rogue      try 1 of 2 failed: not done within 100 ms; again in 500 ms");

    assert_eq!(bench.step("rogue")["attempts"], 2);
}

#[test]
fn a_step_that_needs_more_memory_than_its_limit_is_ended() {
    for (lines, size) in [("", "256 MiB"), ("    limits: {memory: 40MiB}\n", "40 MiB")] {
        let bench = rogue("{do: eat_memory}", lines);

        bench.run().exits_with(3).verdict(&passed(&format!("{size} of memory"), "memory"));

        assert!(bench.step("rogue")["used"]["memory"].as_u64() > Some(16 << 20));
    }
}

#[test]
fn a_component_that_does_not_even_start_in_its_memory_is_told_so() {
    let bench = rogue("{do: print}", "    limits: {memory: 64KiB}\n");

    bench.run().exits_with(3).verdict(&passed("64 KiB of memory", "memory"));
}

#[test]
fn a_step_that_grows_its_tables_without_end_is_ended() {
    for (lines, entries) in [("", "100000"), ("    limits: {tables: 500}\n", "500")] {
        let step = format!("  - module: rogue.wasm\n    id: rogue\n    inputs: {{}}\n{lines}");
        let bench = Bench::new().file("rogue.wasm", bare(GROW_TABLES)).file("pipeline.yaml", spec(&step));

        bench.run().exits_with(3).verdict(&passed(&format!("{entries} table entries"), "tables"));
    }
}

#[test]
fn tables_are_limited_together() {
    let growing = "(table 6000 funcref)\n".repeat(20);
    let bench = Bench::new()
        .file("rogue.wasm", bare(&format!("{growing}{ANSWER}")))
        .file("pipeline.yaml", spec("  - module: rogue.wasm\n"));

    bench.run().exits_with(2).finds_in_spec(
        "pipeline.yaml:6:13: component `rogue` does not describe itself: the component passed its limit of 100000 table \
         entries\n",
    );
}

#[test]
fn a_step_that_prints_logs_or_announces_without_end_is_ended() {
    let grant = "    grant: {wml: [\"GET /ml/v4/models\", \"DELETE /v2/assets/*\"]}\n";
    for flood in ["printed", "logged", "counted", "announced"] {
        let bench = rogue(&format!("{{do: flood, text: {flood}}}"), &format!("{grant}    limits: {{log: 50KiB}}\n"));

        bench.run().exits_with(3).verdict(&passed("50 KiB of log", "log"));

        let events = fs::metadata(bench.folder.path().join(".stepwise/r/events.jsonl")).unwrap().len();
        let ledger =
            fs::metadata(bench.folder.path().join(".stepwise/r/ledger.jsonl")).map_or(0, |ledger| ledger.len());
        assert!(events + ledger < 100 << 10, "{flood}: {events} and {ledger} bytes");
    }
}

#[test]
fn a_step_that_writes_artifacts_without_end_is_ended_before_the_disk_is_full() {
    for flood in ["written", "appended", "files", "folders", "links", "hole", "length", "removed"] {
        let bench = rogue(&format!("{{do: flood, text: {flood}}}"), "    limits: {artifacts: 3MiB}\n");

        bench.run().exits_with(3).verdict(&passed("3 MiB of artifacts", "artifacts"));

        let (files, bytes) = content(&bench.folder.path().join(".stepwise/r/artifacts/rogue"));
        assert!(bytes <= 3 << 20 && files <= 768, "{flood}: {files} files of {bytes} bytes");
        let used = bench.step("rogue")["used"]["artifacts"].as_u64().unwrap();
        assert!(used <= 3 << 20, "{flood}: {used}");
    }
}

#[test]
fn a_file_that_is_written_again_counts_once() {
    let bench = rogue("{do: flood, text: rewritten}", "    limits: {artifacts: 300KiB}\n");

    bench.run().succeeds();
}

#[test]
fn what_an_earlier_try_has_written_counts_in_the_next_one() {
    let bench = rogue("{do: flood, text: written}", "    limits: {artifacts: 1MiB}\n");
    bench.run().exits_with(3);

    let again = bench
        .file("pipeline.yaml", spec("  - {module: rogue.wasm, inputs: {do: print}, limits: {artifacts: 1000B}}\n"));

    again
        .stepwise(&["run", "pipeline.yaml", "--run", "r", "--only", "rogue"])
        .exits_with(3)
        .verdict(&passed("1000 bytes of artifacts", "artifacts"));
}

#[test]
fn a_step_that_sends_requests_without_end_is_ended() {
    let grant = "    grant: {wml: [\"GET /v2/spaces\"]}\n    limits: {requests: 40}\n";
    let bench = rogue("{do: flood, text: requested}", grant);

    bench.run().exits_with(3).verdict(&passed("40 requests", "requests"));

    assert_eq!(bench.requests().iter().filter(|request| *request == "GET /v2/spaces").count(), 40);
    assert_eq!(bench.step("rogue")["used"]["requests"], 40);
}

#[test]
fn a_step_that_starts_requests_without_waiting_has_only_so_many_in_flight() {
    let grant = "    grant: {wml: [\"GET /v2/spaces\"]}\n    limits: {requests: 60, open_requests: 3}\n";
    let bench = rogue("{do: flood, text: started}", grant);

    bench.run().exits_with(3).verdict(&passed("60 requests", "requests"));

    assert_eq!(bench.step("rogue")["used"]["open_requests"], 3);
}

#[test]
fn what_the_host_keeps_for_a_step_counts_as_its_memory() {
    let grant = "    grant: {wml: [\"POST /ml/v4/models\"]}\n    limits: {memory: 8MiB}\n";
    let slow = Fault::new("POST", "/ml/v4/models", FaultKind::Delay(Duration::from_secs(1))).on(Nth::Every);
    let bench = rogue("{do: flood, text: uploaded}", grant).fails(slow);

    bench.run().exits_with(3).verdict(&passed("8 MiB of memory", "memory"));

    let open = bench.step("rogue")["used"]["open_requests"].as_u64().unwrap();
    assert!((1..8).contains(&open), "{open}");
}

#[test]
fn an_answer_or_a_request_that_is_too_large_is_refused() {
    let send = "{do: send, request: wml GET /v2/spaces}";
    let bench = rogue(send, "    grant: {wml: [\"GET /v2/spaces\"]}\n    limits: {response: 100B}\n");

    bench.run().exits_with(3).verdict(
        "step `rogue` failed: `GET /v2/spaces` is too large: the answer of `wml` passes the step's limit of 100 bytes\n\
         hint: give the step more under `limits: {response: …}`\nrun r of custom: failed\n",
    );

    let bench = rogue(
        "{do: flood, text: uploaded}",
        "    grant: {wml: [\"POST /ml/v4/models\"]}\n    limits: {request: 1MiB, memory: 8MiB}\n",
    );
    bench.run().exits_with(3).verdict(&passed("8 MiB of memory", "memory"));
    let bench = rogue(
        "{do: flood, text: uploaded_once}",
        "    grant: {wml: [\"POST /ml/v4/models\"]}\n    limits: {request: 1000KiB}\n",
    );
    bench.run().exits_with(3).verdict(
        "step `rogue` failed: `POST /ml/v4/models` is too large: the request to `wml` has 1048576 bytes, the step's limit \
         is 1000 KiB\nhint: give the step more under `limits: {request: …}`\nrun r of custom: failed\n",
    );
    assert_eq!(bench.requests(), [""; 0]);
}

#[test]
fn the_limits_that_the_spec_does_not_set_hold_too() {
    for flood in ["hole", "length"] {
        let bench = rogue(&format!("{{do: flood, text: {flood}}}"), "");
        bench.run().exits_with(3).verdict(&passed("1 GiB of artifacts", "artifacts"));
    }

    let bench = rogue("{do: flood, text: asked}", "");
    bench.run().exits_with(3).verdict(&passed("1000000 requests", "requests"));

    let large = answers("GET", "/v2/spaces", json!({"resources": "x".repeat(33 << 20)}));
    let bench =
        rogue("{do: send, request: wml GET /v2/spaces}", "    grant: {wml: [\"GET /v2/spaces\"]}\n").fails(large);
    bench.run().exits_with(3).verdict(
        "step `rogue` failed: `GET /v2/spaces` is too large: the answer of `wml` passes the step's limit of 32 MiB\n\
         hint: give the step more under `limits: {response: …}`\nrun r of custom: failed\n",
    );
}

#[test]
fn outputs_or_a_failure_of_megabytes_are_refused() {
    let outputs = r#"{"found": {"much": "TEXT"}}"#;
    for (deed, text) in [("answer", outputs), ("fail", "no")] {
        let inputs = format!("{{do: {deed}, text: '{text}', times: 5000000}}");
        rogue(&inputs, "").run().exits_with(3).verdict(&passed("4 MiB of outputs", "output"));
    }
    let raised = rogue(&format!("{{do: answer, text: '{outputs}', times: 5000000}}"), "    limits: {output: 5MiB}\n");
    raised.run().succeeds();
    assert_eq!(raised.step("rogue")["used"]["output"], 5_000_000 + outputs.len() - 4);
}

#[test]
fn outputs_that_are_not_what_the_component_describes_are_refused() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    for (text, reason) in [
        ("", "not JSON: EOF while parsing a value at line 1 column 0"),
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("{} {}", "not JSON: trailing characters at line 1 column 4"),
        (&deep, "not JSON: recursion limit exceeded at line 1 column 128"),
        ("[]", "a list is not a mapping"),
        ("{}", "`found` is missing"),
        (r#"{"found": {"a": 1}}"#, "`found/a`: `1` is not a text"),
        (r#"{"found": {}, "file": "gone"}"#, "there is no artifact `rogue/gone`"),
    ] {
        let bench = rogue(&format!("{{do: answer, text: '{text}'}}"), "");

        bench.run().exits_with(3).fails_in(
            "rogue",
            "internal",
            &format!("its outputs are not what its schema says: {reason}"),
        );

        assert_eq!(bench.step("rogue")["outputs"], Value::Null, "{text}");
    }
}

#[test]
fn a_bare_component_can_answer_what_is_not_json_too() {
    let bench = Bench::new().file("rogue.wasm", bare(ANSWER)).file("pipeline.yaml", spec("  - module: rogue.wasm\n"));

    bench.run().exits_with(3).fails_in(
        "bare",
        "internal",
        "its outputs are not what its schema says: not JSON: expected ident at line 1 column 2",
    );
}

#[test]
fn every_limit_can_be_set_and_a_wrong_value_is_told() {
    let limits = "    limits:\n      memory: 1GiB\n      tables: 1000\n      output: 1MiB\n      log: 1MiB\n      artifacts: \
                  1MiB\n      requests: 10\n      open_requests: 2\n      request: 1MiB\n      response: 1MiB\n";
    rogue("{do: print}", limits).run().succeeds();

    let wrong = "    limits: {memory: 1GB, tables: 0, output: much, log: '0', artifacts: '', requests: 100000001, \
                 open_requests: 257, request: -1KiB, response: 1.5MiB}\n";
    let size = |place: &str, text: &str| {
        format!("pipeline.yaml:8:{place}: `{text}` is not a size; write for example `64KiB`, `256MiB` or `2GiB`\n")
    };
    let number = |place: &str, value: &str, most: &str| {
        format!("pipeline.yaml:8:{place}: `{value}` is not a number from 1 to {most}\n")
    };
    rogue("{do: print}", wrong).stepwise(&["check", "pipeline.yaml"]).exits_with(2).finds_in_spec(
        &[
            size("22", "1GB"),
            number("35", "0", "10000000"),
            size("46", "much"),
            size("57", "0"),
            size("73", ""),
            number("87", "100000001", "100000000"),
            number("113", "257", "256"),
            size("127", "-1KiB"),
            size("144", "1.5MiB"),
        ]
        .concat(),
    );
}

#[test]
fn the_record_has_what_a_step_used_of_its_limits() {
    let bench = rogue("{do: send, request: wml GET /v2/spaces}", "    grant: {wml: [\"GET /v2/spaces\"]}\n");

    bench.run().succeeds();

    let used = bench.step("rogue")["used"].clone();
    let keys: Vec<_> = used.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["memory", "open_requests", "output", "requests", "response", "tables"]);
    assert_eq!((&used["requests"], &used["open_requests"]), (&json!(1), &json!(1)));
}

#[test]
fn a_panic_is_told_with_its_message_and_place() {
    let place = place("lib.rs", include_str!("guests/rogue/src/lib.rs"), "panic!(\"this step has lost its nerve\")");
    let message = format!("the component crashed: this step has lost its nerve (at {place})");

    rogue("{do: panic}", "").run().exits_with(3).fails_in("rogue", "internal", &message);
}

#[test]
fn a_panic_with_many_lines_keeps_its_beginning_and_its_place() {
    let place = place("lib.rs", include_str!("guests/rogue/src/lib.rs"), "panic!(\"{}\", input.text");
    let bench = rogue("{do: panic, text: \"one line\\n\", times: 30}", "");
    let message = format!("the component crashed: {} (at {place})", vec!["one line"; 30].join("; "));
    bench.run().exits_with(3).fails_in("rogue", "internal", &message);

    let bench = rogue("{do: panic, text: \"one line\\n\", times: 3000}", "");
    let message = format!("the component crashed: {}; … (at {place})", vec!["one line"; 100].join("; "));
    bench.run().exits_with(3).fails_in("rogue", "internal", &message);
}

#[test]
fn a_trap_is_told_with_the_last_line_that_was_printed() {
    rogue("{do: overflow}", "").run().exits_with(3).fails_in(
        "rogue",
        "internal",
        "the component crashed: wasm trap: out of bounds memory access; the last line that it printed: going down",
    );
}

#[test]
fn a_step_that_calls_itself_without_end_is_ended() {
    let deep = r#"(func $run (export "run") (param i32 i32) (result i32)
        (i32.add (call $run (local.get 0) (local.get 1)) (i32.const 1)))"#;
    let bench = Bench::new().file("rogue.wasm", bare(deep)).file("pipeline.yaml", spec("  - module: rogue.wasm\n"));

    bench.run().exits_with(3).fails_in("bare", "internal", "the component crashed: wasm trap: call stack exhausted");
}

#[test]
fn what_a_step_prints_is_in_the_log() {
    let bench = rogue("{do: print}", "");

    let stderr = bench.run().succeeds().stderr();

    let lines: Vec<_> = stderr.lines().filter(|line| line.contains("a line") || line.contains("another")).collect();
    assert_eq!(
        lines,
        [
            "rogue      a line on stdout",
            "rogue      and another",
            "rogue      warn: a line on stderr",
            "rogue      a line without an end",
        ]
    );
}

#[test]
fn always_steps_run_after_a_crash() {
    let steps = "  - {module: rogue.wasm, id: breaks, inputs: {do: panic}}\n  \
                 - {module: rogue.wasm, id: skipped, inputs: {do: print}}\n  \
                 - {module: rogue.wasm, id: follows, inputs: {do: print}, when: failure}\n  \
                 - {module: rogue.wasm, id: ends, inputs: {do: print}, when: always}\n";
    let bench = Bench::new().file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec(steps));

    bench.run().exits_with(3);

    let outcomes = ["breaks", "skipped", "follows", "ends"].map(|id| bench.step(id)["outcome"].clone());
    assert_eq!(outcomes, ["failed", "skipped", "succeeded", "succeeded"]);
}

#[test]
fn a_component_that_does_not_describe_itself_is_refused_before_anything_runs() {
    let panic = place("lib.rs", include_str!("guests/rogue/src/lib.rs"), "panic!(\"this step does not know itself\")");
    let write = place("lib.rs", include_str!("guests/rogue/src/lib.rs"), "panic!(\"{}\", error.kind())");
    for (manner, reason) in [
        ("eats", "the component passed its limit of 256 MiB of memory"),
        ("prints", "the component passed its limit of 16 MiB of log"),
        ("sends", "`describe` called an import; it must answer from constants"),
        ("sleeps", "`describe` called an import; it must answer from constants"),
        ("writes", &format!("entity not found (at {write})")),
        ("logs", "`describe` called an import; it must answer from constants"),
        ("loops", "not done within 5 s"),
        ("panics", &format!("this step does not know itself (at {panic})")),
        ("mutters", "its inputs schema is not JSON: EOF while parsing an object at line 1 column 1"),
        ("listed", "its outputs schema is not one of an object"),
        (
            "shouts",
            "its need `SHOUT /v2/spaces`: `SHOUT` is not a method that a step may use; write GET, HEAD, POST, PUT, PATCH \
             or DELETE",
        ),
    ] {
        let bench = describing(manner);

        bench
            .run()
            .exits_with(2)
            .finds_in_spec(&format!("pipeline.yaml:6:13: component `rogue` does not describe itself: {reason}\n"));

        assert!(!bench.folder.path().join(".stepwise").exists(), "{manner}");
    }
}
