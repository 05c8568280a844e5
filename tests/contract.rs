//! Components of other contracts, and what is no component: each refused in one plain sentence.

use crate::custom::spec;
use crate::harness::{Bench, guest};

/// A pipeline of this one component.
fn bench(component: &[u8]) -> Bench {
    let step = "  - {module: step.wasm, inputs: {limit: 5}, grant: {wml: [\"GET /v2/spaces\"]}}\n";
    Bench::new().file("step.wasm", component).file("pipeline.yaml", spec(step))
}

/// The component is refused with this message before anything is run.
fn refuses(component: &[u8], message: &str) {
    let bench = bench(component);
    let message = format!("pipeline.yaml:6:14: {message}\n");
    bench.run().exits_with(2).finds_in_spec(&message);
    assert!(!bench.folder.path().join(".stepwise").exists(), "{message}");
}

/// The greeting guest as it would be if the contract had had that version when it was built: versions are only in names.
pub(crate) fn greet_of(version: &str) -> Vec<u8> {
    let (from, to) = (b"@1.0.0", format!("@{version}"));
    assert_eq!(from.len(), to.len());
    let mut component = guest("greet");
    let places: Vec<_> = (0..component.len() - from.len()).filter(|&at| component[at..].starts_with(from)).collect();
    assert!(places.len() >= 2, "the guest names no contract");
    for at in places {
        component[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    component
}

const HINT: &str = "\nhint: build the component with this version's `step-sdk`";

#[test]
fn a_later_minor_version_runs_if_it_needs_nothing_new() {
    for version in ["1.0.7", "1.9.0"] {
        let bench = bench(&greet_of(version));

        bench.run().succeeds();

        assert_eq!(bench.outputs("greet")["spaces"], 1, "{version}");
    }
}

#[test]
fn another_major_version_is_refused() {
    for version in ["2.0.0", "0.9.0"] {
        refuses(
            &greet_of(version),
            &format!(
                "component `step` is built for contract `stepwise:step@{version}`; this stepwise speaks \
                 `stepwise:step@1.0.0`{HINT}"
            ),
        );
    }
}

#[test]
fn what_this_version_does_not_have_is_named() {
    for (text, message) in [
        (
            r#"(component (import "stepwise:step/services@1.9.0" (instance (export "stream" (func)))))"#,
            "component `step` needs `services.stream` of contract `stepwise:step@1.9.0`; this stepwise speaks \
             `stepwise:step@1.0.0`",
        ),
        (
            r#"(component (import "stepwise:step/metrics@1.9.0" (instance)))"#,
            "component `step` needs `metrics` of contract `stepwise:step@1.9.0`; this stepwise speaks \
             `stepwise:step@1.0.0`",
        ),
        (
            r#"(component
                (import "stepwise:step/log@1.9.0" (instance $log (export "log" (func))))
                (import "step" (instance $step))
                (export "stepwise:step/step@1.9.0" (instance $step)))"#,
            "component `step` imports `step`, which steps do not get",
        ),
        (
            r#"(component
                (core module $code (func (export "run")))
                (core instance $code (instantiate $code))
                (func $run (canon lift (core func $code "run")))
                (instance $step (export "describe" (func $run)) (export "run" (func $run)))
                (export "stepwise:step/step@1.9.0" (instance $step)))"#,
            "component `step` is built for another form of contract `stepwise:step@1.9.0` or of WASI 0.2; this stepwise \
             speaks `stepwise:step@1.0.0`",
        ),
        (
            r#"(component (import "stepwise:step/log@2.1.0" (instance)))"#,
            "component `step` is built for contract `stepwise:step@2.1.0`; this stepwise speaks `stepwise:step@1.0.0`",
        ),
    ] {
        let hint = if message.contains("speaks") { HINT } else { "" };
        refuses(&wat::parse_str(text).unwrap(), &format!("{message}{hint}"));
    }
}

#[test]
fn interfaces_that_steps_do_not_get_are_named() {
    for (import, hint) in [
        ("wasi:http/outgoing-handler@0.2.0", "\nhint: send requests with `stepwise:step/services`"),
        ("wasi:keyvalue/store@0.2.0", ""),
        ("wasi:cli/environment@0.3.0", ""),
        ("acme:secrets/vault@1.0.0", ""),
    ] {
        let component = wat::parse_str(format!("(component (import \"{import}\" (instance)))")).unwrap();

        refuses(&component, &format!("component `step` imports `{import}`, which steps do not get{hint}"));
    }
}

#[test]
fn what_is_no_step_is_refused() {
    let component = wat::parse_str("(component)").unwrap();
    refuses(&component, "component `step` is no step: it does not export `stepwise:step/step`");

    let module = wat::parse_str("(module)").unwrap();
    refuses(
        &module,
        "`step.wasm` is a core WebAssembly module, not a component\nhint: build it with `--target wasm32-wasip2`",
    );

    let text = b"import os\nprint('hello')\n";
    refuses(text, "`step.wasm` is not a WebAssembly component: it does not start as WebAssembly does");

    let half = b"\0asm\x0d\0\x01\0\x07\xff";
    refuses(half, "`step.wasm` is not a WebAssembly component: unexpected end-of-file (at offset 0xa)");
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let bench = Bench::new().file("pipeline.yaml", spec("  - module: steps/none.wasm\n"));

    bench.run().exits_with(2).finds_in_spec(
        "pipeline.yaml:6:13: failed to read the component `steps/none.wasm`: No such file or \
         directory (os error 2)\n",
    );
}
