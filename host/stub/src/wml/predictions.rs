//! Scoring: rows in, the model's own answer out.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::openscale;
use crate::site::Site;

use super::deployments::State;
use super::serving::{Rows, Servable};

/// The body of a scoring request; other members are ignored, as the service does.
#[derive(Deserialize)]
struct Request {
    input_data: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "id")]
    _id: Option<String>,
    fields: Option<Vec<String>>,
    values: Vec<Vec<Value>>,
}

impl Entry {
    fn rows(&self) -> Rows<'_> {
        Rows { fields: self.fields.as_deref(), values: &self.values }
    }
}

/// `POST /ml/v4/deployments/{id}/predictions`, of an id or a serving name; it takes no `space_id`.
pub(crate) fn predict(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version"])?;
    let (id, servable) = ready(site, call)?;
    let request: Request = call.json()?;
    if request.input_data.is_empty() {
        return Err(Refusal::schema("`input_data` is empty"));
    }
    let mut predictions = Vec::new();
    for entry in &request.input_data {
        if entry.values.is_empty() {
            return Err(Refusal::schema("`values` is empty"));
        }
        predictions.extend(servable.answer(entry.rows()).map_err(Refusal::entity)?);
    }
    let transaction = call.headers.get("x-global-transaction-id").and_then(|value| value.to_str().ok());
    for entry in &request.input_data {
        openscale::log_payload(site, &id, &servable, entry.rows(), transaction);
    }
    Ok(Answer::ok(&json!({"predictions": predictions})))
}

fn ready(site: &Site, call: &Call) -> Result<(String, Arc<Servable>), Refusal> {
    let world = site.world();
    let name = call.id();
    let found =
        world.deployments.iter().find(|(id, deployment)| *id == name || deployment.serving_name() == Some(name));
    let (id, deployment) = found.ok_or_else(|| Refusal::unknown("deployment", name))?;
    if !deployment.is_online() {
        return Err(Refusal::entity(format!("deployment `{id}` is not online")));
    }
    match deployment.state() {
        State::Ready(servable) => Ok((id.to_owned(), servable)),
        State::Initializing => Err(Refusal::conflict(format!("deployment `{id}` is not ready"))),
        State::Failed(reason) => Err(Refusal::conflict(format!("deployment `{id}` has failed: {reason}"))),
    }
}
