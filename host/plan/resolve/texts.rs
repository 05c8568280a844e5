//! Texts that must be known before the run: what they read of `env` and `secrets`.

use crate::plan::secrets::{self, SecretError, Source};
use crate::services::Secret;
use crate::spec::{Part, Problem, Reference, Template, Way};

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
                self.unknown.insert(way.clone(), ());
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
        if fixed.is_none() {
            self.unknown.insert(way.clone(), ());
        }
        fixed
    }

    pub(super) fn value(&mut self, reference: &Reference, way: &Way, secrets: bool) -> Option<String> {
        let environment = self.environment;
        match reference {
            Reference::Env(name) if self.secret_names.contains(name) => {
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
                    Err(error) if environment.allows_unset() => {
                        if let SecretError::Unset { variable, .. } = error {
                            self.unset_secrets.insert(variable);
                        }
                        self.unset(reference, way, String::new(), None)
                    }
                    Err(error) => {
                        // A file is wrong where it is named.
                        let way = if matches!(source, Source::File(_)) { &secrets::way(name).to("file") } else { way };
                        self.tell_once(way, error.to_string(), error.hint());
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
                        let hint = self.known.params.hint(name);
                        self.problem_with(way, format!("there is no param `{name}`"), Some(hint));
                        None
                    }
                    Some(_) if self.environment.allows_unset() => self.unset(reference, way, String::new(), None),
                    // It has a problem of its own, and that is enough.
                    Some(_) => None,
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
            self.unknown.insert(way.clone(), ());
            return Some(format!("${{{{ {reference} }}}}"));
        }
        self.tell_once(way, message, hint);
        None
    }

    /// What is missing is one problem, however often it is read, where it stands first: the services of a cluster share a login.
    fn tell_once(&mut self, way: &Way, message: String, hint: Option<String>) {
        let problem = Problem { hint: hint.map(Into::into), ..self.spec.problem(way, &message) };
        match self.missing.get(&message) {
            Some(told) if problem.place >= self.problems[*told].place => {}
            Some(told) => self.problems[*told] = problem,
            None => {
                self.missing.insert(message, self.problems.len());
                self.problems.push(problem);
            }
        }
    }
}
