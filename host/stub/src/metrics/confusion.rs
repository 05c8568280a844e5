//! `Confusion`: how often which label was taken for which.

use serde_json::Value;

use super::{Observations, finite, labels, ratio};

/// How often which label was taken for which; rows are the actual label, columns the predicted one.
#[derive(Debug)]
pub(crate) struct Confusion {
    pub(crate) labels: Vec<Value>,
    pub(crate) counts: Vec<Vec<f64>>,
}

impl Confusion {
    pub(super) fn of(rows: &Observations) -> Self {
        let labels = labels::of(rows);
        let mut counts = vec![vec![0.0; labels.len()]; labels.len()];
        let at = |label: &Value| labels.iter().position(|known| labels::same(known, label)).unwrap_or_default();
        for (actual, predicted) in rows.actual.iter().zip(&rows.predicted) {
            counts[at(actual)][at(predicted)] += 1.0;
        }
        Self { labels, counts }
    }

    pub(crate) fn total(&self) -> f64 {
        self.counts.iter().flatten().sum()
    }

    pub(super) fn correct(&self) -> f64 {
        (0..self.labels.len()).map(|at| self.counts[at][at]).sum()
    }

    pub(super) fn actual(&self, at: usize) -> f64 {
        self.counts[at].iter().sum()
    }

    pub(super) fn predicted(&self, at: usize) -> f64 {
        self.counts.iter().map(|row| row[at]).sum()
    }

    pub(crate) fn true_positive_rate(&self, at: usize) -> f64 {
        ratio(self.counts[at][at], self.actual(at))
    }

    pub(crate) fn false_positive_rate(&self, at: usize) -> f64 {
        ratio(self.predicted(at) - self.counts[at][at], self.total() - self.actual(at))
    }

    pub(crate) fn precision(&self, at: usize) -> f64 {
        ratio(self.counts[at][at], self.predicted(at))
    }

    pub(super) fn f1(&self, at: usize) -> f64 {
        let (precision, recall) = (self.precision(at), self.true_positive_rate(at));
        ratio(2.0 * precision * recall, precision + recall)
    }

    /// Matthews' correlation coefficient for any number of labels.
    pub(super) fn matthews(&self) -> f64 {
        let (total, all) = (self.total(), 0..self.labels.len());
        let product: f64 = all.clone().map(|at| self.actual(at) * self.predicted(at)).sum();
        let actual: f64 = all.clone().map(|at| self.actual(at).powi(2)).sum();
        let predicted: f64 = all.map(|at| self.predicted(at).powi(2)).sum();
        ratio(self.correct() * total - product, ((total * total - predicted) * (total * total - actual)).sqrt())
    }

    /// The absolute skewness of the actual labels' positions: for two labels `|(1-2p)/sqrt(p(1-p))|`, the published
    /// rule; for more it is the stub's guess.
    pub(super) fn skew(&self) -> Option<f64> {
        let shares: Vec<f64> = (0..self.labels.len()).map(|at| self.actual(at) / self.total()).collect();
        let moment = |about: f64, power: i32| -> f64 {
            shares.iter().enumerate().map(|(at, share)| share * (at as f64 - about).powi(power)).sum()
        };
        let mean = moment(0.0, 1);
        finite(moment(mean, 3) / moment(mean, 2).powf(1.5)).map(f64::abs)
    }

    /// Mean of the negative logarithm of the actual label's probability.
    pub(super) fn log_loss(&self, rows: &Observations) -> Option<f64> {
        let probabilities = rows.probabilities.as_ref()?;
        let mut sum = 0.0;
        for (actual, row) in rows.actual.iter().zip(probabilities) {
            let at = self.labels.iter().position(|label| labels::same(label, actual))?;
            if row.len() != self.labels.len() {
                return None;
            }
            sum -= row[at].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
        }
        finite(sum / rows.actual.len() as f64)
    }
}
