//! The target data of the sample, and what the deployment answers to it.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// The rows; the last column of the file is the label.
pub(crate) struct Target {
    pub(crate) fields: Vec<String>,
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) labels: Vec<i64>,
}

impl Target {
    /// All of the sample's.
    pub(crate) fn read() -> Result<Self> {
        let text = read_to_string(sample("data/target.csv"))?;
        let mut lines = text.lines();
        Self::of(lines.next().context("no header")?, lines)
    }

    /// These lines, below this header.
    pub(crate) fn of<'a>(header: &str, lines: impl Iterator<Item = &'a str>) -> Result<Self> {
        let split = |line: &'a str| line.rsplit_once(',').context("a line of one column");
        let (fields, _) = header.rsplit_once(',').context("a header of one column")?;
        let fields = fields.split(',').map(ToOwned::to_owned).collect();
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for line in lines {
            let (cells, label) = split(line)?;
            rows.push(cells.split(',').map(str::parse).collect::<Result<_, _>>()?);
            labels.push(label.parse()?);
        }
        Ok(Self { fields, rows, labels })
    }
}

/// A file of the sample.
pub(crate) fn sample(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("model").join(file)
}

/// Label and probabilities of every row.
pub(crate) fn predictions(answer: &Value) -> Result<Vec<(&Value, &Value)>> {
    let outputs = answer["predictions"].as_array().context("no predictions")?;
    let values = |id: &str| {
        let output = outputs.iter().find(|output| output["id"] == id);
        output.and_then(|output| output["values"].as_array()).with_context(|| format!("no output `{id}`"))
    };
    Ok(values("label")?.iter().zip(values("probabilities")?).collect())
}
