//! Payload of a subscription: what a deployment was asked and what it answered. The service may log it by itself;
//! whether it does shows after the first answer.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::host::timestamp;
use crate::openscale::OperationalSpace;
use crate::table_text::{TableText, append};
use crate::{BatchRow, Failure, Host, Level, Prediction, Records};

/// How long a production service may take to log by itself. Its users look after 5 s.
const OWN_LOGGING: Duration = Duration::from_secs(8);

/// Who logged the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoggedBy {
    /// The service by itself
    Service,
    /// This step, as the service did not
    Step,
    /// Nobody, as no payload data set was named
    Nobody,
}

/// The column of the payload data set that tells which request a record came with.
pub const SCORING: &str = "scoring_id";

/// Payload on its way to a subscription's data set.
pub struct Payload<'a> {
    host: &'a dyn Host,
    space: OperationalSpace,
    fields: PayloadFields<'a>,
    records: Option<Records<'a>>,
    logged_by: Option<LoggedBy>,
}

impl<'a> Payload<'a> {
    /// Without a data set nobody logs.
    pub fn new(
        host: &'a dyn Host,
        space: OperationalSpace,
        fields: PayloadFields<'a>,
        records: Option<Records<'a>>,
    ) -> Self {
        let logged_by = records.is_none().then_some(LoggedBy::Nobody);
        Self { host, space, fields, records, logged_by }
    }

    /// Whether it is known who logs.
    pub fn is_decided(&self) -> bool {
        self.logged_by.is_some()
    }

    /// Logs a batch, if this step is to.
    pub fn log(&mut self, rows: &[BatchRow], predictions: &[Prediction], took: Duration) -> Result<(), Failure> {
        let Some(records) = &mut self.records else {
            return Ok(());
        };
        let logged_by = match self.logged_by {
            Some(known) => known,
            None => who_logs(records, self.space)?,
        };
        self.logged_by = Some(logged_by);
        if logged_by != LoggedBy::Step {
            return Ok(());
        }
        let scored: Vec<(&BatchRow, &Prediction)> = rows.iter().zip(predictions).collect();
        let (host, fields) = (self.host, self.fields);
        records.send(&scored, &|scored, id| fields.body(host, scored, id, took))
    }

    /// Waits until all is in; answers by how many records the data set grew, and who logged them.
    pub fn finish(self, rows: u64) -> Result<(u64, LoggedBy), Failure> {
        let logged_by = self.logged_by.unwrap_or(LoggedBy::Nobody);
        let grown = match (self.records, logged_by) {
            (Some(records), LoggedBy::Service) => {
                let grown = records.grown_within(OWN_LOGGING, rows)?;
                // Of the rows of several shards nobody knows whose the service has logged.
                if records.is_shared() { grown.min(rows) } else { grown }
            }
            (Some(records), LoggedBy::Step) => records.finish()?,
            _ => return Ok((0, logged_by)),
        };
        if grown < rows {
            self.host.log(Level::Warn, &format!("the service logged {grown} of {rows} rows as payload so far"));
        }
        Ok((grown, logged_by))
    }
}

/// Who logs, as it shows after the first answer.
fn who_logs(records: &Records<'_>, space: OperationalSpace) -> Result<LoggedBy, Failure> {
    let own_logging = if space == OperationalSpace::Production {
        OWN_LOGGING
    } else {
        // What has come is ours, if it cannot be told.
        records.must_tell()?;
        Duration::ZERO
    };
    Ok(if records.grown_within(own_logging, 1)? > 0 { LoggedBy::Service } else { LoggedBy::Step })
}

/// Names of what is in a payload record.
#[derive(Debug, Clone, Copy)]
pub struct PayloadFields<'a> {
    /// The features, which are the first cells of a row.
    pub features: &'a [String],
    /// The prediction.
    pub prediction: &'a str,
    /// The probabilities; left out where the deployment answers none.
    pub probability: &'a str,
}

impl PayloadFields<'_> {
    /// The body with the record of some rows that were scored just now, in `took`. The answer has the subscription's field
    /// names, in whatever shape it came.
    fn body(&self, host: &dyn Host, scored: &[(&BatchRow, &Prediction)], id: &str, took: Duration) -> Vec<u8> {
        let plain = scored.iter().all(|(_, prediction)| prediction.probabilities.is_empty());
        let fields = if plain { vec![self.prediction] } else { vec![self.prediction, self.probability] };
        let (mut request, mut response) = (TableText::new(self.features), TableText::new(&fields));
        for (row, prediction) in scored {
            request.row(&row.features, &[]);
            if plain {
                response.row(b"", &[&prediction.value]);
            } else {
                response.row(b"", &[&prediction.value, &prediction.probabilities.as_slice().into()]);
            }
        }
        let mut body = b"[{\"request\":".to_vec();
        body.extend(request.end());
        body.extend(b",\"response\":");
        body.extend(response.end());
        for (name, value) in [
            ("scoring_id", json!(id)),
            ("scoring_timestamp", json!(timestamp(host.now()))),
            ("multiple_records", json!(true)),
        ] {
            body.push(b',');
            append(&mut body, name);
            body.push(b':');
            append(&mut body, &value);
        }
        // Always as long, for a later try must cut the records into the same requests.
        body.extend(format!(",\"response_time\":{:>20}}}]", took.as_millis().min(u64::MAX.into())).as_bytes());
        body
    }
}
