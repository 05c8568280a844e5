//! What a step may send and use: grants and limits.

use crate::engine::{Info, Limits};
use crate::services::{Grant, Grants, Permit};
use crate::spec::{LimitsSpec, StepSpec, Way, parse_size};

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
        let needs = Grants::new(info.needs.clone());
        for service in
            info.needs.iter().map(|need| &need.service).filter(|name| !self.spec.services.contains_key(*name))
        {
            let hint = format!("add `{service}` under `services`");
            let message = format!("`{}` uses the service `{service}`, which the spec does not have", info.name);
            self.problem_with(way, message, Some(hint));
        }
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
        let LimitsSpec { memory, request, response, open_requests } = &step.limits;
        let way = way.to("limits");
        let sizes = [
            ("memory", memory, &mut limits.memory),
            ("request", request, &mut limits.request),
            ("response", response, &mut limits.response),
        ];
        for (key, text, limit) in sizes {
            match text.as_deref().map(parse_size) {
                Some(Ok(bytes)) => *limit = usize::try_from(bytes).unwrap_or(usize::MAX),
                Some(Err(reason)) => self.problem(&way.to(key), reason),
                None => {}
            }
        }
        match open_requests {
            Some(0 | 257..) => {
                self.problem(&way.to("open_requests"), "`open_requests` is a number from 1 to 256");
            }
            Some(count) => limits.open_requests = *count as usize,
            None => {}
        }
        limits
    }
}
