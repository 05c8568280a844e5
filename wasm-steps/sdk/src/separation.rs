//! How the probabilities of a classifier separate its classes: the curve and the counts that reports draw. Rows stream
//! through; what is kept does not grow with them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Prediction, json};

/// Most classes that are told apart: a chart of more says nothing.
const MAX_CLASSES: usize = 20;

/// Bars of a distribution.
const BARS: usize = 20;

/// Points of a curve beside its two ends.
const MAX_POINTS: usize = 98;

/// Places of a score from 0 to one half, see [`place`].
const HALF: usize = 0x3f00;

/// How often which share of the negative and of the positive rows is taken for positive, threshold by threshold
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct RocCurve {
    /// The class that is found
    pub positive: String,
    /// False positive rate and true positive rate, from the highest threshold to the lowest
    pub points: Vec<[f64; 2]>,
    /// The same rates of the predicted labels
    pub chosen: [f64; 2],
    /// Area under the curve
    pub area: f64,
}

/// How often which score was given, class by class
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ScoreDistribution {
    /// What the score is
    pub score: String,
    /// Lowest score that is counted
    pub from: f64,
    /// Highest score that is counted
    pub to: f64,
    /// The classes, in the model's order
    pub classes: Vec<ClassScores>,
}

/// The scores of the rows of a class
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ClassScores {
    /// The class
    pub label: String,
    /// Rows by their score, in parts of the whole range that are equally wide
    pub counts: Vec<u64>,
}

/// Labelled rows and what was answered to them, summed up.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Classes of the model; 0 before the first row.
    classes: usize,
    /// What was met as a label or as a prediction, in the order of its coming.
    labels: Vec<Label>,
    /// Whether rows came that fit no chart.
    is_off: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Label {
    text: String,
    /// The prediction that is the same, once there was one.
    value: Option<Value>,
    /// By class: rows that were predicted to have the label, and in which that class was the likeliest.
    likeliest: Vec<u64>,
    /// Rows of the label by what was predicted: the place of that among the labels.
    predicted: Vec<u64>,
    /// Rows of the label by class and by the class's probability.
    bars: Vec<[u64; BARS]>,
    /// Rows of the label by the last class's probability, of two classes; finer.
    scores: Vec<u64>,
}

impl Separation {
    /// Adds a labelled row. Answers without probabilities, as those of a regression, separate nothing.
    pub fn add(&mut self, label: &str, prediction: &Prediction) {
        let probabilities = &prediction.probabilities;
        if self.classes == 0 {
            self.classes = probabilities.len();
        }
        let is_fit = (2..=MAX_CLASSES).contains(&self.classes) && probabilities.len() == self.classes;
        self.is_off |= !is_fit;
        let places = if self.is_off { None } else { self.place_of(label).zip(self.place_of_value(&prediction.value)) };
        let Some((actual, predicted)) = places else {
            self.is_off = true;
            self.labels.clear();
            return;
        };
        let mut likeliest = 0;
        for (class, probability) in probabilities.iter().enumerate() {
            self.labels[actual].bars[class][bar(*probability)] += 1;
            if *probability > probabilities[likeliest] {
                likeliest = class;
            }
        }
        if let [_, score] = probabilities[..] {
            self.labels[actual].scores[place(score)] += 1;
        }
        self.labels[predicted].likeliest[likeliest] += 1;
        let by_prediction = &mut self.labels[actual].predicted;
        if by_prediction.len() <= predicted {
            by_prediction.resize(predicted + 1, 0);
        }
        by_prediction[predicted] += 1;
    }

    /// Adds what others have summed up of other rows.
    pub fn merge(&mut self, other: &Self) {
        if self.classes == 0 {
            self.classes = other.classes;
        }
        self.is_off |= other.is_off || (other.classes != 0 && other.classes != self.classes);
        let places: Option<Vec<usize>> = other.labels.iter().map(|label| self.place_of(&label.text)).collect();
        let Some(places) = places.filter(|_| !self.is_off) else {
            self.is_off = true;
            self.labels.clear();
            return;
        };
        for (from, &place) in other.labels.iter().zip(&places) {
            let label = &mut self.labels[place];
            label.value = label.value.take().or_else(|| from.value.clone());
            sum(&mut label.likeliest, &from.likeliest);
            sum(&mut label.scores, &from.scores);
            for (bars, more) in label.bars.iter_mut().zip(&from.bars) {
                sum(bars, more);
            }
            for (&predicted, count) in places.iter().zip(&from.predicted) {
                if label.predicted.len() <= predicted {
                    label.predicted.resize(predicted + 1, 0);
                }
                label.predicted[predicted] += count;
            }
        }
    }

    /// The curve; only two classes that both have rows have one.
    pub fn roc_curve(&self) -> Option<RocCurve> {
        let order = self.in_order()?;
        let ([(_, negative), (_, positive)], 2) = (order.as_slice(), self.classes) else { return None };
        let (negative, positive) = (*negative, *positive);
        let (negatives, positives) = (&self.labels[negative], &self.labels[positive]);
        let (below, above) = (negatives.rows() as f64, positives.rows() as f64);
        if negatives.rows() == 0 || positives.rows() == 0 {
            return None;
        }
        let rate = |of: &Label, all: f64| of.predicted.get(positive).copied().unwrap_or(0) as f64 / all;
        let chosen = [rate(negatives, below), rate(positives, above)];
        let (mut points, mut area, mut latest, mut counts) = (vec![[0.0; 2]], 0.0, [0.0; 2], [0; 2]);
        for place in (0..=2 * HALF).rev() {
            let (false_ones, true_ones) = (negatives.scores[place], positives.scores[place]);
            if false_ones + true_ones == 0 {
                continue;
            }
            counts = [counts[0] + false_ones, counts[1] + true_ones];
            let point = [counts[0] as f64 / below, counts[1] as f64 / above];
            area += (point[0] - latest[0]) * f64::midpoint(point[1], latest[1]);
            latest = point;
            // The whole way from corner to corner is 2 long, so these are never more.
            let kept = points[points.len() - 1];
            if point[0] - kept[0] + point[1] - kept[1] >= 2.0 / MAX_POINTS as f64 {
                add(&mut points, point);
            }
        }
        if points.last() != Some(&[1.0; 2]) {
            add(&mut points, [1.0; 2]);
        }
        Some(RocCurve { positive: positives.text.clone(), points, chosen, area })
    }

    /// The distribution: of two classes, of the last one's probability; of more, of each row's own class's.
    pub fn score_distribution(&self) -> Option<ScoreDistribution> {
        let order = self.in_order()?;
        let (score, last) = match order[..] {
            [_, (class, positive)] if self.classes == 2 => {
                (format!("probability of {}", self.labels[positive].text), Some(class))
            }
            _ => ("probability of the row's own class".to_owned(), None),
        };
        let classes = order.iter().map(|(class, label)| {
            let label = &self.labels[*label];
            ClassScores { label: label.text.clone(), counts: label.bars[last.unwrap_or(*class)].to_vec() }
        });
        Some(ScoreDistribution { score, from: 0.0, to: 1.0, classes: classes.collect() })
    }

    /// Class and label, by their places, in the order of the classes; none if a label's class cannot be told. Where the
    /// likeliest class is what is predicted, the predictions tell it; the only class that is never predicted has the only
    /// label that is left.
    fn in_order(&self) -> Option<Vec<(usize, usize)>> {
        let most = |class: usize| {
            let labels = (0..self.labels.len()).filter(|label| self.labels[*label].likeliest[class] > 0);
            labels.max_by_key(|label| self.labels[*label].likeliest[class])
        };
        let mut order: Vec<Option<usize>> = (0..self.classes).map(most).collect();
        let rest: Vec<usize> = (0..self.labels.len()).filter(|label| !order.contains(&Some(*label))).collect();
        let mut open = order.iter_mut().filter(|label| label.is_none());
        if let ([label], Some(open), None) = (&rest[..], open.next(), open.next()) {
            *open = Some(*label);
        }
        let order: Vec<_> = order.into_iter().enumerate().filter_map(|(class, label)| Some((class, label?))).collect();
        let is_complete = (0..self.labels.len()).all(|label| order.iter().any(|(_, known)| *known == label));
        (order.len() >= 2 && order.len() == self.labels.len() && is_complete).then_some(order)
    }

    /// The same for a prediction. Its text is made once: there are many rows, and few labels.
    fn place_of_value(&mut self, value: &Value) -> Option<usize> {
        if let Some(known) = self.labels.iter().position(|label| label.value.as_ref() == Some(value)) {
            return Some(known);
        }
        let text = value.as_str().map_or_else(|| json::write(value), str::to_owned);
        let place = self.place_of(&text)?;
        self.labels[place].value = Some(value.clone());
        Some(place)
    }

    /// The place of a label among those that are known; none if there are too many.
    fn place_of(&mut self, text: &str) -> Option<usize> {
        // As feedback takes them: tools that know no empty integers write whole numbers as `1.0`.
        let text = match text {
            "True" | "TRUE" => "true",
            "False" | "FALSE" => "false",
            other => other.strip_suffix(".0").unwrap_or(other),
        };
        let known = self.labels.iter().position(|label| label.text == text);
        if known.is_some() || self.labels.len() == MAX_CLASSES {
            return known;
        }
        self.labels.push(Label {
            text: text.to_owned(),
            value: None,
            likeliest: vec![0; self.classes],
            predicted: Vec::new(),
            bars: vec![[0; BARS]; self.classes],
            scores: if self.classes == 2 { vec![0; 2 * HALF + 1] } else { Vec::new() },
        });
        Some(self.labels.len() - 1)
    }
}

impl Label {
    /// Rows that have the label.
    fn rows(&self) -> u64 {
        self.predicted.iter().sum()
    }
}

fn sum(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
}

/// Adds a point to a curve; one that only lies on the way to it, straight up or straight on, is left out.
fn add(points: &mut Vec<[f64; 2]>, point: [f64; 2]) {
    let is_same = |one: f64, other: f64| one.total_cmp(&other).is_eq();
    if let [.., before, latest] = points[..]
        && (0..2).any(|axis| is_same(before[axis], latest[axis]) && is_same(latest[axis], point[axis]))
    {
        points.pop();
    }
    points.push(point);
}

/// The bar of a probability.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to the number of bars")]
fn bar(probability: f64) -> usize {
    ((within(probability) * BARS as f64) as usize).min(BARS - 1)
}

/// Where a score is counted. Scores crowd at both ends, so the places are finer there: within one, scores differ by less
/// than a hundredth of their distance from the nearer end.
fn place(score: f64) -> usize {
    // The upper half of single precision's bits: from 0 to 0.5 they rise from 0 to `HALF`.
    #[expect(clippy::cast_possible_truncation, reason = "single precision is as fine as the models are")]
    let from_end = |distance: f64| ((distance as f32).to_bits() >> 16) as usize;
    let score = within(score);
    if score <= 0.5 { from_end(score) } else { 2 * HALF - from_end(1.0 - score) }
}

/// A probability; what is none counts as the nearest one, NaN as 0.
fn within(score: f64) -> f64 {
    if score > 0.0 { score.min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(rows: &[(&str, Value, &[f64])]) -> Separation {
        let mut separation = Separation::default();
        for (label, value, probabilities) in rows {
            separation.add(label, &Prediction { value: value.clone(), probabilities: probabilities.to_vec() });
        }
        separation
    }

    /// Rows with this label and this score of class `1`.
    fn binary(rows: &[(&str, f64)]) -> Separation {
        let mut separation = Separation::default();
        for (label, score) in rows {
            let value = json!(i32::from(*score > 0.5));
            separation.add(label, &Prediction { value, probabilities: vec![1.0 - score, *score] });
        }
        separation
    }

    #[test]
    fn the_curve_is_that_of_every_threshold() {
        // Thresholds 0.9, 0.8, 0.7, 0.6: the example of scikit-learn's `roc_auc_score`, with an area of 0.75.
        let curve = binary(&[("0", 0.1), ("0", 0.4), ("1", 0.35), ("1", 0.8)]).roc_curve().unwrap();

        assert_eq!(curve.positive, "1");
        assert_eq!(curve.points, [[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]]);
        assert_eq!(curve.chosen.to_vec(), [0.0, 0.5]);
        assert!((curve.area - 0.75).abs() < 1e-12, "{}", curve.area);
    }

    #[test]
    fn rows_of_the_same_score_are_one_step_of_the_curve() {
        let curve = binary(&[("0", 0.6), ("1", 0.6)]).roc_curve().unwrap();

        assert_eq!((curve.points, curve.area), (vec![[0.0, 0.0], [1.0, 1.0]], 0.5));
    }

    #[test]
    fn a_straight_part_of_the_curve_is_its_two_ends() {
        let rows: Vec<_> = (1..20u32).map(|n| (if n > 10 { "1" } else { "0" }, f64::from(n) / 20.0)).collect();

        assert_eq!(binary(&rows).roc_curve().unwrap().points, [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    }

    #[test]
    fn scores_close_to_either_end_are_told_apart() {
        let close = [1e-9, 2e-9, 1e-5, 1e-3, 0.5, 0.999, 0.99999, 1.0 - 2e-9, 1.0 - 1e-9];

        assert!(close.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
        assert_eq!((place(0.0), place(0.5), place(1.0)), (0, HALF, 2 * HALF));
        assert_eq!((place(-1.0), place(2.0), place(f64::NAN)), (0, 2 * HALF, 0));
    }

    #[test]
    fn a_million_rows_make_no_more_than_a_hundred_points() {
        let rows: Vec<_> = (0..1_000_000u32)
            .map(|n| {
                let score = f64::from(n.wrapping_mul(2_654_435_761)) / f64::from(u32::MAX);
                // Positive with the probability that the score says: the area is then 5/6.
                let chance = f64::from(n.wrapping_mul(40_503).wrapping_mul(2_246_822_519)) / f64::from(u32::MAX);
                (if chance < score { "1" } else { "0" }, score)
            })
            .collect();
        let separation = binary(&rows);

        let curve = separation.roc_curve().unwrap();
        assert!((50..=100).contains(&curve.points.len()), "{}", curve.points.len());
        assert!((curve.area - 5.0 / 6.0).abs() < 0.01, "{}", curve.area);
        let counts = |class: &ClassScores| class.counts.iter().sum::<u64>();
        assert_eq!(separation.score_distribution().unwrap().classes.iter().map(counts).sum::<u64>(), 1_000_000);
    }

    #[test]
    fn two_classes_are_counted_by_the_last_ones_probability() {
        let distribution = binary(&[("0", 0.0), ("0", 0.051), ("1", 0.99), ("1", 1.0)]).score_distribution().unwrap();

        assert_eq!(distribution.score, "probability of 1");
        let counts = |at: usize| distribution.classes[at].counts.clone();
        let filled = |counts: Vec<u64>| counts.into_iter().enumerate().filter(|(_, n)| *n > 0).collect::<Vec<_>>();
        assert_eq!((filled(counts(0)), filled(counts(1))), (vec![(0, 1), (1, 1)], vec![(19, 2)]));
    }

    #[test]
    fn the_predictions_tell_which_label_is_which_class() {
        let separation = of(&[
            ("setosa", json!("setosa"), &[0.1, 0.8, 0.1]),
            ("virginica", json!("virginica"), &[0.9, 0.05, 0.05]),
            ("versicolor", json!("versicolor"), &[0.2, 0.2, 0.6]),
            ("versicolor", json!("setosa"), &[0.1, 0.5, 0.4]),
        ]);

        let distribution = separation.score_distribution().unwrap();
        let labels: Vec<_> = distribution.classes.iter().map(|class| class.label.as_str()).collect();
        assert_eq!(labels, ["virginica", "setosa", "versicolor"]);
        assert_eq!(distribution.score, "probability of the row's own class");
        assert_eq!((distribution.classes[2].counts[8], distribution.classes[2].counts[12]), (1, 1));
        assert_eq!(separation.roc_curve(), None);
    }

    #[test]
    fn a_class_that_is_never_predicted_has_the_label_that_is_left() {
        let separation = binary(&[("0", 0.1), ("1.0", 0.3), ("0", 0.2)]);

        let curve = separation.roc_curve().unwrap();
        assert_eq!((curve.positive.as_str(), curve.area, curve.chosen), ("1", 1.0, [0.0, 0.0]));
    }

    #[test]
    fn what_was_summed_up_apart_is_the_same_together() {
        let rows = [
            ("1", json!(1), [0.2, 0.8]),
            ("0", json!(0), [0.9, 0.1]),
            ("0.0", json!(1), [0.4, 0.6]),
            ("1", json!(0), [0.7, 0.3]),
            ("0", json!(0), [0.8, 0.2]),
        ];
        let sum = |range: std::ops::Range<usize>| {
            let rows: Vec<_> =
                rows[range].iter().map(|(label, value, scores)| (*label, value.clone(), &scores[..])).collect();
            of(&rows)
        };
        let all = sum(0..5);
        for middle in 0..=5 {
            let mut merged = Separation::default();
            for part in [sum(0..middle), sum(middle..5)] {
                let written = serde_json::to_vec(&part).unwrap();
                merged.merge(&serde_json::from_slice(&written).unwrap());
            }
            assert_eq!((merged.roc_curve(), merged.score_distribution()), (all.roc_curve(), all.score_distribution()));
        }
        let mut off = sum(0..5);
        off.merge(&of(&[("1.5", json!(1.4), &[])]));
        assert_eq!(off.roc_curve(), None);
    }

    #[test]
    fn what_separates_nothing_has_no_charts() {
        let many: Vec<_> = (0..30).map(|n| (n.to_string(), json!(0))).collect();
        let many: Vec<_> = many.iter().map(|(label, value)| (label.as_str(), value.clone(), &[0.5, 0.5][..])).collect();
        for (name, separation) in [
            ("no rows", of(&[])),
            ("a regression", of(&[("1.5", json!(1.4), &[])])),
            ("rows of one class", binary(&[("1", 0.9), ("1", 0.7)])),
            ("answers with other numbers of classes", of(&[("0", json!(0), &[0.9, 0.1]), ("0", json!(0), &[0.9])])),
            ("more labels than classes", of(&many)),
        ] {
            assert_eq!(separation.roc_curve(), None, "{name}");
            assert_eq!(separation.score_distribution(), None, "{name}");
        }
    }
}
