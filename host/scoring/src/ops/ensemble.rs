//! `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: forests, and what is answered of their scores.

use std::collections::BTreeSet;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::prelude::tract_ndarray::Array2;
use tract_onnx::tract_hir::internal::{InferenceOp, bail};

use super::attributes::numbers;
use super::classes::{Choice, Classes, Scores};
use super::forest::{Aggregate, Forest, single};
use super::listed::Listed;
use super::row_wise::{RowWise, Rows, Table, Width};
use super::transform::Transform;

#[derive(Debug)]
struct Ensemble {
    forest: Forest,
    aggregate: Aggregate,
    /// What is added to each output; empty for nothing.
    base: Vec<f64>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    Classes(Classes),
    Values(Transform),
}

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

pub(super) fn classifier(context: &ParsingContext, node: &NodeProto) -> Built {
    let labels = Classes::labels(node, "classlabels_int64s", "classlabels_strings")?;
    let listed = Listed::read(context, node, "class")?;
    let transform = Transform::read(node)?;
    let choice = if labels.len() == 2 { of_two(&listed, transform)? } else { Choice::Largest(transform) };
    let classes = Classes::new(labels, choice);
    let base = base(context, node, classes.scores())?;
    let forest = listed.forest(classes.scores())?;
    Ok(RowWise::built(Ensemble { forest, aggregate: Aggregate::Sum, base, answer: Answer::Classes(classes) }))
}

/// Two classes have one score between them. In which way the other follows from it, onnxruntime tells by the weights;
/// two scores it does not compare at all.
fn of_two(listed: &Listed, transform: Transform) -> TractResult<Choice> {
    let scored: BTreeSet<&i64> = listed.outputs.iter().collect();
    if scored.contains(&1) {
        bail!("the second of its two classes has weights, which onnxruntime takes for those of the only score");
    }
    if transform == Transform::Probit {
        bail!("it has two classes, whose one score has no PROBIT");
    }
    let shares = listed.weights.iter().all(|weight| *weight >= 0.0);
    let (above, whole) = if shares { (0.5, 1.0) } else { (0.0, 0.0) };
    Ok(Choice::Second { above, whole, logistic: transform == Transform::Logistic })
}

pub(super) fn regressor(context: &ParsingContext, node: &NodeProto) -> Built {
    let listed = Listed::read(context, node, "target")?;
    let targets = node.get_attr_opt::<usize>("n_targets")?.unwrap_or_default();
    if !(1..=listed.weights.len()).contains(&targets) {
        bail!("it has {targets} targets, and weights for {}", listed.weights.len());
    }
    let aggregate = match node.get_attr_opt("aggregate_function")?.unwrap_or("SUM") {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Smallest,
        "MAX" => Aggregate::Largest,
        other => bail!("its `aggregate_function` is `{other}`"),
    };
    let transform = match Transform::read(node)? {
        // A value by itself has no share in anything; onnxruntime leaves it as it is.
        Transform::Logistic | Transform::Softmax | Transform::SoftmaxZero if targets == 1 => Transform::None,
        transform => transform,
    };
    let base = base(context, node, targets)?;
    let forest = listed.forest(targets)?;
    Ok(RowWise::built(Ensemble { forest, aggregate, base, answer: Answer::Values(transform) }))
}

fn base(context: &ParsingContext, node: &NodeProto, outputs: usize) -> TractResult<Vec<f64>> {
    let base = numbers(context, node, "base_values")?;
    if ![0, outputs].contains(&base.len()) {
        bail!("it has {} base values, not {outputs}", base.len());
    }
    Ok(base)
}

impl Ensemble {
    fn scores(&self, table: &Table) -> Scores {
        let mut scores = self.forest.scores(table, self.aggregate);
        if !self.base.is_empty() {
            // Of several targets, one that no leaf says anything about stays 0 in onnxruntime.
            let every = matches!(self.answer, Answer::Classes(_)) || self.base.len() == 1;
            let bases = self.base.iter().cycle();
            for ((score, seen), base) in scores.values.iter_mut().zip(&mut scores.seen).zip(bases) {
                if every || *seen {
                    *score = if table.double { *score + base } else { single(*score + base) };
                    *seen = true;
                }
            }
        }
        scores
    }
}

impl Rows for Ensemble {
    fn name(&self) -> &'static str {
        match self.answer {
            Answer::Classes(_) => "TreeEnsembleClassifier",
            Answer::Values(_) => "TreeEnsembleRegressor",
        }
    }

    fn outputs(&self) -> Vec<(DatumType, Width)> {
        match &self.answer {
            Answer::Classes(classes) => classes.outputs(),
            Answer::Values(_) => vec![(f32::datum_type(), Width::Of(self.forest.outputs))],
        }
    }

    fn least_width(&self) -> usize {
        self.forest.features
    }

    fn run(&self, table: &Table) -> TractResult<TVec<TValue>> {
        let mut scores = self.scores(table);
        match &self.answer {
            Answer::Classes(classes) => classes.answer(table.rows, &scores),
            Answer::Values(transform) => {
                let targets = self.forest.outputs;
                scores.values.chunks_mut(targets).for_each(|row| transform.apply(row));
                #[expect(clippy::cast_possible_truncation, reason = "the output is in single precision")]
                let values = scores.values.iter().map(|value| *value as f32).collect();
                let values: Tensor = Array2::from_shape_vec((table.rows, targets), values)?.into();
                Ok(tvec!(values.into_tvalue()))
            }
        }
    }
}
