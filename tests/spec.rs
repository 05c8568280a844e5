//! Spec errors: every spec of `tests/specs` with the exact text that `stepwise check` answers.
//!
//! `BLESS=1` rewrites the texts; read them before committing.

use std::fs;
use std::path::Path;

use crate::harness::{Bench, ROOT};

#[test]
fn every_wrong_spec_is_explained_in_its_own_words() {
    let folder = Path::new(ROOT).join("tests/specs");
    let mut specs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    specs.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    specs.sort();
    let bench = Bench::sample();

    let mut wrong = Vec::new();
    for spec in &specs {
        let name = spec.file_name().unwrap().to_str().unwrap();
        fs::copy(spec, bench.folder.path().join(name)).unwrap();
        let found = bench.stepwise(&["check", name]).exits_with(2).stderr();
        let golden = spec.with_extension("err");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}\nexpected:\n{expected}found:\n{found}"));
        }
    }

    assert!(specs.len() > 15);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_spec_that_cannot_be_read_is_one_plain_sentence() {
    let bench = Bench::new().file("binary.yaml", b"version: 1\nname: \xff\n");

    bench
        .stepwise(&["check", "gone.yaml"])
        .exits_with(2)
        .finds_in_spec("gone.yaml: failed to read the spec: No such file or directory (os error 2)\n");
    bench
        .stepwise(&["check", "binary.yaml"])
        .exits_with(2)
        .finds_in_spec("binary.yaml:2:7: this is not UTF-8\nhint: save the file in UTF-8\n");
    bench
        .stepwise(&["check", "."])
        .exits_with(2)
        .finds_in_spec(".: failed to read the spec: Is a directory (os error 21)\n");
}
