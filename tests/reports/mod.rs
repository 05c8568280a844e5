//! The reports that every run leaves: what they say, that their numbers are the record's, and that nothing a step says can
//! be more than a text in them.

mod endings;
mod hostile;
mod numbers;
mod page;
mod record;

use std::fs;

use crate::harness::Bench;

/// A file of run `r`.
pub(crate) fn file(bench: &Bench, name: &str) -> String {
    fs::read_to_string(bench.folder.path().join(".stepwise/r").join(name)).unwrap()
}

/// The run in one line.
pub(crate) fn headline(bench: &Bench) -> String {
    let headline = file(bench, "headline.txt").strip_suffix('\n').unwrap().to_owned();
    assert!(!headline.contains('\n'));
    // In Markdown some letters have a backslash before them.
    let plain = |text: &str| text.replace('\\', "");
    assert_eq!(plain(file(bench, "summary.md").lines().next().unwrap()), plain(&format!("# {headline}")));
    headline
}

/// A sample of each type of models.
pub(crate) fn of_model(name: &str) -> Bench {
    Bench::new().copies(&format!("tests/models/{name}"), &["pipeline.yaml", "model.onnx", "training.csv", "target.csv"])
}
