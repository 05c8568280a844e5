//! Texts that must be known before the run: what they read of `env` and `secrets`.

use crate::spec::{Part, Reference, Template, Way, nearest};

use super::Resolver;
use super::params::plain;

impl Resolver<'_> {
    /// A text that must be known now: references to `env`, and in `services` to `secrets`.
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
                let value = environment.secret(name).filter(|value| !value.is_empty()).map(str::to_owned);
                let hint = format!("set the environment variable `{name}`");
                value.or_else(|| self.unset(reference, way, format!("the secret `{name}` is not set"), Some(hint)))
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

    /// Whether a service reads the variable as a secret.
    fn is_secret(&self, name: &str) -> bool {
        let auths = self.spec.services.values().flatten().map(|service| &service.auth);
        auths
            .flat_map(|auth| [&auth.password, &auth.api_key, &auth.token, &auth.username])
            .flatten()
            .filter_map(|text| Template::parse(text).ok())
            .any(|template| template.references().any(|reference| *reference == Reference::Secret(name.to_owned())))
    }
}
