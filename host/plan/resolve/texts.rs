//! Texts that must be known before the run: what they read of `env` and `secrets`.

use serde_json::Value;

use crate::plan::secrets::{self, Source};
use crate::services::Secret;
use crate::spec::{Part, Reference, Template, Way, nearest};

use super::Resolver;
use super::params::plain;

impl Resolver<'_> {
    /// A text that nobody but the host reads: it may have secrets in it, and is one itself.
    pub(super) fn secret(&mut self, text: &str, way: &Way) -> Option<Secret> {
        self.fixed(text, way, true).map(Secret::new)
    }

    /// A text that must be known now: references to `env`, and if `secrets`, to those. What it reads of these is masked.
    pub(super) fn fixed(&mut self, text: &str, way: &Way, secrets: bool) -> Option<String> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(reason) => {
                self.problem(way, reason);
                return None;
            }
        };
        let mut fixed = Some(String::new());
        for part in template.parts() {
            let value = match part {
                Part::Text(literal) => Some(literal.clone()),
                Part::Reference(reference) => self.value(reference, way, secrets),
            };
            fixed = fixed.zip(value).map(|(text, value)| text + &value);
        }
        fixed
    }

    pub(super) fn value(&mut self, reference: &Reference, way: &Way, secrets: bool) -> Option<String> {
        let environment = self.environment;
        match reference {
            Reference::Env(name) if self.is_secret(name) => {
                self.problem(
                    way,
                    format!("`{name}` is a secret of this spec; it may only be read as one, in a service's `auth`"),
                );
                None
            }
            Reference::Env(name) => {
                let value = environment.variable(name).map(str::to_owned);
                value.or_else(|| {
                    self.unset(reference, way, format!("the environment variable `{name}` is not set"), None)
                })
            }
            Reference::Secret(name) if secrets => {
                let source = self.source(name)?;
                match environment.secret(name, &source) {
                    Ok(secret) => {
                        let text = secret.expose().to_owned();
                        self.secrets.push(secret);
                        Some(text)
                    }
                    // A check where the pipeline does not run has no secrets at all, and their files are not there.
                    Err(_) if environment.allows_unset() => self.unset(reference, way, String::new(), None),
                    Err(error) => {
                        // A file is wrong where it is named.
                        let way = if matches!(source, Source::File(_)) { &secrets::way(name).to("file") } else { way };
                        self.problem_with(way, error.to_string(), error.hint());
                        None
                    }
                }
            }
            Reference::Param(name) => {
                if let Some(value) = self.params.get(name) {
                    return Some(plain(value));
                }
                match self.spec.params.get(name) {
                    None => {
                        let known = self.spec.params.keys().map(String::as_str);
                        let hint = nearest(name, known).map(|nearest| format!("is `{nearest}` meant?"));
                        self.problem_with(way, format!("there is no param `{name}`"), hint);
                        None
                    }
                    Some(_) if self.environment.allows_unset() => self.unset(reference, way, String::new(), None),
                    // It has a problem of its own, and that is enough.
                    Some(_) => {
                        self.unset.push(way.clone());
                        None
                    }
                }
            }
            Reference::Secret(name) => {
                self.problem(way, format!("the secret `{name}` may only be read in a service's `auth`"));
                None
            }
            Reference::Output { .. } => {
                self.problem(
                    way,
                    format!("`{reference}` is only known while the run goes on; it may stand in `inputs`"),
                );
                None
            }
        }
    }

    /// What is not set is a problem, or else stands for itself.
    fn unset(&mut self, reference: &Reference, way: &Way, message: String, hint: Option<String>) -> Option<String> {
        if self.environment.allows_unset() {
            self.unset.push(way.clone());
            return Some(format!("${{{{ {reference} }}}}"));
        }
        self.problem_with(way, message, hint);
        None
    }

    /// What the spec says of a secret; none if that is wrong.
    fn source(&mut self, name: &str) -> Option<Source> {
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
            _ => {
                self.problem(&way, format!("the secret `{name}` has one of `file` and `env`"));
                None
            }
        }
    }

    /// Whether the variable is a secret, as an entry of `secrets` says, or a service or a source that reads it as one.
    fn is_secret(&self, name: &str) -> bool {
        let secret = Reference::Secret(name.to_owned());
        if ["data", "models"].iter().any(|key| self.spec.value().get(key).is_some_and(|all| reads(all, &secret))) {
            return true;
        }
        let mut entries = self.spec.secrets.iter();
        if entries.any(|(known, entry)| {
            known == name || entry.as_ref().is_some_and(|entry| entry.env.as_deref() == Some(name))
        }) {
            return true;
        }
        let auths = self.spec.services.values().flatten().map(|service| &service.auth);
        auths
            .flat_map(|auth| super::services::texts(auth).map(|(_, text)| text))
            .flatten()
            .filter_map(|text| Template::parse(text).ok())
            .any(|template| template.references().any(|reference| *reference == secret))
    }
}

/// Whether a text somewhere in a value has the reference.
fn reads(value: &Value, reference: &Reference) -> bool {
    match value {
        Value::String(text) => Template::parse(text).is_ok_and(|text| text.references().any(|one| one == reference)),
        Value::Array(items) => items.iter().any(|item| reads(item, reference)),
        Value::Object(members) => members.values().any(|member| reads(member, reference)),
        _ => false,
    }
}
