//! `params`: their values, checked against what they may be.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::{ParamSpec, ParamType, Reference, Template, Way};

use super::Resolver;

impl Resolver<'_> {
    /// The value of each param that has one.
    pub(super) fn params(&mut self) -> BTreeMap<String, Value> {
        let spec = self.spec;
        let mut values = BTreeMap::new();
        for (name, param) in &spec.params {
            let Some(param) = param else { continue };
            let way = Way::root().to("params").to(name);
            let Some(kind) = param.kind else {
                // Not even its own default can be judged.
                self.unknown.insert(way, ());
                continue;
            };
            self.check_allowed(param, kind, &way);
            let Some(given) = &param.default else {
                if self.environment.allows_unset() {
                    self.unknown.insert(way, ());
                } else {
                    let hint = format!("give it with `--set params.{name}=…`, in a profile, or as its `default`");
                    self.problem_with(&way, format!("the param `{name}` has no value"), Some(hint));
                }
                continue;
            };
            let way = way.to("default");
            let Some(value) = self.param(given, kind, &way) else { continue };
            if !kind.has(&value) {
                let problem = format!("`{}` is not of the param's type, `{}`", plain(&value), kind.name());
                self.problem(&way, problem);
            } else if let Some(allowed) = &param.allowed
                && !allowed.contains(&value)
            {
                let allowed: Vec<_> = allowed.iter().map(|value| format!("`{}`", plain(value))).collect();
                self.problem(&way, format!("`{}` is none of {}", plain(&value), allowed.join(", ")));
            } else {
                values.insert(name.clone(), value);
            }
        }
        values
    }

    /// A value with what it reads of `env`; a text that it reads becomes one of the param's type.
    fn param(&mut self, given: &Value, kind: ParamType, way: &Way) -> Option<Value> {
        let Value::String(text) = given else { return Some(given.clone()) };
        let template = Template::parse(text).ok();
        let reads = |reference: &Reference| matches!(reference, Reference::Param(_));
        if let Some(other) = template.as_ref().and_then(|template| template.references().find(|other| reads(other))) {
            self.problem(way, format!("a param cannot read another one: `{other}`"));
            return None;
        }
        let has_references = template.is_none_or(|template| template.references().next().is_some());
        let text = self.fixed(text, way, false)?;
        if !has_references || kind == ParamType::String || self.is_unknown(way) {
            return Some(text.into());
        }
        Some(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn check_allowed(&mut self, param: &ParamSpec, kind: ParamType, way: &Way) {
        for (n, value) in param.allowed.iter().flatten().enumerate() {
            if !kind.has(value) {
                let message = format!("`{}` is not of the param's type, `{}`", plain(value), kind.name());
                self.problem(&way.to("allowed").to(n), message);
            }
        }
    }
}

/// A value as it stands in a text.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
