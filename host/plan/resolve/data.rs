//! `data` and `models`: where the bytes come from, and digests.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::data::{self, DataError, DataSet, Kind, Location, Role, Source, is_allowed, kinds};
use crate::services::Secret;
use crate::spec::{DataSpec, Problem, Reference, Template, Violation, Way};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn data_sets(&mut self, role: Role) -> BTreeMap<String, DataSet> {
        let spec = self.spec;
        let entries = match role {
            Role::Data => &spec.data,
            Role::Model => &spec.models,
        };
        let mut sets = BTreeMap::new();
        for (name, entry) in entries {
            let way = Way::root().to(role.key()).to(name);
            let value = spec.value().get(role.key()).and_then(|entries| entries.get(name));
            let (Some(entry), Some(value)) = (entry, value) else { continue };
            let Some((set, at)) = self.data_set(role, name, entry, value, &way) else { continue };
            if !self.is_unknown(&way)
                && let Err(error) = set.check()
            {
                let at = if matches!(error, DataError::Trust { .. }) { way.to("ca_file") } else { at };
                self.problem_with(&at, format!("{} `{name}`: {error}", role.noun()), error.hint());
            }
            sets.insert(name.clone(), set);
        }
        sets
    }

    /// The entry, and the way to what says where it comes from.
    fn data_set(
        &mut self,
        role: Role,
        name: &str,
        entry: &DataSpec,
        value: &Value,
        way: &Way,
    ) -> Option<(DataSet, Way)> {
        // What has secrets may have them under a wrong key.
        for kind in kinds().iter().filter(|kind| (kind.schema)().to_string().contains("x-secret")) {
            let schema = (kind.schema)();
            for (key, text) in value.get(kind.key).and_then(Value::as_object).into_iter().flatten() {
                let is_known = schema["properties"].get(key).is_some();
                self.secrets.extend(text.as_str().filter(|_| !is_known).map(Secret::new));
            }
        }
        let violations = data::violated(value);
        let is_sound = violations.is_empty();
        self.violated(violations, way);
        let sha256 = entry.sha256.as_deref().and_then(|sha256| self.sha256(sha256, &way.to("sha256")));
        if let (Role::Model, Some(_)) = (role, entry.format) {
            self.problem(&way.to("format"), "a model is lent as it is, and has no `format`");
        }
        let max_bytes = self.size(entry.max_size.as_deref(), &way.to("max_size"));
        let ca_file = entry.ca_file.as_deref().and_then(|file| self.fixed(file, &way.to("ca_file"), false));
        if !is_sound {
            return None;
        }
        let kind = self.kind(role, name, value, way)?;
        let at = way.to(kind.key);
        let source = self.place(kind, value.get(kind.key)?, &at)?;
        if let Location::Address(url) = source.location() {
            if !is_allowed(&url, entry.insecure) {
                let hint = "use `https`, or set `insecure: true`";
                let message = format!("{} `{name}` would come over a way that anybody can change", role.noun());
                self.problem_with(&at, message, Some(hint));
            }
            if role == Role::Model && entry.sha256.is_none() {
                let hint = "add `sha256: …`, 64 hex digits";
                let message = format!("the model `{name}` comes from elsewhere, so its `sha256` must be known");
                self.problem_with(&at, message, Some(hint));
            }
        }
        let ca_file = ca_file.map(|file| self.base.join(file));
        let (insecure, form, base) = (entry.insecure, entry.format, self.base.clone());
        Some((DataSet { source, role, sha256, max_bytes, form, ca_file, insecure, base }, at))
    }

    /// The one kind of source that an entry names.
    fn kind(&mut self, role: Role, name: &str, value: &Value, way: &Way) -> Option<&'static Kind> {
        let mut named = kinds().iter().filter(|kind| value.get(kind.key).is_some());
        match (named.next(), named.next()) {
            (Some(kind), None) => return Some(kind),
            (Some(one), Some(other)) => {
                let message =
                    format!("{} `{name}` has `{}` and `{}`; it comes from one place", role.noun(), one.key, other.key);
                self.problem(&way.to(other.key), message);
            }
            _ => {
                let keys: Vec<_> = kinds().iter().map(|kind| format!("`{}`", kind.key)).collect();
                self.problem(way, format!("{} `{name}` needs one of {}", role.noun(), keys.join(", ")));
            }
        }
        None
    }

    fn place(&mut self, kind: &Kind, value: &Value, way: &Way) -> Option<Arc<dyn Source>> {
        let value = self.settled(value, &(kind.schema)(), way)?;
        let source = data::read(kind, value).map_err(|error| self.problem(way, error)).ok()?;
        if let Err(wrong) = source.check() {
            let way = wrong.key.map_or_else(|| way.clone(), |key| way.to(key));
            self.problem(&way, wrong.message);
            return None;
        }
        Some(source)
    }

    /// A value with its references resolved. Its schema says which texts are secrets.
    fn settled(&mut self, value: &Value, schema: &Value, way: &Way) -> Option<Value> {
        match value {
            Value::String(text) => {
                let secret = schema.get("x-secret").and_then(Value::as_str);
                if secret == Some("must") && !is_secret(text) {
                    self.secrets.push(Secret::new(text));
                    let hint = "set an environment variable, and write \"${{ secrets.NAME }}\"";
                    self.problem_with(way, "this must be read from `secrets`, never stand in the spec", Some(hint));
                    return None;
                }
                self.fixed(text, way, secret.is_some()).map(Value::String)
            }
            Value::Object(members) => {
                let mut settled = Some(Map::new());
                for (key, member) in members {
                    let schema = schema.get("properties").and_then(|all| all.get(key)).unwrap_or(&Value::Null);
                    let member = self.settled(member, schema, &way.to(key));
                    settled = settled.zip(member).map(|(mut all, member)| {
                        all.insert(key.clone(), member);
                        all
                    });
                }
                settled.map(Value::Object)
            }
            other => Some(other.clone()),
        }
    }

    /// What a part of the spec has that its schema does not allow.
    fn violated(&mut self, violations: Vec<Violation>, way: &Way) {
        for Violation { pointer, key, message, hint, .. } in violations {
            let way = way.down(&pointer);
            let problem = match key {
                Some(key) => self.spec.key_problem(&way, &key, message),
                None => self.spec.problem(&way, message),
            };
            self.problems.push(Problem { hint: hint.map(Into::into), ..problem });
        }
    }

    /// A digest in lower case, if it is one.
    pub(super) fn sha256(&mut self, text: &str, way: &Way) -> Option<String> {
        let text = self.fixed(text, way, false)?;
        if self.is_unknown(way) {
            return None;
        }
        if text.len() != 64 || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            self.problem(way, "a SHA-256 has 64 hex digits");
            return None;
        }
        Some(text.to_ascii_lowercase())
    }
}

/// Whether a text is a reference to a secret and nothing else.
fn is_secret(text: &str) -> bool {
    let template = Template::parse(text);
    // What is no template is told as such.
    template.map_or(true, |template| matches!(template.alone(), Some(Reference::Secret(_))))
}
