//! What a step may send and use: grants and limits.

use crate::engine::{Info, Limit, Limits};
use crate::services::{Grant, Grants, Method, Permit};
use crate::spec::{LimitsSpec, StepSpec, Way, When};

use super::{LEDGER, Resolver};

impl Resolver<'_> {
    /// What the step may send, and whether it may remove what the run created.
    pub(super) fn permit(
        &mut self,
        step: &StepSpec,
        id: &str,
        info: &Info,
        trusted: bool,
        way: &Way,
    ) -> (Permit, bool) {
        let mut needs = info.needs.clone();
        if step.when == When::Stale {
            // Where the pipeline never was, it has left nothing.
            needs.retain(|need| self.spec.services.contains_key(&need.service));
            if self.stale.lists {
                needs.retain(|need| matches!(need.method, Method::Get | Method::Head));
            }
        }
        for service in needs.iter().map(|need| &need.service).filter(|name| !self.spec.services.contains_key(*name)) {
            let hint = format!("add `{service}` under `services`");
            let message = format!("`{}` uses the service `{service}`, which the spec does not have", info.name);
            self.problem_with(way, message, Some(hint));
        }
        let needs = Grants::new(needs);
        let mut removes = trusted && info.removes;
        let mut granted = Vec::new();
        for (service, lines) in &step.grant {
            let way = way.to("grant").to(service);
            if service != LEDGER && !self.spec.services.contains_key(service) {
                self.problem(&way, format!("there is no service `{service}`"));
            }
            for (n, line) in lines.iter().enumerate() {
                match (service.as_str(), line.as_str()) {
                    (LEDGER, "remove") => removes = info.removes,
                    (LEDGER, _) => {
                        self.problem(
                            &way.to(n),
                            format!("`{line}` is nothing the ledger can grant; there is `remove`"),
                        );
                    }
                    _ => match Grant::parse(service, line) {
                        Ok(grant) => granted.push(grant),
                        Err(error) => self.problem(&way.to(n), error.to_string()),
                    },
                }
            }
        }
        let permit =
            if trusted { Permit::built_in(id, needs) } else { Permit::custom(id, needs, Grants::new(granted)) };
        (permit, removes)
    }

    pub(super) fn limits(&mut self, step: &StepSpec, way: &Way) -> Limits {
        let mut limits = Limits::default();
        if let Some(time) = self.time(step.timeout.as_deref(), &way.to("timeout")) {
            limits.time = time;
        }
        let LimitsSpec { memory, tables, output, log, artifacts, requests, open_requests, request, response } =
            &step.limits;
        let way = way.to("limits");
        for (limit, text) in [
            (Limit::Memory, memory),
            (Limit::Output, output),
            (Limit::Log, log),
            (Limit::Artifacts, artifacts),
            (Limit::Request, request),
            (Limit::Response, response),
        ] {
            if let Some(bytes) = self.size(text.as_deref(), &way.to(limit.rule().key)) {
                limits.set(limit, bytes);
            }
        }
        for (limit, number) in
            [(Limit::Tables, tables), (Limit::Requests, requests), (Limit::OpenRequests, open_requests)]
        {
            if let Some(number) = number {
                limits.set(limit, u64::from(*number));
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::engine::RULES;

    /// A key that is missing on one side would have no effect, or no documentation.
    #[test]
    fn the_spec_has_a_key_for_every_limit() {
        let schema = crate::spec::schema();
        let limits = &schema["properties"]["steps"]["items"]["properties"]["limits"]["properties"];
        let keys: Vec<_> = limits.as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect();
        let mut rules = RULES.each_ref().map(|rule| rule.key);
        rules.sort_unstable();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, rules);
        for rule in &RULES {
            let kind = if rule.most.is_some() { "integer" } else { "string" };
            assert_eq!(limits[rule.key]["type"], json!([kind, "null"]), "{}", rule.key);
            assert_eq!(limits[rule.key]["maximum"].as_u64(), rule.most, "{}", rule.key);
            assert_ne!(limits[rule.key]["description"], Value::Null, "{}", rule.key);
        }
    }
}
