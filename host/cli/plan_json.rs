//! `stepwise plan --format json`: the plan for tools, for example to bind the credentials that a spec reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::engine::RULES;
use crate::plan::{Inputs, Plan, PlannedStep};
use crate::services::{Grant, ServiceConfig};
use crate::spec::{Dialect, Reference, Spec, Template};

/// The whole plan. Inputs that come from earlier steps stand there as references.
pub(super) fn plan_json(spec: &Spec, plan: &Plan, dry_run: bool) -> Value {
    let read = References::of(spec.value(), dry_run);
    let services: Vec<_> = plan.services.iter().map(service).collect();
    json!({
        "pipeline": plan.name,
        "spec": plan.spec.display().to_string(),
        "sha256": plan.spec_sha256,
        "services": services,
        "secrets": read.secrets,
        "secret_variables": read.secret_variables(spec.value()),
        "unset_secrets": plan.unset_secrets,
        "env": read.variables,
        "timeout_seconds": plan.time.map(|time| time.as_secs_f64()),
        "steps": plan.all_steps().into_iter().map(step).collect::<Vec<_>>(),
    })
}

fn service(service: &ServiceConfig) -> Value {
    json!({
        "name": service.name,
        "url": service.url,
        "dialect": service.dialect.map(Dialect::as_str),
        "platform_url": service.platform_url,
    })
}

fn step(step: &PlannedStep) -> Value {
    let limits: BTreeMap<_, _> = RULES.iter().map(|rule| (rule.key, step.limits.most(rule.limit))).collect();
    json!({
        "id": step.id,
        "component": step.component.info.name,
        "version": step.component.info.version,
        "sha256": step.component.sha256,
        "when": step.when.name(),
        "shards": step.shards(),
        "attempts": step.retry.attempts,
        "inputs": inputs(&step.inputs),
        "grants": step.permit.granted().map(grant).collect::<Vec<_>>(),
        "not_granted": step.permit.not_granted().map(grant).collect::<Vec<_>>(),
        "removes": step.removes,
        "timeout_seconds": step.limits.time.as_secs_f64(),
        "limits": limits,
    })
}

fn inputs(of: &Inputs) -> Value {
    match of {
        Inputs::Known(value) => value.clone(),
        Inputs::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), inputs(value))).collect())
        }
        Inputs::Array(items) => items.iter().map(inputs).collect(),
        Inputs::Later(template) => template.to_string().into(),
        Inputs::Outputs(step) => format!("${{{{ steps.{step} }}}}").into(),
    }
}

fn grant(grant: &Grant) -> Value {
    json!({"service": grant.service, "method": grant.method.as_str(), "path": grant.pattern.to_string()})
}

/// What a spec reads of the environment.
#[derive(Default)]
struct References {
    secrets: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl References {
    /// Of all parts that a plan is made of; profiles that were not chosen are none, and in a dry run services are the stub.
    fn of(spec: &Value, dry_run: bool) -> Self {
        let mut found = Self::default();
        for key in ["params", "services", "data", "models", "steps"] {
            if let Some(part) = spec.get(key).filter(|_| key != "services" || !dry_run) {
                found.collect(part);
            }
        }
        found
    }

    /// The variables that the secrets may be read from; none for one that the spec reads from a file.
    fn secret_variables<'a>(&'a self, spec: &'a Value) -> BTreeSet<&'a str> {
        let variable = |name: &'a String| match spec.pointer(&format!("/secrets/{name}")) {
            Some(source) => source["env"].as_str(),
            None => Some(name.as_str()),
        };
        self.secrets.iter().filter_map(variable).collect()
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                // What is no template is a problem of the spec, and there is no plan.
                for reference in Template::parse(text).iter().flat_map(Template::references) {
                    match reference {
                        Reference::Secret(name) => self.secrets.insert(name.clone()),
                        Reference::Env(name) => self.variables.insert(name.clone()),
                        _ => false,
                    };
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(members) => members.values().for_each(|member| self.collect(member)),
            _ => {}
        }
    }
}
