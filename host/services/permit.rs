//! What one step may send: what its component declares and the spec grants, and how a refusal reads.

use super::{CallError, Grant, Grants, Method, RequestPath};

/// What one step may send: only what both its component's needs and the spec allow.
#[derive(Clone, Debug)]
pub struct Permit {
    step: String,
    needs: Grants,
    granted: Grants,
}

impl Permit {
    /// The permit of a step that ships with the host: naming it in the spec grants all its needs.
    pub fn built_in(step: &str, needs: Grants) -> Self {
        Self { step: step.to_owned(), granted: needs.clone(), needs }
    }

    /// The permit of any other step: the spec's own `grant` counts, nothing by default.
    pub fn custom(step: &str, needs: Grants, granted: Grants) -> Self {
        Self { step: step.to_owned(), needs, granted }
    }

    /// The requests that it may send.
    pub fn granted(&self) -> impl Iterator<Item = &Grant> {
        self.granted.iter()
    }

    /// The needs that the spec does not cover word for word; a dry reading for `check` and `plan`.
    pub fn not_granted(&self) -> impl Iterator<Item = &Grant> {
        self.needs.iter().filter(|need| {
            !self.granted.iter().any(|grant| {
                grant.service == need.service && grant.method == need.method && grant.pattern == need.pattern
            })
        })
    }

    /// Passes what the step may send; a refusal says what to do.
    pub fn check(&self, service: &str, method: Method, path: &RequestPath) -> Result<(), CallError> {
        let Some(need) = self.needs.allowing(service, method, path) else {
            return Err(CallError::Denied(format!(
                "step `{step}` may not send `{method} {path}` to `{service}`: its component does not declare that need\n\
                 hint: add `{method} {path}` for `{service}` to the needs that the component describes, and build it anew",
                step = self.step,
            )));
        };
        if self.granted.allows(service, method, path) {
            return Ok(());
        }
        Err(CallError::Denied(format!(
            "step `{step}` may not send `{method} {path}` to `{service}`\n\
             hint: add to the step:\n  grant:\n    {service}: [\"{need}\"]",
            step = self.step,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants::new(lines.iter().map(|line| Grant::parse("wml", line).unwrap()).collect())
    }

    fn refusal(permit: &Permit, method: Method, path: &str) -> Option<String> {
        permit.check("wml", method, &RequestPath::parse(path).unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_built_in_step_may_send_what_it_declares() {
        let permit = Permit::built_in("store", grants(&["POST /ml/v4/models"]));
        assert_eq!(refusal(&permit, Method::Post, "/ml/v4/models"), None);
        assert_eq!(permit.not_granted().count(), 0);
    }

    #[test]
    fn a_custom_step_may_send_nothing_by_default_and_is_told_the_lines_to_add() {
        let permit = Permit::custom("greet", grants(&["POST /ml/v4/models"]), Grants::default());
        assert_eq!(
            refusal(&permit, Method::Post, "/ml/v4/models").as_deref(),
            Some(
                "step `greet` may not send `POST /ml/v4/models` to `wml`\n\
                 hint: add to the step:\n  grant:\n    wml: [\"POST /ml/v4/models\"]"
            )
        );
    }

    #[test]
    fn the_lines_to_add_have_the_pattern_not_one_id() {
        let permit = Permit::custom("greet", grants(&["GET /ml/v4/models/*"]), grants(&["POST /ml/v4/models"]));
        assert_eq!(
            refusal(&permit, Method::Get, "/ml/v4/models/1").as_deref(),
            Some(
                "step `greet` may not send `GET /ml/v4/models/1` to `wml`\n\
                 hint: add to the step:\n  grant:\n    wml: [\"GET /ml/v4/models/*\"]"
            )
        );
        assert_eq!(permit.not_granted().map(ToString::to_string).collect::<Vec<_>>(), ["GET /ml/v4/models/*"]);
    }

    #[test]
    fn what_a_component_does_not_declare_no_spec_can_grant() {
        let permit = Permit::custom("greet", Grants::default(), grants(&["GET /**"]));
        assert_eq!(
            refusal(&permit, Method::Get, "/v2/spaces").as_deref(),
            Some(
                "step `greet` may not send `GET /v2/spaces` to `wml`: its component does not declare that need\n\
                 hint: add `GET /v2/spaces` for `wml` to the needs that the component describes, and build it anew"
            )
        );
    }

    #[test]
    fn a_granted_need_passes() {
        let permit = Permit::custom("greet", grants(&["GET /v2/spaces"]), grants(&["GET /v2/**"]));
        assert_eq!(refusal(&permit, Method::Get, "/v2/spaces"), None);
        assert!(refusal(&permit, Method::Get, "/v2/assets").is_some());
    }
}
