//! Functions: the stub stores none, but an official client that lists deployments asks for them.

use crate::answer::Outcome;
use crate::call::Call;
use crate::site::Site;

use super::{page, spaces};

/// `GET /ml/v4/functions`.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    call.allow(&["version", "space_id", "limit", "start"])?;
    spaces::of_query(&site.world(), call)?;
    page::answer(call, Vec::new(), &["space_id"], "")
}
