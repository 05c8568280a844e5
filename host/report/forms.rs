//! The forms of outputs that are drawn, as the contract describes them. An output that does not have its form is shown as
//! any other.

use serde::Deserialize;
use serde_json::Value;

use crate::run::ChartKind;

use super::number::{beyond, short};

/// Most rows, columns or classes that are drawn: what has more is not to be read off a chart.
const MAX_CLASSES: usize = 30;

/// Most points of a curve, and bars of a class.
const MAX_POINTS: usize = 1000;

/// What is drawn.
#[derive(Debug)]
pub(super) enum Form {
    Gates(Vec<Gate>),
    ConfusionMatrix(ConfusionMatrix),
    Roc(Roc),
    ScoreDistribution(ScoreDistribution),
}

/// A metric and the limit that it has to keep.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Gate {
    pub(super) metric: String,
    #[serde(default)]
    at_least: Option<f64>,
    #[serde(default)]
    at_most: Option<f64>,
    pub(super) value: Option<f64>,
    pub(super) passed: bool,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfusionMatrix {
    pub(super) labels: Vec<Value>,
    /// A row per actual label.
    pub(super) values: Vec<Vec<f64>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Roc {
    pub(super) positive: String,
    pub(super) points: Vec<[f64; 2]>,
    #[serde(default)]
    pub(super) chosen: Option<[f64; 2]>,
    #[serde(default)]
    pub(super) area: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ScoreDistribution {
    pub(super) score: String,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) classes: Vec<ClassScores>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ClassScores {
    pub(super) label: String,
    pub(super) counts: Vec<u64>,
}

impl Form {
    /// Reads an output; none if it does not have the form.
    pub(super) fn read(kind: ChartKind, value: &Value) -> Option<Self> {
        match kind {
            ChartKind::Gates => {
                let gates = Vec::<Gate>::deserialize(value).ok()?;
                (!gates.is_empty() && gates.iter().all(Gate::is_sound)).then_some(Self::Gates(gates))
            }
            ChartKind::ConfusionMatrix => {
                ConfusionMatrix::deserialize(value).ok().filter(ConfusionMatrix::is_sound).map(Self::ConfusionMatrix)
            }
            ChartKind::Roc => Roc::deserialize(value).ok().filter(Roc::is_sound).map(Self::Roc),
            ChartKind::ScoreDistribution => {
                let distribution = ScoreDistribution::deserialize(value).ok();
                distribution.filter(ScoreDistribution::is_sound).map(Self::ScoreDistribution)
            }
        }
    }
}

impl Gate {
    fn is_sound(&self) -> bool {
        self.at_least.is_some() != self.at_most.is_some()
    }

    pub(super) fn limit(&self) -> Limit {
        match (self.at_least, self.at_most) {
            (Some(limit), _) => Limit::AtLeast(limit),
            (None, limit) => Limit::AtMost(limit.unwrap_or_default()),
        }
    }

    /// As `at least 0.9`.
    pub(super) fn wanted(&self) -> String {
        match self.limit() {
            Limit::AtLeast(limit) => format!("at least {limit}"),
            Limit::AtMost(limit) => format!("at most {limit}"),
        }
    }

    /// The value, as exactly as the verdict needs.
    pub(super) fn value_text(&self) -> String {
        match self.value {
            None => "-".to_owned(),
            Some(value) if self.passed => short(value),
            Some(value) => beyond(value, self.limit().number()).0,
        }
    }

    /// As `passed`, or `missed: 0.03 too low`.
    pub(super) fn verdict(&self) -> String {
        if self.passed { "passed".to_owned() } else { format!("missed: {}", self.why()) }
    }

    /// What a gate that was missed has to say.
    pub(super) fn complaint(&self) -> Option<String> {
        let (metric, wanted) = (&self.metric, self.wanted());
        let text = match self.value {
            _ if self.passed => return None,
            Some(_) => format!("{metric} {} is not {wanted} ({})", self.value_text(), self.why()),
            None => format!("{metric} should be {wanted}, but {}", self.why()),
        };
        Some(text)
    }

    fn why(&self) -> String {
        let Some(value) = self.value else {
            return self.reason.clone().unwrap_or_else(|| "it has no value".to_owned());
        };
        let limit = self.limit().number();
        format!("{} too {}", beyond(value, limit).1, if value < limit { "low" } else { "high" })
    }
}

impl Limit {
    pub(super) fn number(self) -> f64 {
        match self {
            Self::AtLeast(limit) | Self::AtMost(limit) => limit,
        }
    }
}

impl ConfusionMatrix {
    fn is_sound(&self) -> bool {
        let labels = self.labels.len();
        let is_row = |row: &Vec<f64>| row.len() == labels && row.iter().all(|count| *count >= 0.0);
        (1..=MAX_CLASSES).contains(&labels) && self.values.len() == labels && self.values.iter().all(is_row)
    }
}

impl Roc {
    fn is_sound(&self) -> bool {
        let is_rate = |rate: &f64| (0.0..=1.0).contains(rate);
        let mut rates = self.points.iter().chain(&self.chosen).flatten();
        (2..=MAX_POINTS).contains(&self.points.len()) && rates.all(is_rate)
    }
}

impl ScoreDistribution {
    fn is_sound(&self) -> bool {
        let bars = self.classes.first().map_or(0, |class| class.counts.len());
        let is_even = self.classes.iter().all(|class| class.counts.len() == bars);
        self.from < self.to
            && (1..=MAX_POINTS).contains(&bars)
            && (1..=MAX_CLASSES).contains(&self.classes.len())
            && is_even
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gate(value: Value) -> Gate {
        Gate::deserialize(value).unwrap()
    }

    #[test]
    fn a_missed_gate_says_by_how_much() {
        let low = gate(json!({"metric": "area_under_roc", "at_least": 0.9, "value": 0.87, "passed": false}));
        let high = gate(json!({"metric": "log_loss", "at_most": 0.5, "value": 0.75, "passed": false}));
        let none =
            gate(json!({"metric": "r2", "at_least": 0.5, "value": null, "passed": false, "reason": "of one row"}));

        assert_eq!(low.complaint().unwrap(), "area_under_roc 0.87 is not at least 0.9 (0.03 too low)");
        assert_eq!(high.complaint().unwrap(), "log_loss 0.75 is not at most 0.5 (0.25 too high)");
        assert_eq!(none.complaint().unwrap(), "r2 should be at least 0.5, but of one row");
        assert_eq!((low.verdict(), none.verdict()), ("missed: 0.03 too low".into(), "missed: of one row".into()));
    }

    #[test]
    fn what_does_not_have_its_form_is_not_drawn() {
        let wrong = [
            (ChartKind::Gates, json!([{"metric": "m", "value": 1, "passed": true}])),
            (ChartKind::Gates, json!([])),
            (ChartKind::ConfusionMatrix, json!({"labels": [0, 1], "values": [[1, 2]]})),
            (ChartKind::ConfusionMatrix, json!({"labels": vec![0; 31], "values": vec![vec![0; 31]; 31]})),
            (ChartKind::Roc, json!({"positive": "1", "points": [[0, 0], [2, 1]]})),
            (ChartKind::ScoreDistribution, json!({"score": "s", "from": 1, "to": 1, "classes": []})),
        ];
        for (kind, value) in wrong {
            assert!(Form::read(kind, &value).is_none(), "{value}");
        }
    }
}
