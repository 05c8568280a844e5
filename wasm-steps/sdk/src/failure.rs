//! Why a step could not do its work: constructors, and what a service's error means for a step.

use serde::Serialize;
use serde_json::Value;

use crate::services::Error;
use crate::{Failure, FailureCategory};

/// A text of a service that is no JSON (a proxy's HTML page) is cut to this many characters: enough to recognise it.
const EXCERPT: usize = 200;

impl Failure {
    fn new(category: FailureCategory, message: impl Into<String>) -> Self {
        Self { category, message: message.into(), hint: None, outputs: None }
    }

    /// The inputs or the files that they name are wrong.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(FailureCategory::InvalidInput, message)
    }

    /// A service said no.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureCategory::Refused, message)
    }

    /// A service did not answer, cannot now, or was not ready in time.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FailureCategory::Unavailable, message)
    }

    /// A gate was missed.
    pub fn gate(message: impl Into<String>) -> Self {
        Self::new(FailureCategory::Gate, message)
    }

    /// The step found itself or a service in a state that it does not know.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(FailureCategory::Internal, message)
    }

    /// Several failures of these categories in one: only if all are outages is it worth another try.
    pub fn of_several(categories: &[FailureCategory], message: impl Into<String>) -> Self {
        let is_outage = categories.iter().all(|category| *category == FailureCategory::Unavailable);
        if is_outage { Self::unavailable(message) } else { Self::refused(message) }
    }

    /// Adds the one action that mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what the step found out all the same.
    #[must_use]
    pub fn with_outputs(mut self, outputs: &impl Serialize) -> Self {
        self.outputs = serde_json::to_string(outputs).ok();
        self
    }

    /// What it means that the ledger cannot be used; `what` is what was being done, for example `reading the ledger`.
    pub fn of_ledger(what: &str, error: Error) -> Self {
        match error {
            // Not a request that is malformed: the ledger's own file, or an id that it knows otherwise.
            Error::Invalid(text) => hinted(Self::internal, &format!("{what} failed"), &text),
            other => Self::from_error(what, other),
        }
    }

    /// What the lack of an answer means; `what` is what was being done, for example `` `GET /v2/spaces` ``.
    pub fn from_error(what: &str, error: Error) -> Self {
        match error {
            Error::Denied(text) => hinted(Self::refused, &format!("{what} is not allowed"), &text),
            Error::Invalid(text) => hinted(Self::refused, &format!("{what} was not sent"), &text),
            Error::Login(text) => hinted(Self::refused, &format!("{what} could not log in"), &text),
            Error::TooLarge(text) => hinted(Self::refused, &format!("{what} is too large"), &text),
            Error::Unreachable(text) => hinted(Self::unavailable, &format!("{what} found no service"), &text),
            Error::NoAnswer(text) => {
                hinted(Self::unavailable, &format!("{what} was sent, but its answer is lost"), &text)
            }
            Error::OutOfTime(text) => hinted(Self::unavailable, &format!("{what} ran out of time"), &text),
        }
    }
}

/// The host's text: its first line says what, the lines after it (a grant to add) are the hint.
fn hinted(category: fn(String) -> Failure, what: &str, text: &str) -> Failure {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let failure = category(format!("{what}: {first}"));
    let rest = rest.trim_end();
    if rest.trim().is_empty() { failure } else { failure.hint(rest.strip_prefix("hint: ").unwrap_or(rest)) }
}

/// The service's own words in an error body, or under a resource's `status.failure`.
///
/// Both services answer `{"trace", "errors": [{"code", "message"}]}`; an error can also be a bare string, and what
/// stands in front of them (gateways, the login service) uses other names.
pub fn words(body: &Value) -> Option<String> {
    let errors: Vec<&str> = body["errors"].as_array().into_iter().flatten().filter_map(one).collect();
    if !errors.is_empty() {
        return Some(errors.join("; "));
    }
    let alone = ["error", "message", "errorMessage"].iter().find_map(|key| body[*key].as_str());
    alone.or_else(|| body.as_str()).map(str::to_owned)
}

fn one(error: &Value) -> Option<&str> {
    error["message"].as_str().or_else(|| error["code"].as_str()).or_else(|| error.as_str())
}

/// The service's words in the bytes of an answer; empty when it has none.
pub(crate) fn words_of_bytes(body: &[u8]) -> String {
    if let Some(words) = serde_json::from_slice(body).ok().as_ref().and_then(words) {
        return words;
    }
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(EXCERPT).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { line }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_messages_of_a_service_are_quoted() {
        let body = json!({"trace": "t", "errors": [{"code": "a", "message": "first"}, {"code": "b"}, "third"]});
        assert_eq!(words(&body).as_deref(), Some("first; b; third"));
        assert_eq!(words(&json!({"message": "alone"})).as_deref(), Some("alone"));
        assert_eq!(words(&json!({"errors": []})), None);
    }

    #[test]
    fn a_page_that_is_no_json_is_cut_short_on_one_line() {
        assert_eq!(words_of_bytes(b"<html>\n  <body>Bad gateway"), "<html> <body>Bad gateway");
        assert_eq!(words_of_bytes("ä".repeat(300).as_bytes()).chars().count(), EXCERPT + 1);
        assert_eq!(words_of_bytes(b""), "");
    }

    #[test]
    fn the_lines_to_add_become_the_hint() {
        let failure =
            Failure::from_error("`GET /x`", Error::Denied("no grant\nhint: add to the spec:\n  grant: …\n".into()));
        assert_eq!(failure.category, FailureCategory::Refused);
        assert_eq!(failure.message, "`GET /x` is not allowed: no grant");
        assert_eq!(failure.hint.as_deref(), Some("add to the spec:\n  grant: …"));
    }

    #[test]
    fn a_lost_answer_is_unavailable() {
        let failure = Failure::from_error("`GET /x`", Error::NoAnswer("connection reset".into()));
        assert_eq!(failure.category, FailureCategory::Unavailable);
        assert_eq!(failure.message, "`GET /x` was sent, but its answer is lost: connection reset");
    }
}
