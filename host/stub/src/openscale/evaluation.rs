//! An evaluation: feedback rows in, quality metrics out.

use serde_json::{Value, json};

use crate::metrics::{self, Confusion, Observations, Quality};
use crate::world::World;

use super::data_sets::FEEDBACK;
use super::instances::MonitorInstance;
use super::records::{PREDICTION, PROBABILITY};
use super::stored::Stored;
use super::subscription_body::ProblemType;
use super::subscriptions::Subscription;

/// What the service asks for if nothing else is set.
const DEFAULT_MINIMUM: u64 = 10;

/// What an evaluation found.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) records: usize,
    pub(super) quality: Quality,
    feedback_id: String,
}

/// Why there is none: code and message.
pub(super) type Failure = (&'static str, String);

/// Evaluates the feedback that is in by now. With too little of it the run fails; what the service does is not known.
pub(super) fn evaluate(world: &World, instance: &MonitorInstance) -> Result<Evaluation, Failure> {
    let target_id = &instance.request.target.target_id;
    let subscription =
        world.subscriptions.get(target_id).ok_or(("AIQST2001E", "the subscription is gone".to_owned()))?;
    let feedback = world.data_sets.iter().find(|(_, one)| one.kind == FEEDBACK && one.target_id == *target_id);
    let (feedback_id, feedback) = feedback.ok_or(("AIQST2001E", "there is no feedback data set".to_owned()))?;
    let minimum = instance.parameter("min_feedback_data_size").unwrap_or(DEFAULT_MINIMUM);
    if (feedback.rows.len() as u64) < minimum {
        let message = format!("there are {} feedback records, {minimum} are needed", feedback.rows.len());
        return Err(("AIQST2002E", message));
    }
    let most = instance.parameter("max_rows_per_evaluation").and_then(|most| usize::try_from(most).ok());
    let first = feedback.rows.len().saturating_sub(most.unwrap_or(usize::MAX));
    let rows = &feedback.rows[first..];
    let quality = metrics::evaluate(problem(subscription), &observations(rows, subscription));
    let quality = quality.map_err(|reason| ("AIQST2003E", reason))?;
    Ok(Evaluation { records: rows.len(), quality, feedback_id: feedback_id.to_owned() })
}

fn problem(subscription: &Subscription) -> metrics::Problem {
    match subscription.body.asset.problem_type {
        Some(ProblemType::Multiclass) => metrics::Problem::Multiclass,
        Some(ProblemType::Regression) => metrics::Problem::Regression,
        Some(ProblemType::Binary) | None => metrics::Problem::Binary,
    }
}

fn observations(rows: &[Stored], subscription: &Subscription) -> Observations {
    let label = subscription.body.asset_properties.label_column.as_deref().unwrap_or_default();
    let column = |name: &str| rows.iter().map(|row| row.get(name).unwrap_or_default()).collect();
    let probabilities = |row: &Stored| row.get(PROBABILITY)?.as_array()?.iter().map(Value::as_f64).collect();
    Observations {
        actual: column(label),
        predicted: column(PREDICTION),
        probabilities: rows.iter().map(probabilities).collect(),
    }
}

impl Evaluation {
    /// The confusion matrix as a run and a measurement show it.
    pub(super) fn confusion(&self) -> Option<Value> {
        let confusion = self.quality.confusion.as_ref()?;
        let href = format!("/v2/data_sets/{}/records", self.feedback_id);
        let each = |of: fn(&Confusion, usize) -> f64| {
            (0..confusion.labels.len()).map(|at| of(confusion, at)).collect::<Vec<_>>()
        };
        let recall = each(Confusion::true_positive_rate);
        Some(json!({
            "labels": confusion.labels, "values": confusion.counts, "total_records_processed": self.records,
            "metrics_per_label": {
                "true_positive_rate_per_label": recall, "recall_per_label": recall,
                "false_positive_rate_per_label": each(Confusion::false_positive_rate),
                "precision_per_label": each(Confusion::precision),
            },
            "feedback_records_href": href, "feedback_records_filter_href": format!("{href}?filter="),
        }))
    }
}
