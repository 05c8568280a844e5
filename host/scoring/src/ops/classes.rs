//! `Classes`: from scores to the label and the scores that a classifier answers.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::bail;
use tract_onnx::tract_core::prelude::tract_ndarray::Array2;

use super::attributes::{integers, texts};
use super::row_wise::{Rows, Table, Width};
use super::transform::{Transform, logistic};

/// The scores of some rows, row-major.
pub(super) struct Scores {
    pub(super) values: Vec<f64>,
    /// Whether anything was said about the class; it cannot be chosen otherwise.
    pub(super) seen: Vec<bool>,
}

/// A classifier's classes, and how one is chosen.
#[derive(Debug)]
pub(super) struct Classes {
    labels: Labels,
    choice: Choice,
}

#[derive(Debug)]
pub(super) enum Labels {
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

/// How scores make a class.
#[derive(Debug)]
pub(super) enum Choice {
    /// A score per class: the first of the largest wins.
    Largest(Transform),
    /// One score, the second class', which wins if it is above a limit. The first class' is what is missing to `whole`.
    Second { above: f64, whole: f64, logistic: bool },
}

impl Classes {
    /// The labels of a node, under these names of attributes.
    pub(super) fn labels(node: &NodeProto, integer: &str, text: &str) -> TractResult<Labels> {
        let (integers, texts) = (integers(node, integer)?, texts(node, text)?);
        Ok(match (integers, texts.as_slice()) {
            (integers, []) if integers.len() > 1 => Labels::Integers(integers.to_vec()),
            ([], all) if all.len() > 1 => Labels::Texts(texts),
            ([], []) => bail!("it names no classes"),
            ([_], []) | ([], [_]) => bail!("it has one class"),
            _ => bail!("it names its classes twice"),
        })
    }

    pub(super) fn new(labels: Labels, choice: Choice) -> Self {
        Self { labels, choice }
    }

    /// How many scores a row has before a class is chosen.
    pub(super) fn scores(&self) -> usize {
        if matches!(self.choice, Choice::Second { .. }) { 1 } else { self.labels.len() }
    }

    /// What both outputs hold.
    pub(super) fn outputs(&self) -> Vec<(DatumType, Width)> {
        let label = match self.labels {
            Labels::Integers(_) => i64::datum_type(),
            Labels::Texts(_) => String::datum_type(),
        };
        vec![(label, Width::One), (f32::datum_type(), Width::Of(self.labels.len()))]
    }

    /// Labels and scores for all rows.
    pub(super) fn answer(&self, rows: usize, scores: &Scores) -> TractResult<TVec<TValue>> {
        let (wide, classes) = (self.scores(), self.labels.len());
        let mut positions = Vec::with_capacity(rows);
        let mut answered: Vec<f32> = Vec::with_capacity(rows * classes);
        let mut row = Vec::with_capacity(classes);
        for (values, seen) in scores.values.chunks(wide).zip(scores.seen.chunks(wide)) {
            positions.push(self.choice.position(values, seen));
            row.clear();
            self.choice.transform(values, &mut row);
            #[expect(clippy::cast_possible_truncation, reason = "the output is in single precision")]
            answered.extend(row.iter().map(|score| *score as f32));
        }
        let scores: Tensor = Array2::from_shape_vec((rows, classes), answered)?.into();
        Ok(tvec!(self.labels.at(&positions).into_tvalue(), scores.into_tvalue()))
    }
}

impl Labels {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(labels) => labels.len(),
            Self::Texts(labels) => labels.len(),
        }
    }

    fn at(&self, positions: &[usize]) -> Tensor {
        match self {
            Self::Integers(labels) => tensor1(&positions.iter().map(|at| labels[*at]).collect::<Vec<_>>()),
            Self::Texts(labels) => tensor1(&positions.iter().map(|at| labels[*at].clone()).collect::<Vec<_>>()),
        }
    }
}

impl Choice {
    fn position(&self, scores: &[f64], seen: &[bool]) -> usize {
        match self {
            Self::Second { above, .. } => usize::from(scores[0] > *above),
            Self::Largest(_) => {
                let mut best: Option<usize> = None;
                for at in (0..scores.len()).filter(|at| seen[*at]) {
                    if best.is_none_or(|best| scores[at] > scores[best]) {
                        best = Some(at);
                    }
                }
                best.unwrap_or_default()
            }
        }
    }

    fn transform(&self, scores: &[f64], answered: &mut Vec<f64>) {
        match self {
            Self::Second { logistic: true, .. } => answered.extend([logistic(-scores[0]), logistic(scores[0])]),
            Self::Second { whole, .. } => answered.extend([whole - scores[0], scores[0]]),
            Self::Largest(transform) => {
                answered.extend(scores);
                transform.apply(answered);
            }
        }
    }
}

/// The operator that makes classes of scores, where another one computes these.
impl Rows for Classes {
    fn name(&self) -> &'static str {
        "Classes"
    }

    fn outputs(&self) -> Vec<(DatumType, Width)> {
        Self::outputs(self)
    }

    fn least_width(&self) -> usize {
        self.scores()
    }

    fn run(&self, table: &Table) -> TractResult<TVec<TValue>> {
        let seen = vec![true; table.cells.len()];
        self.answer(table.rows, &Scores { values: table.cells.clone(), seen })
    }
}
