//! What the command itself says, in the form of the run's events.

use serde_json::{Value, json};

/// An event that is not one of a run.
pub(super) fn note(event: &str, message: &str, hint: Option<&str>) -> Value {
    let mut note = json!({"at": crate::run::now(), "event": event, "message": message});
    if let Some(hint) = hint {
        note["hint"] = hint.into();
    }
    note
}
