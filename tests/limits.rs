//! What a step may use, and what becomes of one that uses more, crashes or does not describe itself.

use crate::custom::{rogue, spec};
use crate::harness::{Bench, guest};

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
        rogue("{do: eat_memory}", lines).run().exits_with(3).verdict(&format!(
            "step `rogue` failed: the component needs more than {size} of memory\n\
             hint: give the step more under `limits: {{memory: …}}`\nrun r of custom: failed\n"
        ));
    }
}

#[test]
fn a_component_that_does_not_even_start_in_its_memory_is_told_so() {
    rogue("{do: print}", "    limits: {memory: 64KiB}\n").run().exits_with(3).fails_in(
        "rogue",
        "internal",
        "the component needs more than 65536 bytes of memory",
    );
}

#[test]
fn a_panic_is_told_with_its_message_and_place() {
    let place = place("lib.rs", include_str!("guests/rogue/src/lib.rs"), "panic!(\"this step has lost its nerve\")");
    let message = format!("the component crashed: this step has lost its nerve (at {place})");

    rogue("{do: panic}", "").run().exits_with(3).fails_in("rogue", "internal", &message);
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
    for (manner, reason) in [
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
