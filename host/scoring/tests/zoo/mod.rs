//! The models of `tests/models/zoo`: what they are given, and what onnxruntime answers. Other crates' tests have it too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Up to here an answer is the same, relative to numbers above 1.
const TOLERANCE: f64 = 1e-5;

const FOLDER: &str = "tests/models/zoo";

/// A model as an exporter wrote it.
pub(crate) struct Exported {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
    /// The whole data.
    pub(crate) rows: Vec<Vec<f64>>,
    /// The columns of the answers, the label or value first.
    pub(crate) answers: Vec<Vec<String>>,
}

/// Every model of the folder.
pub(crate) fn exported() -> Vec<Exported> {
    let mut all = Vec::new();
    for (data, folder) in
        [("tumours", "model/data"), ("iris", "tests/models/iris"), ("diabetes", "tests/models/diabetes")]
    {
        let rows = features(folder);
        for (name, answers) in answers(&format!("{FOLDER}/{data}.csv")) {
            let content = fs::read(root().join(format!("{FOLDER}/{name}.onnx"))).unwrap();
            let rows = if name.ends_with("_missing") { with_holes(rows.clone()) } else { rows.clone() };
            all.push(Exported { name, content, rows, answers });
        }
    }
    let files = fs::read_dir(root().join(FOLDER)).unwrap();
    let models = files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "onnx"));
    assert_eq!(all.len(), models.count());
    all
}

pub(crate) fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    crates.ancestors().find(|folder| folder.join(FOLDER).is_dir()).unwrap().to_owned()
}

/// The cells of a CSV file, header first.
fn table(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Columns by the name before the colon, in their order.
pub(crate) fn answers(file: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let table = table(file);
    let mut answers: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for (at, name) in table[0].iter().enumerate() {
        let column = table[1..].iter().map(|row| row[at].clone()).collect();
        answers.entry(name.rsplit_once(':').unwrap().0.to_owned()).or_default().push(column);
    }
    answers
}

/// The features of a data set, training before target rows.
fn features(folder: &str) -> Vec<Vec<f64>> {
    let part = |name: &str| table(&format!("{folder}/{name}.csv")).split_off(1);
    let numbers = |row: Vec<String>| row[..row.len() - 1].iter().map(|cell| cell.parse().unwrap()).collect();
    part("training").into_iter().chain(part("target")).map(numbers).collect()
}

/// The values that `make.py` leaves out.
fn with_holes(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for (row, cells) in rows.iter_mut().enumerate() {
        for (_, cell) in cells.iter_mut().enumerate().filter(|(column, _)| (31 * row + 17 * column) % 11 == 0) {
            *cell = f64::NAN;
        }
    }
    rows
}

fn same(found: &str, wanted: &str) -> bool {
    match (found.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(found), Ok(wanted)) if wanted.is_finite() => (found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0),
        (Ok(found), Ok(wanted)) => found.to_string() == wanted.to_string(),
        _ => found == wanted,
    }
}

/// Fails unless the columns are the same.
pub(crate) fn assert_same(what: &str, found: &[Vec<String>], wanted: &[Vec<String>]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (column, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found.len(), wanted.len(), "{what}");
        for (row, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            assert!(same(found, wanted), "{what}: row {row} has {found} in column {column}, not {wanted}");
        }
    }
}
