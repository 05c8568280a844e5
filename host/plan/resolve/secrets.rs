//! `secrets`: where they are read, and which names are theirs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::plan::secrets::{self, Source};
use crate::spec::{Reference, Spec, Template};

use super::Resolver;

impl Resolver<'_> {
    /// Checks every entry, whether it is read or not. In a dry run only the file of one that is read must be there.
    pub(super) fn check_secrets(&mut self) {
        let spec = self.spec;
        let asks_for_files = !self.environment.allows_unset() && !self.environment.is_dry_run();
        for name in spec.secrets.keys() {
            let Some(source) = self.source(name) else { continue };
            if let (Source::File(_), true) = (&source, asks_for_files)
                && let Err(error) = self.environment.secret(name, &source)
            {
                self.problem_with(&secrets::way(name).to("file"), error.to_string(), error.hint());
            }
        }
    }

    /// What the spec says of a secret; none if that is wrong.
    pub(super) fn source(&mut self, name: &str) -> Option<Source> {
        let Some(entry) = self.spec.secrets.get(name) else { return Some(Source::Unnamed) };
        // One that cannot be read was told.
        let entry = entry.as_ref()?;
        let way = secrets::way(name);
        match (&entry.file, &entry.env) {
            (Some(file), None) => {
                let file = self.fixed(file, &way.to("file"), false)?;
                Some(Source::File(self.base.join(file)))
            }
            (None, Some(variable)) => Some(Source::Variable(variable.clone())),
            // A key that is wrong was told.
            (None, None) if self.spec.is_wrong(&way) => None,
            _ => {
                self.problem(&way, format!("the secret `{name}` has one of `file` and `env`"));
                None
            }
        }
    }
}

/// Names of variables that are secrets: as an entry of `secrets` says, or because a service or a source reads one of
/// that name.
pub(super) fn names(spec: &Spec) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, entry) in &spec.secrets {
        names.insert(name.clone());
        names.extend(entry.as_ref().and_then(|entry| entry.env.clone()));
    }
    let services = spec.value().get("services").and_then(Value::as_object);
    let logins = services.into_iter().flat_map(Map::values).filter_map(|service| service.get("auth"));
    let sources = ["data", "models"].into_iter().filter_map(|key| spec.value().get(key));
    logins.chain(sources).for_each(|value| collect(value, &mut names));
    names
}

/// The secrets that texts in a value read.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let Ok(template) = Template::parse(text) else { return };
            names.extend(template.references().filter_map(|reference| match reference {
                Reference::Secret(name) => Some(name.clone()),
                _ => None,
            }));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(members) => members.values().for_each(|member| collect(member, names)),
        _ => {}
    }
}
