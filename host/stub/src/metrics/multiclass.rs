//! Metrics of classification with any number of classes: means over the classes, weighted by their shares.

use super::{Confusion, Observations, ratio};

pub(super) fn metrics(confusion: &Confusion, rows: &Observations) -> Vec<(&'static str, Option<f64>)> {
    let weighted = |of: fn(&Confusion, usize) -> f64| -> Option<f64> {
        let classes = 0..confusion.labels.len();
        Some(ratio(classes.map(|at| confusion.actual(at) * of(confusion, at)).sum(), confusion.total()))
    };
    let recall = weighted(Confusion::true_positive_rate);
    vec![
        ("accuracy", Some(ratio(confusion.correct(), confusion.total()))),
        ("weighted_true_positive_rate", recall),
        ("weighted_recall", recall),
        ("weighted_precision", weighted(Confusion::precision)),
        ("weighted_f_measure", weighted(Confusion::f1)),
        ("weighted_false_positive_rate", weighted(Confusion::false_positive_rate)),
        ("log_loss", confusion.log_loss(rows)),
        ("matthews_correlation_coefficient", Some(confusion.matthews())),
        ("label_skew", confusion.skew()),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::metrics::{Observations, Problem, evaluate};

    #[test]
    fn classes_weigh_by_their_share() {
        // Checked with scikit-learn: precision_recall_fscore_support(average="weighted"), matthews_corrcoef.
        let values = |all: &[i64]| all.iter().map(|value| json!(value)).collect();
        let rows = Observations {
            actual: values(&[0, 0, 0, 1, 1, 2]),
            predicted: values(&[0, 0, 1, 1, 2, 2]),
            probabilities: None,
        };
        let quality = evaluate(Problem::Multiclass, &rows).unwrap();
        let metric = |id: &str| quality.metrics.iter().find(|(known, _)| *known == id).unwrap().1;
        let close =
            |id: &str, wanted: f64| assert!((metric(id).unwrap() - wanted).abs() < 1e-9, "{id} {:?}", metric(id));
        close("accuracy", 2.0 / 3.0);
        close("weighted_recall", 2.0 / 3.0);
        close("weighted_precision", (3.0 + 2.0 * 0.5 + 0.5) / 6.0);
        close("weighted_f_measure", (3.0 * 0.8 + 2.0 * 0.5 + 2.0 / 3.0) / 6.0);
        close("weighted_false_positive_rate", (2.0 * 0.25 + 0.2) / 6.0);
        close("matthews_correlation_coefficient", 12.0 / (24.0f64 * 22.0).sqrt());
        assert_eq!(metric("log_loss"), None);
    }
}
