//! The WML instance of an account of IBM Cloud.

use serde_json::json;

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::site::Site;

use super::spaces;

/// `GET /ml/v4/instances/{id}`, asked in a space. Clients keep the body as it is; what else the service tells in it is
/// not known.
pub(crate) fn get(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id"])?;
    spaces::of_query(&site.world(), call)?;
    if call.id() != site.wml_instance {
        return Err(Refusal::unknown("instance", call.id()));
    }
    Ok(Answer::ok(&json!({"metadata": {"id": site.wml_instance}, "entity": {}})))
}
