//! Writing records: taken in at once, checked, and stored after a while.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Problem, Refusal};
use crate::call::Call;
use crate::site::Site;
use crate::wml::{Rows, Servable};

use super::data_sets::{self, FEEDBACK, PAYLOAD, Row};
use super::subscriptions::{self, Subscription};
use super::{allow, payload, rows};

/// A prediction that comes with the feedback row, so that nothing need be scored.
pub(super) const PREDICTION: &str = "_original_prediction";
/// The probabilities that come with it.
pub(super) const PROBABILITY: &str = "_original_probability";

/// `POST /v2/data_sets/{id}/records`. What is no JSON or CSV is refused at once; what does not fit the subscription is
/// told by the request's state, as the service works asynchronously.
pub(crate) fn create(site: &Site, call: &Call) -> Outcome {
    let parameters = [
        "header",
        "skip",
        "limit",
        "delimiter",
        "on_error",
        "csv_max_line_length",
        "is_historical_data",
        "split_to_multi_req",
    ];
    allow(call, &parameters)?;
    if call.body.len() > site.options.records_limit {
        let message = format!("the body has {} bytes, more than {}", call.body.len(), site.options.records_limit);
        return Err(Refusal::new(Problem::TooLarge, message));
    }
    let received = receive(site, call)?;
    let mut world = site.world();
    let data_set = world.data_sets.get_mut(call.id()).ok_or_else(|| Refusal::unknown("data set", call.id()))?;
    let id = data_set.receive(received, site.settle());
    Ok(Answer::accepted(&json!({"state": "preparing"})).at(format!("/v2/data_sets/{}/requests/{id}", call.id())))
}

/// `GET /v2/data_sets/{id}/requests/{request}`.
pub(crate) fn request(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    let status = data_sets::find(&world, call.id())?.request_status(call.param("request"));
    Ok(Answer::ok(&status.ok_or_else(|| Refusal::unknown("request", call.param("request")))?))
}

/// The rows to store, or why they are not; the lock is let go before the model scores.
fn receive(site: &Site, call: &Call) -> Result<Result<Vec<Row>, String>, Refusal> {
    let lenient = match call.query("on_error") {
        None | Some("stop") => false,
        Some("continue") => true,
        Some(other) => {
            return Err(Refusal::argument(format!(
                "query parameter `on_error` is `{other}`, not `stop` or `continue`"
            )));
        }
    };
    let (read, servable, truth) = {
        let world = site.world();
        let data_set = data_sets::find(&world, call.id())?;
        let subscription = subscriptions::find(&world, &data_set.target_id)?;
        let read = read(call, data_set.kind, subscription)?;
        if data_set.kind != FEEDBACK {
            return Ok(read);
        }
        let deployment = world.deployments.get(&subscription.body.deployment.deployment_id);
        (read, deployment.and_then(crate::wml::Deployment::ready), Truth::of(subscription))
    };
    Ok(read.and_then(|rows| truth.check(rows, lenient)).and_then(|rows| truth.score(rows, servable.as_ref())))
}

fn read(call: &Call, kind: &str, subscription: &Subscription) -> Result<Result<Vec<Row>, String>, Refusal> {
    if call.media_type().eq_ignore_ascii_case("text/csv") {
        let delimiter = call.query("delimiter").unwrap_or(",");
        if call.query("header") != Some("true") {
            return Err(Refusal::argument(
                "query parameter `header` is not `true`: the stub reads no CSV without a header",
            ));
        }
        let [delimiter] = delimiter.as_bytes() else {
            return Err(Refusal::argument(format!("query parameter `delimiter` is `{delimiter}`, not one character")));
        };
        return Ok(rows::from_csv(&call.body, *delimiter, subscription));
    }
    let body: Value = call.json()?;
    if !body.is_array() && !body.is_object() {
        return Err(Refusal::schema("the body is neither an array nor an object"));
    }
    Ok(if kind == PAYLOAD { payload::from_json(&body, subscription) } else { rows::from_json(&body) })
}

/// What feedback is checked against.
struct Truth {
    features: Vec<(String, Option<super::schemas::Field>)>,
    label: Option<String>,
}

impl Truth {
    fn of(subscription: &Subscription) -> Self {
        let features = subscription.features().iter();
        Self {
            features: features.map(|name| (name.clone(), subscription.field(name).cloned())).collect(),
            label: subscription.body.asset_properties.label_column.clone(),
        }
    }

    /// Rows that hold every feature and the label, of the right types; what does not is left out if that is wished.
    fn check(&self, rows: Vec<Row>, lenient: bool) -> Result<Vec<Row>, String> {
        let mut good = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            match self.check_row(&row) {
                Ok(()) => good.push(row),
                Err(_) if lenient => {}
                Err(reason) => return Err(format!("record {}: {reason}", number + 1)),
            }
        }
        Ok(good)
    }

    fn check_row(&self, row: &Row) -> Result<(), String> {
        for (name, field) in &self.features {
            let value = row.get(name).ok_or_else(|| format!("the feature `{name}` is missing"))?;
            if field.as_ref().is_some_and(|field| !value.is_null() && !field.takes(value)) {
                return Err(format!("the feature `{name}` does not take {value}"));
            }
        }
        let label = self.label.as_ref().ok_or("the subscription has no label column")?;
        match row.get(label) {
            None | Some(Value::Null) => Err(format!("the label `{label}` is missing")),
            Some(_) => Ok(()),
        }
    }

    /// The rows with a prediction each: their own, or the deployment's.
    fn score(&self, mut rows: Vec<Row>, servable: Option<&Arc<Servable>>) -> Result<Vec<Row>, String> {
        let unscored: Vec<usize> = (0..rows.len()).filter(|at| !rows[*at].contains_key(PREDICTION)).collect();
        if !unscored.is_empty() {
            let servable = servable.ok_or("the deployment cannot be scored")?;
            let fields: Vec<String> = self.features.iter().map(|(name, _)| name.clone()).collect();
            let values: Vec<Vec<Value>> =
                unscored.iter().map(|at| fields.iter().map(|field| rows[*at][field].clone()).collect()).collect();
            let scores = servable.scores(Rows { fields: Some(&fields), values: &values })?;
            for (at, prediction) in unscored.iter().zip(scores.predictions) {
                rows[*at].insert(PREDICTION.into(), prediction);
            }
            for (at, probability) in unscored.iter().zip(scores.probabilities.unwrap_or_default()) {
                rows[*at].insert(PROBABILITY.into(), probability);
            }
        }
        self.check_label_types(&rows)?;
        Ok(rows)
    }

    fn check_label_types(&self, rows: &[Row]) -> Result<(), String> {
        let Some(label) = &self.label else { return Ok(()) };
        for (number, row) in rows.iter().enumerate() {
            if row[label].is_number() != row[PREDICTION].is_number() {
                return Err(format!(
                    "record {}: the label {} has another type than the prediction {}",
                    number + 1,
                    row[label],
                    row[PREDICTION]
                ));
            }
        }
        Ok(())
    }
}
