//! Spec errors: every spec of `tests/specs` with the exact text that `stepwise check` answers.
//!
//! `BLESS=1` rewrites the texts; read them before committing.

use std::fs;
use std::path::Path;

use crate::contract::greet_of;
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

/// As many pieces of text, one after the other.
fn many(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().concat()
}

/// Specs that are made to take long.
fn nasty() -> Vec<(&'static str, String)> {
    let aliases = many(39, |n| format!("a{}: &a{} [{}]\n", n + 1, n + 1, vec![format!("*a{n}"); 9].join(", ")));
    let (key, keys) = ("k".repeat(100_000), many(10_000, |n| format!("a{n}: 1, ")));
    let profiles = many(9_000, |n| format!("  p{n}: {{extends: p{}}}\n", n + 1));
    let all = many(50, |n| format!("p{n}, "));
    let circles = many(50, |n| format!("  p{n}: {{extends: [{all}]}}\n"));
    vec![
        ("alias bomb", format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{aliases}")),
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
    ]
}

#[test]
fn a_nasty_spec_is_refused_with_little_memory() {
    let bench = Bench::new();
    for (name, text) in nasty() {
        fs::write(bench.folder.path().join("nasty.yaml"), text).unwrap();
        println!("{name}");
        let stderr = bench.stepwise_within(100 << 10, &["check", "nasty.yaml"]).exits_with(2).stderr();
        assert!(stderr.len() < 100_000, "{name}: {} bytes of errors", stderr.len());
        assert!(stderr.starts_with("error: ") && stderr.ends_with("in `nasty.yaml`\n"), "{name}: {stderr}");
    }
}
