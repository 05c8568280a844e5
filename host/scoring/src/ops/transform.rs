//! `Transform`: what becomes of a row's scores before they are answered.

use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::internal::bail;

/// Under this a score counts as zero to `SOFTMAX_ZERO`.
const ZERO: f64 = 1e-7;

/// The attribute `post_transform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl Transform {
    pub(super) fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(match node.get_attr_opt("post_transform")?.unwrap_or("NONE") {
            "NONE" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            other => bail!("its `post_transform` is `{other}`"),
        })
    }

    pub(super) fn apply(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax => softmax(scores, |_| true),
            // A class without a score is to stay without one, though exp(0) is 1.
            Self::SoftmaxZero => softmax(scores, |score| score.abs() > ZERO),
            Self::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
        }
    }
}

pub(super) fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

fn softmax(scores: &mut [f64], counts: impl Fn(f64) -> bool) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        if counts(*score) {
            *score = (*score - largest).exp();
            sum += *score;
        } else {
            *score *= (-largest).exp();
        }
    }
    for score in scores {
        *score /= sum;
    }
}

/// The quantile of the normal distribution, by Winitzki's formula for the inverse error function.
fn probit(share: f64) -> f64 {
    const A: f64 = 0.147;
    let value = 2.0 * share - 1.0;
    let log = ((1.0 - value) * (1.0 + value)).ln();
    let half = 2.0 / (std::f64::consts::PI * A) + log / 2.0;
    let inverse = (-half + (half * half - log / A).sqrt()).sqrt();
    std::f64::consts::SQRT_2 * if value < 0.0 { -inverse } else { inverse }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(transform: Transform, mut scores: Vec<f64>) -> Vec<f64> {
        transform.apply(&mut scores);
        scores.iter().map(|score| (score * 1e4).round() / 1e4).collect()
    }

    #[test]
    fn each_transform_is_that_of_onnxruntime() {
        // What onnxruntime answers for these scores.
        let scores = || vec![0.6, 0.9, 0.0];
        assert_eq!(applied(Transform::None, scores()), [0.6, 0.9, 0.0]);
        assert_eq!(applied(Transform::Logistic, scores()), [0.6457, 0.7109, 0.5]);
        assert_eq!(applied(Transform::Softmax, scores()), [0.345, 0.4657, 0.1893]);
        assert_eq!(applied(Transform::SoftmaxZero, scores()), [0.4256, 0.5744, 0.0]);
        assert_eq!(applied(Transform::Probit, scores()), [0.2534, 1.2817, f64::NEG_INFINITY]);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        assert_eq!(applied(Transform::Softmax, vec![1000.0, 0.0]), [1.0, 0.0]);
        assert_eq!(applied(Transform::Logistic, vec![-1000.0, 1000.0]), [0.0, 1.0]);
    }
}
