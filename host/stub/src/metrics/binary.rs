//! Metrics of binary classification.

use super::{Confusion, Observations, finite, labels, ratio};

pub(super) fn metrics(confusion: &Confusion, rows: &Observations) -> Vec<(&'static str, Option<f64>)> {
    let Some(positive) = confusion.labels.len().checked_sub(1) else { return Vec::new() };
    let recall = confusion.true_positive_rate(positive);
    let false_positives = confusion.false_positive_rate(positive);
    let precision = confusion.precision(positive);
    // From the predicted labels, not from probabilities: so the published runs have it.
    let area_under_roc = f64::midpoint(recall, 1.0 - false_positives);
    let base = ratio(confusion.actual(positive), confusion.total());
    let area_under_pr = recall * precision + (1.0 - recall) * f64::midpoint(precision, base);
    vec![
        ("true_positive_rate", Some(recall)),
        ("area_under_roc", Some(area_under_roc)),
        ("precision", Some(precision)),
        ("f1_measure", Some(confusion.f1(positive))),
        ("accuracy", Some(ratio(confusion.correct(), confusion.total()))),
        ("log_loss", confusion.log_loss(rows)),
        ("false_positive_rate", Some(false_positives)),
        ("area_under_pr", Some(area_under_pr)),
        ("recall", Some(recall)),
        ("gini_coefficient", Some(2.0 * area_under_roc - 1.0)),
        ("matthews_correlation_coefficient", Some(confusion.matthews())),
        ("label_skew", confusion.skew()),
        ("brier_score", brier_score(confusion, rows)),
    ]
}

/// Mean squared distance of the positive class' probability from what was.
fn brier_score(confusion: &Confusion, rows: &Observations) -> Option<f64> {
    let positive = confusion.labels.last()?;
    let mut sum = 0.0;
    for (actual, row) in rows.actual.iter().zip(rows.probabilities.as_ref()?) {
        if row.len() != confusion.labels.len() {
            return None;
        }
        let was = if labels::same(actual, positive) { 1.0 } else { 0.0 };
        sum += (row.last()? - was).powi(2);
    }
    finite(sum / rows.actual.len() as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::metrics::{Observations, Problem, evaluate};

    fn close(found: Option<f64>, wanted: f64) {
        assert!(found.is_some_and(|found| (found - wanted).abs() < 5e-6), "{found:?} is not {wanted}");
    }

    fn rows(pairs: &[(usize, &str, &str)]) -> Observations {
        let mut rows = Observations::default();
        for (count, actual, predicted) in pairs {
            rows.actual.extend(std::iter::repeat_n(Value::from(*actual), *count));
            rows.predicted.extend(std::iter::repeat_n(Value::from(*predicted), *count));
        }
        rows
    }

    #[test]
    fn the_published_run_is_met() {
        // openscale.md 13, an IBM notebook's recorded output: TP 11, FN 22, FP 3, TN 62.
        let rows = rows(&[(11, "yes", "yes"), (22, "yes", "no"), (3, "no", "yes"), (62, "no", "no")]);
        let quality = evaluate(Problem::Binary, &rows).unwrap();
        let metric = |id: &str| quality.metrics.iter().find(|(known, _)| *known == id).unwrap().1;
        assert_eq!(metric("area_under_roc"), Some(0.643_589_743_589_743_5));
        close(metric("gini_coefficient"), 0.28718);
        close(metric("f1_measure"), 0.46809);
        close(metric("matthews_correlation_coefficient"), 0.38785);
        close(metric("label_skew"), 0.69093);
        close(metric("accuracy"), 73.0 / 98.0);
        close(metric("precision"), 11.0 / 14.0);
        assert_eq!(metric("recall"), metric("true_positive_rate"));
        assert_eq!(metric("log_loss"), None);
        assert_eq!(metric("brier_score"), None);
        let confusion = quality.confusion.unwrap();
        assert_eq!(confusion.labels, [json!("no"), json!("yes")]);
        assert_eq!(confusion.counts, [[62.0, 3.0], [22.0, 11.0]]);
    }

    #[test]
    fn probabilities_give_log_loss_and_brier_score() {
        let rows = Observations {
            actual: vec![json!(1), json!(0.0)],
            predicted: vec![json!(1), json!(0)],
            probabilities: Some(vec![vec![0.2, 0.8], vec![0.6, 0.4]]),
        };
        let quality = evaluate(Problem::Binary, &rows).unwrap();
        let metric = |id: &str| quality.metrics.iter().find(|(known, _)| *known == id).unwrap().1;
        close(metric("log_loss"), -(0.8f64.ln() + 0.6f64.ln()) / 2.0);
        close(metric("brier_score"), 0.1);
        assert_eq!(metric("area_under_roc"), Some(1.0));
    }

    #[test]
    fn one_class_alone_divides_nothing_by_zero() {
        let rows = Observations { actual: vec![json!(0); 3], predicted: vec![json!(0); 3], probabilities: None };
        let quality = evaluate(Problem::Binary, &rows).unwrap();
        let metric = |id: &str| quality.metrics.iter().find(|(known, _)| *known == id).unwrap().1;
        assert_eq!(quality.confusion.as_ref().unwrap().labels, [json!(0), json!(1)]);
        assert_eq!(metric("accuracy"), Some(1.0));
        assert_eq!(metric("recall"), Some(0.0));
        assert_eq!(metric("matthews_correlation_coefficient"), Some(0.0));
        assert_eq!(metric("label_skew"), None);
    }

    #[test]
    fn three_labels_are_not_binary() {
        let rows = rows(&[(1, "a", "b"), (1, "c", "c")]);
        assert_eq!(evaluate(Problem::Binary, &rows).unwrap_err(), "a binary model has 3 labels");
    }
}
