//! Spec errors: every spec of `tests/specs` with the exact text that `stepwise check` answers.
//!
//! `BLESS=1` rewrites the texts; read them before committing.

use std::fs;
use std::path::Path;
use std::process::Command;

use stepwise::data::digest_of;

use crate::contract::greet_of;
use crate::custom::spec;
use crate::harness::{Bench, ROOT, guest};

/// A folder with everything that the specs of `tests/specs` name.
fn bench() -> Bench {
    Bench::sample()
        .file("text.wasm", "this is a text")
        .file("core.wasm", wat::parse_str("(module)").unwrap())
        .file("other-contract.wasm", greet_of("2.0.0"))
        .file("greet.wasm", guest("greet"))
}

#[test]
fn every_wrong_spec_is_explained_in_its_own_words() {
    let folder = Path::new(ROOT).join("tests/specs");
    let mut specs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    specs.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    specs.sort();
    let bench = bench();

    let mut wrong = Vec::new();
    for spec in &specs {
        let name = spec.file_name().unwrap().to_str().unwrap();
        fs::copy(spec, bench.folder.path().join(name)).unwrap();
        println!("{name}");
        let found = bench.stepwise(&["check", name]).exits_with(2).stderr();
        wrong.extend(compare(name, &found));
    }

    assert!(specs.len() > 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What differs from the golden text.
fn compare(name: &str, found: &str) -> Option<String> {
    let golden = Path::new(ROOT).join("tests/specs").join(name).with_extension("err");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (found != expected).then(|| format!("{name}\nexpected:\n{expected}found:\n{found}"))
}

#[test]
fn a_spec_that_cannot_be_read_is_one_plain_sentence() {
    let bench = Bench::new().file("huge.yaml", "# padding\n".repeat(1 << 20)).file("folder.yaml/file", "");

    for name in ["gone.yaml", "huge.yaml", "folder.yaml"] {
        let found = bench.stepwise(&["check", name]).exits_with(2).stderr();
        assert_eq!(compare(name, &found), None);
    }
}

#[test]
fn a_spec_may_come_through_a_pipe() {
    let text = spec("  - module: greet.wasm\n    inputs: {limit: 5}\n    grant: {wml: [\"GET /v2/spaces\"]}\n");
    let bench = Bench::new().file("greet.wasm", guest("greet"));
    let pipe = bench.folder.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Whoever opens it a second time waits for ever, or reads something else.
    let writer = std::thread::spawn({
        let text = text.clone();
        move || fs::write(pipe, text)
    });

    bench.stepwise(&["run", "pipe.yaml", "--run", "r"]).succeeds();

    writer.join().unwrap().unwrap();
    assert_eq!(bench.record()["spec_sha256"], digest_of(text.as_bytes()));
}

/// As many pieces of text, one after the other.
fn many(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().concat()
}

/// A spec with these lines before its steps, and these steps.
fn nasty_spec(lines: &str, steps: &str) -> String {
    spec(steps).replace("steps:\n", &format!("{lines}steps:\n"))
}

/// Specs that are made to take long, on the way to their steps.
fn nasty_texts() -> Vec<(&'static str, String)> {
    let aliases = many(39, |n| format!("a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(", ")));
    let (key, keys) = ("k".repeat(100_000), many(10_000, |n| format!("a{n}: 1, ")));
    let profiles = many(9_000, |n| format!("  p{n}: {{extends: p{}}}\n", n + 1));
    let all = many(50, |n| format!("p{n}, "));
    let circles = many(50, |n| format!("  p{n}: {{extends: [{all}]}}\n"));
    let bases = many(900, |n| format!("{}{n}, ", "j".repeat(1_000)));
    vec![
        ("alias bomb", format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{aliases}")),
        ("alias of a long text", format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(15_000))),
        ("deep flow", "[".repeat(1_000_000)),
        ("deep block", many(5_000, |n| format!("{}a:\n", " ".repeat(n % 1_000)))),
        ("long keys", format!("{key}: {{{keys}}}\n")),
        ("many errors", many(19_000, |n| format!("k{n}: 1\n"))),
        ("many steps", format!("version: 1\nname: a\nsteps:\n{}", "  - {step: 5, x: 1}\n".repeat(6_000))),
        ("one long line", format!("version: 1\nname: \"{}\"\n", "x".repeat(1_000_000))),
        ("many anchors", many(50_000, |n| format!("- &b{n} x\n"))),
        ("many quotes", format!("name: {}\n", "\"".repeat(1_000_000))),
        ("many profiles", format!("profiles:\n{profiles}")),
        ("many circles", format!("profiles:\n{circles}")),
        ("long bases", format!("profiles:\n  {}: {{extends: [{bases}]}}\n", "k".repeat(1_000))),
    ]
}

/// The same with components in play.
fn nasty_plans() -> Vec<(&'static str, String)> {
    let deploy = "  - {step: deploy, inputs: {name: a, model_id: m, space_id: s}}\n";
    let inputs = |count: usize, reads: &str| {
        let inputs = many(count, |n| format!("      x{n}: \"${{{{ {reads}{n} }}}}\"\n"));
        format!("  - step: deploy\n    inputs:\n      name: a\n{inputs}")
    };
    let entries = |count: usize, name: &str, entry: &str| many(count, |n| format!("  {name}{n}: {entry}\n"));
    let (text, file) = ("{type: string, default: a}", "{file: data/target.csv}");
    let reads = |what: &str| deploy.replace("name: a", &format!("name: \"${{{{ {what} }}}}\""));
    let (one, other) = ("k".repeat(400_000), "j".repeat(400_000));
    let overridden = entries(150, "    e", "{timeout: 5m}");
    let gate = format!(
        "    inputs:\n      monitor_instance_id: m\n      gates:\n        ? {one}\n        : {{at_least: 1}}\n"
    );
    vec![
        ("an endless module", nasty_spec("", "  - module: /dev/zero\n")),
        ("a long param", nasty_spec(&format!("params:\n  ? {one}\n  : {text}\n"), &reads(&format!("params.{other}")))),
        ("a long profile", nasty_spec(&format!("profiles:\n  ? {one}\n  : {{extends: {other}}}\n"), deploy)),
        (
            "a long data set",
            nasty_spec(
                &format!("data:\n  ? {one}\n  : {file}\n"),
                &format!("  - {{step: score, inputs: {{data: {other}, scoring_path: /x, input_fields: []}}}}\n"),
            ),
        ),
        ("a long metric", nasty_spec("", &format!("  - step: evaluate\n{gate}"))),
        ("many params", nasty_spec(&format!("params:\n{}", entries(4_500, "p", text)), &inputs(4_500, "params.q"))),
        ("many data sets", nasty_spec(&format!("data:\n{}", entries(4_000, "d", file)), &inputs(4_000, "env.Q"))),
        (
            "many secrets",
            nasty_spec(&format!("secrets:\n{}", entries(5_000, "S", "{env: A}")), &inputs(4_000, "env.Q")),
        ),
        (
            "many profiles of many steps",
            nasty_spec(
                &format!("profiles:\n{}", entries(40, "p", &format!("\n    steps:\n{overridden}"))),
                &many(1_000, |n| format!("  - {{step: deploy, id: d{n}}}\n")),
            ),
        ),
        (
            "one step many times",
            nasty_spec(
                "",
                &many(2_500, |n| {
                    deploy.replace("deploy,", &format!("deploy, id: d{n},")).replace("name: a", "name: 5")
                }),
            ),
        ),
        ("many unknown steps", nasty_spec("", &many(5_000, |n| format!("  - {{step: deplyo, id: d{n}}}\n")))),
        (
            "many digests of one step",
            nasty_spec("", &many(2_000, |n| format!("  - {{step: deploy, id: d{n}, sha256: '{n:064}'}}\n"))),
        ),
        (
            "many defaults",
            nasty_spec(
                "defaults: {timeout: 5x, retry: {attempts: 3}, limits: {memory: 1GB, tables: 0, output: x}}\n",
                &many(2_000, |n| format!("  - {{step: deploy, id: d{n}, retry: {{backoff: {{}}}}}}\n")),
            ),
        ),
    ]
}

#[test]
fn a_nasty_spec_is_refused_within_a_second_and_100_megabytes() {
    let bench = Bench::sample();
    // Compiling a component takes longer, once.
    bench.stepwise(&["check", "pipeline.yaml"]).succeeds();
    for (name, text) in nasty_texts().into_iter().chain(nasty_plans()) {
        fs::write(bench.folder.path().join("nasty.yaml"), text).unwrap();
        println!("{name}");
        let stderr = bench.stepwise_within(100 << 10, 1, &["check", "nasty.yaml"]).exits_with(2).stderr();
        assert!(stderr.len() < 100_000, "{name}: {} bytes of errors", stderr.len());
        assert!(stderr.starts_with("error: ") && stderr.ends_with("in `nasty.yaml`\n"), "{name}: {stderr}");
    }
}
