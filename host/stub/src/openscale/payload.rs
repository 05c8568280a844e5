//! Payload logging: scoring requests with their answers, sent by a client or logged by the service itself.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::moment;
use crate::site::Site;
use crate::wml::{Rows, Scores, Servable};
use crate::world::World;

use super::data_sets::{PAYLOAD, Row};
use super::rows;
use super::subscriptions::Subscription;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    request: Value,
    response: Value,
    scoring_id: Option<String>,
    scoring_timestamp: Option<String>,
    asset_revision: Option<String>,
    #[serde(rename = "response_time")]
    _response_time: Option<f64>,
    #[serde(rename = "multiple_records")]
    _multiple_records: Option<bool>,
    #[serde(rename = "user_id")]
    _user_id: Option<String>,
}

/// The rows of payload records: features beside predictions.
pub(super) fn from_json(body: &Value, subscription: &Subscription) -> Result<Vec<Row>, String> {
    let records = body.as_array().ok_or("the body is not an array of payload records")?;
    let mut all = Vec::new();
    for record in records {
        let record: Record = Record::deserialize(record).map_err(|error| error.to_string())?;
        let asked = tables(&record.request, "input_data")?;
        let answered = tables(&record.response, "predictions")?;
        check(&asked, subscription.features().iter().map(String::as_str), "`request`")?;
        check(&answered, outputs(subscription), "`response`")?;
        if asked.len() != answered.len() {
            return Err(format!("`request` has {} rows, `response` {}", asked.len(), answered.len()));
        }
        if let Some(at) = record.scoring_timestamp.as_deref().filter(|at| moment::read(at).is_none()) {
            return Err(format!("`scoring_timestamp` is `{at}`, not a point in time"));
        }
        let id = record.scoring_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let at = record.scoring_timestamp.unwrap_or_else(moment::now);
        let mut rows: Vec<Row> = asked
            .into_iter()
            .zip(answered)
            .map(|(asked, answered)| asked.into_iter().chain(answered).collect())
            .collect();
        add_ids(&mut rows, &id, &at, record.asset_revision.as_deref(), subscription);
        all.extend(rows);
    }
    Ok(all)
}

fn outputs(subscription: &Subscription) -> impl Iterator<Item = &str> {
    let properties = &subscription.body.asset_properties;
    properties.prediction_field.iter().chain(properties.probability_fields.iter().flatten()).map(String::as_str)
}

/// The rows of a table, or of the tables in the form that Watson Machine Learning uses.
fn tables(side: &Value, member: &str) -> Result<Vec<Row>, String> {
    match side.get(member).map(|tables| tables.as_array().ok_or_else(|| format!("`{member}` is not an array"))) {
        None => rows::from_table(side),
        Some(tables) => Ok(tables?.iter().map(rows::from_table).collect::<Result<Vec<_>, _>>()?.concat()),
    }
}

fn check<'a>(rows: &[Row], fields: impl Iterator<Item = &'a str>, side: &str) -> Result<(), String> {
    let first = rows.first().ok_or_else(|| format!("{side} has no rows"))?;
    match fields.into_iter().find(|field| !first.contains_key(*field)) {
        Some(missing) => Err(format!("{side} lacks the field `{missing}`")),
        None => Ok(()),
    }
}

/// A request of several rows gets an id per row, `<scoring_id>-1` and so on.
fn add_ids(rows: &mut [Row], id: &str, at: &str, revision: Option<&str>, subscription: &Subscription) {
    let several = rows.len() > 1;
    for (number, row) in rows.iter_mut().enumerate() {
        let own = if several { format!("{id}-{}", number + 1) } else { id.to_owned() };
        row.insert("scoring_id".into(), json!(own));
        row.insert("scoring_timestamp".into(), json!(at));
        row.insert("deployment_id".into(), json!(subscription.body.deployment.deployment_id));
        row.insert("asset_revision".into(), json!(revision));
    }
}

/// Logs a scoring request of a subscribed deployment as the service does by itself, for production providers only.
pub(crate) fn log(site: &Site, deployment_id: &str, servable: &Servable, rows: Rows, transaction: Option<&str>) {
    if subscribed(&site.world(), deployment_id).is_none() {
        return;
    }
    let Ok(scores) = servable.scores(rows) else { return };
    let mut world = site.world();
    let Some(subscription_id) = subscribed(&world, deployment_id) else { return };
    let Some(subscription) = world.subscriptions.get(&subscription_id) else { return };
    let mut logged = beside(rows, scores, subscription);
    let id = transaction.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    add_ids(&mut logged, &id, &moment::now(), None, subscription);
    let payload = world.data_sets.iter_mut().find(|(_, one)| one.kind == PAYLOAD && one.target_id == subscription_id);
    if let Some((_, payload)) = payload {
        payload.receive(Ok(logged), site.settle());
    }
}

fn subscribed(world: &World, deployment_id: &str) -> Option<String> {
    let (id, subscription) =
        world.subscriptions.iter().find(|(_, one)| one.body.deployment.deployment_id == deployment_id)?;
    let provider = world.providers.get(subscription.provider_id())?;
    (provider.is_production() && subscription.life.is_active()).then(|| id.to_owned())
}

fn beside(rows: Rows, scores: Scores, subscription: &Subscription) -> Vec<Row> {
    let properties = &subscription.body.asset_properties;
    let fields = rows.fields.unwrap_or_else(|| subscription.features());
    let mut logged: Vec<Row> =
        rows.values.iter().map(|row| fields.iter().cloned().zip(row.iter().cloned()).collect()).collect();
    let mut add = |field: Option<&String>, values: Vec<Value>| {
        let Some(field) = field else { return };
        for (row, value) in logged.iter_mut().zip(values) {
            row.insert(field.clone(), value);
        }
    };
    add(properties.prediction_field.as_ref(), scores.predictions);
    add(properties.probability_fields.iter().flatten().next(), scores.probabilities.unwrap_or_default());
    logged
}
