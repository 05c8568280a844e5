//! The data sets of the subscription, which the service makes in its own time.

use crate::openscale::{InstanceId, SERVICE, id_of, states};
use crate::pages::list;
use crate::wait::Status;
use crate::{Deadline, Failure, Host, Poll, Request, until};
use serde_json::Value;

/// The id of a subscription's data set of a kind, once there is one.
pub fn find(
    host: &dyn Host,
    instance: &InstanceId,
    subscription_id: &str,
    kind: &str,
    deadline: &Deadline,
) -> Result<String, Failure> {
    let request = Request::get(SERVICE, instance.path("data_sets"))
        .query("target.target_id", subscription_id)
        .query("target.target_type", "subscription")
        .query("type", kind);
    let what = format!("the {kind} data set");
    until(host, &what, deadline, || {
        let found = list(host, &request, "/data_sets")?;
        let Some(first) = found.first() else {
            return Ok(Poll::Waiting("it is not there yet".to_owned()));
        };
        Ok(match states(&["active"]).judge(&what, &status(&what, first)?)? {
            Poll::Ready(()) => Poll::Ready(id_of(first)?),
            Poll::Waiting(state) => Poll::Waiting(state),
        })
    })
}

fn status(what: &str, data_set: &Value) -> Result<Status, Failure> {
    serde_json::from_value(data_set["entity"]["status"].clone())
        .map_err(|_| Failure::internal(format!("{what} is listed without its status")))
}
