//! Data sets: the tables that records go to.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Outcome, Refusal, error_body};
use crate::call::Call;
use crate::life::Life;
use crate::moment;
use crate::site::Site;
use crate::table::Table;
use crate::world::World;

use super::schemas::{Field, Schema};
use super::stored::Stored;
use super::subscriptions::{self, Subscription};
use super::{allow, metadata};

pub(super) const FEEDBACK: &str = "feedback";
pub(super) const PAYLOAD: &str = "payload_logging";
/// Made with every subscription.
const DEFAULT: [&str; 4] = [PAYLOAD, "payload_logging_error", "manual_labeling", "model_health"];

/// A row of a data set.
pub(crate) type Row = Map<String, Value>;

/// A data set.
#[derive(Debug)]
pub(crate) struct DataSet {
    pub(crate) life: Life,
    pub(crate) target_id: String,
    pub(super) kind: &'static str,
    pub(super) rows: Vec<Stored>,
    requests: Table<Request>,
    data_mart_id: String,
    schema: Schema,
    created_at: String,
}

/// Records on their way into the data set.
#[derive(Debug)]
struct Request {
    due: Instant,
    received: Result<Vec<Row>, String>,
    done: bool,
}

impl DataSet {
    fn new(kind: &'static str, subscription_id: &str, subscription: &Subscription, settle: Duration) -> Self {
        Self {
            life: Life::starting(settle),
            target_id: subscription_id.to_owned(),
            kind,
            rows: Vec::new(),
            requests: Table::default(),
            data_mart_id: subscription.body.data_mart_id.clone(),
            schema: schema(kind, subscription),
            created_at: moment::now(),
        }
    }

    /// Takes records in; they can be read once they are due.
    pub(super) fn receive(&mut self, received: Result<Vec<Row>, String>, settle: Duration) -> String {
        let id = Uuid::new_v4().to_string();
        self.requests.insert(id.clone(), Request { due: Instant::now() + settle, received, done: false });
        id
    }

    /// Stores the records that are due, and tells whether there were any.
    pub(crate) fn receive_due(&mut self) -> bool {
        let (now, before) = (Instant::now(), self.rows.len());
        for (_, request) in self.requests.iter_mut().filter(|(_, request)| !request.done && request.due <= now) {
            request.done = true;
            if let Ok(rows) = &mut request.received {
                let at = moment::now().into();
                for row in std::mem::take(rows) {
                    self.rows.push(Stored::new(&row, &at, self.rows.last()));
                }
            }
        }
        self.rows.len() > before
    }

    /// What it is for, in the words of the protocol.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// How many records it has.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The first row, if this is where payload is logged.
    pub(crate) fn first_payload(&self) -> Option<Row> {
        self.rows.first().filter(|_| self.kind == PAYLOAD).map(Stored::values)
    }

    pub(super) fn request_status(&self, id: &str) -> Option<Value> {
        let request = self.requests.get(id)?;
        Some(match &request.received {
            _ if !request.done => json!({"state": "preparing"}),
            Ok(_) => json!({"state": "active"}),
            Err(reason) => json!({"state": "error", "failure": error_body("AIQST1002E", reason)}),
        })
    }

    fn present(&self, id: &str) -> Value {
        json!({
            "metadata": metadata("data_sets", id, &self.created_at, &self.created_at),
            "entity": {
                "data_mart_id": self.data_mart_id, "name": format!("{}_{}", self.target_id, self.kind), "type": self.kind,
                "target": {"target_type": "subscription", "target_id": self.target_id},
                "data_schema": self.schema, "schema_update_mode": "auto",
                "location": {"table_name": format!("{}_{}", self.kind, self.target_id)},
                "status": self.life.status(),
            },
        })
    }
}

/// What a data set of the kind holds: features and label, and what the service adds.
fn schema(kind: &str, subscription: &Subscription) -> Schema {
    let properties = &subscription.body.asset_properties;
    let column = |name: &String| subscription.field(name).cloned().unwrap_or_else(|| Field::new(name, json!("string")));
    let mut fields: Vec<Field> = subscription.features().iter().map(column).collect();
    let array = || json!({"type": "array", "elementType": "double", "containsNull": true});
    let mut add = |names: &[&str], kind: Value| fields.extend(names.iter().map(|name| Field::new(name, kind.clone())));
    match kind {
        FEEDBACK => {
            add(&["_original_prediction", "_debiased_prediction"], json!("double"));
            add(&["_original_probability", "_debiased_probability"], array());
            add(&["record_id", "transaction_id"], json!("string"));
            add(&["record_timestamp"], json!("timestamp"));
            fields.extend(properties.label_column.iter().map(column));
        }
        PAYLOAD => {
            add(&["scoring_id", "deployment_id", "asset_revision"], json!("string"));
            add(&["scoring_timestamp"], json!("timestamp"));
            fields.extend(properties.output_data_schema.iter().flat_map(|schema| schema.fields.clone()));
        }
        _ => fields.clear(),
    }
    let mut schema = Schema::of(fields);
    schema.assign_roles(properties);
    schema
}

/// Makes the data sets that come with a subscription; they show once it is active.
pub(super) fn create_default(world: &mut World, subscription_id: &str, subscription: &Subscription, settle: Duration) {
    for kind in DEFAULT {
        let data_set = DataSet::new(kind, subscription_id, subscription, settle);
        world.data_sets.insert(Uuid::new_v4().to_string(), data_set);
    }
}

/// The feedback data set of a subscription, made now if there is none: it comes with the quality monitor.
pub(super) fn ensure_feedback(world: &mut World, subscription_id: &str, settle: Duration) -> Result<String, Refusal> {
    let of_it = |one: &DataSet| one.kind == FEEDBACK && one.target_id == subscription_id;
    if let Some((id, _)) = world.data_sets.iter().find(|(_, one)| of_it(one)) {
        return Ok(id.to_owned());
    }
    let data_set = DataSet::new(FEEDBACK, subscription_id, subscriptions::find(world, subscription_id)?, settle);
    let id = Uuid::new_v4().to_string();
    world.data_sets.insert(id.clone(), data_set);
    Ok(id)
}

/// Whether clients can see a data set: those of a subscription that settles as an error never show.
fn shows(world: &World, data_set: &DataSet) -> bool {
    data_set.life.settled()
        && subscriptions::find(world, &data_set.target_id).is_ok_and(|one| one.life.state() != "error")
}

pub(super) fn find<'world>(world: &'world World, id: &str) -> Result<&'world DataSet, Refusal> {
    let found = world.data_sets.get(id).filter(|one| shows(world, one));
    found.ok_or_else(|| Refusal::unknown("data set", id))
}

/// `GET /v2/data_sets`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    allow(call, &["target.target_id", "target.target_type", "type", "managed_by"])?;
    let world = site.world();
    let wanted = |one: &DataSet| {
        call.lets("target.target_id", &one.target_id)
            && call.lets("target.target_type", "subscription")
            && call.lets("type", one.kind)
            && shows(&world, one)
    };
    let found = world.data_sets.iter().filter(|(_, one)| wanted(one));
    let data_sets: Vec<Value> = found.map(|(id, one)| one.present(id)).collect();
    Ok(Answer::ok(&json!({"data_sets": data_sets})))
}

/// `GET /v2/data_sets/{id}`.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let world = site.world();
    Ok(Answer::ok(&find(&world, call.id())?.present(call.id())))
}

/// `DELETE /v2/data_sets/{id}`.
pub(crate) fn delete(site: &Site, call: &Call) -> Outcome {
    allow(call, &["force"])?;
    call.flag("force")?;
    let mut world = site.world();
    find(&world, call.id())?;
    let found = world.data_sets.get_mut(call.id()).ok_or_else(|| Refusal::unknown("data set", call.id()))?;
    found.life.end("deleting", site.settle());
    Ok(Answer::accepted(&found.present(call.id())))
}

/// `POST /v2/subscriptions/{id}/tables/feedback`.
pub(crate) fn create_feedback_table(site: &Site, call: &Call) -> Outcome {
    allow(call, &[])?;
    let _: Row = call.json()?;
    let mut world = site.world();
    let id = ensure_feedback(&mut world, call.id(), site.settle())?;
    let found = world.data_sets.get(&id).ok_or_else(|| Refusal::unknown("data set", &id))?;
    Ok(Answer::accepted(&found.present(&id)))
}
