//! In which order steps run and how often: retries, times, and what goes on after a failure.

use serde_json::{Value, json};

use crate::custom::{rogue, spec};
use crate::harness::{Bench, guest};

/// A step that is refused what it sends, with these lines.
fn refused(lines: &str) -> Bench {
    let steps = format!("  - module: greet.wasm\n    inputs: {{limit: 5}}\n{lines}");
    Bench::new().file("greet.wasm", guest("greet")).file("pipeline.yaml", spec(&steps))
}

#[test]
fn a_step_is_tried_again_after_the_failures_that_its_retry_names() {
    for (on, attempts) in [("[refused]", 3), ("[unavailable, internal]", 1), ("[invalid-input, refused]", 3)] {
        let backoff = "backoff: {first: 1ms, factor: 1, jitter: 0}";
        let bench = refused(&format!("    retry: {{attempts: 3, on: {on}, {backoff}}}\n"));

        bench.run().exits_with(3);

        assert_eq!(bench.step("greet")["attempts"], attempts, "{on}");
    }
}

#[test]
fn a_crash_is_tried_again_only_if_that_is_asked_for() {
    for (on, attempts) in [("", 1), (", on: [internal]", 2)] {
        let bench = rogue("{do: panic}", &format!("    retry: {{attempts: 2{on}, backoff: {{first: 1ms}}}}\n"));

        bench.run().exits_with(3);

        assert_eq!(bench.step("rogue")["attempts"], attempts, "{on}");
    }
}

#[test]
fn pauses_follow_the_backoff() {
    let backoff = "backoff: {first: 2ms, factor: 3, longest: 10ms, jitter: 0}";
    let bench = refused(&format!("    retry: {{attempts: 4, on: [refused], {backoff}}}\n"));

    let stderr = bench.run().exits_with(3).stderr();

    let pauses: Vec<_> = stderr.lines().filter_map(|line| line.split("; again in ").nth(1)).collect();
    assert_eq!(pauses, ["2 ms", "6 ms", "10 ms"]);
}

#[test]
fn the_runs_time_ends_its_steps_but_not_those_that_run_always() {
    let steps = "  - {module: rogue.wasm, id: first, inputs: {do: sleep}, retry: {attempts: 5}}\n  \
                 - {module: rogue.wasm, id: second, inputs: {do: print}}\n  \
                 - {module: rogue.wasm, id: ends, inputs: {do: print}, when: always}\n";
    let spec = spec(steps).replace("name: custom\n", "name: custom\ntimeout: 400ms\n");
    let bench = Bench::new().file("rogue.wasm", guest("rogue")).file("pipeline.yaml", spec);

    bench.run().exits_with(3).fails_in("first", "unavailable", "not done before the run's time of 400 ms was over");

    let outcomes = ["first", "second", "ends"].map(|id| bench.step(id)["outcome"].clone());
    assert_eq!(outcomes, ["failed", "skipped", "succeeded"]);
    assert_eq!(bench.step("first")["attempts"], 1);
    assert_eq!(bench.step("first")["failure"]["hint"], "give the run a longer `timeout`");
}

#[test]
fn a_pause_that_would_outlast_the_runs_time_is_not_made_and_the_true_failure_is_told() {
    let backoff = "backoff: {first: 2m, longest: 2m, jitter: 0}";
    let bench = refused(&format!("    retry: {{attempts: 3, on: [refused], {backoff}}}\n"))
        .spec("name: custom\n", "name: custom\ntimeout: 1m\n");

    bench
        .run()
        .exits_with(3)
        .has_line("greet      warn: not tried again: a pause of 120000 ms would outlast the run's time")
        .fails_in(
            "greet",
            "refused",
            "`GET /v2/spaces` is not allowed: step `greet` may not send `GET /v2/spaces` to `wml`",
        );

    assert_eq!(bench.step("greet")["attempts"], 1);
}

#[test]
fn a_missed_gate_can_be_gone_on_from_and_is_still_told() {
    let after =
        "  - module: greet.wasm\n    id: after\n    inputs: {limit: 5}\n    grant: {wml: [\"GET /v2/spaces\"]}\n";
    for (lines, outcome) in [("", "skipped"), ("    continue_on: gate\n", "succeeded")] {
        let bench = Bench::sample()
            .file("greet.wasm", guest("greet"))
            .spec("gates: *gates", "gates: {accuracy: {at_least: 0.999}}")
            .spec("  - step: cleanup\n", &format!("{after}  - step: cleanup\n"))
            .spec("  - step: evaluate\n", &format!("  - step: evaluate\n{lines}"));

        bench.run().exits_with(4);

        assert_eq!(bench.step("evaluate")["outcome"], "gate_missed", "{lines}");
        assert_eq!(bench.step("after")["outcome"], outcome, "{lines}");
        bench.leaves_nothing();
    }
}

#[test]
fn one_component_runs_as_several_steps_of_other_names() {
    let steps = "  - {module: greet.wasm, id: one, inputs: {limit: 1}, grant: {wml: [\"GET /v2/spaces\"]}}\n  \
                 - {module: greet.wasm, id: two, inputs: {limit: \"${{ steps.one.spaces }}\"}, grant: {wml: [\"GET /v2/spaces\"]}}\n";
    let bench = Bench::new().file("greet.wasm", guest("greet")).file("pipeline.yaml", spec(steps));

    bench.run().succeeds();

    assert_eq!(bench.step("two")["inputs"], json!({"limit": 1}));
    assert_eq!(["one", "two"].map(|id| bench.outputs(id)["spaces"].clone()), [Value::from(1), Value::from(1)]);
}
