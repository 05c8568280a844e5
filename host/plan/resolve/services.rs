//! `services`: addresses, logins, and what they read of the environment.

use std::collections::BTreeMap;

use crate::services::{Auth, Credential, Masks, Secret, ServiceConfig, Services};
use crate::spec::{AuthKind, AuthSpec, Way};

use super::{LEDGER, Resolver};

impl Resolver<'_> {
    pub(super) fn services(&mut self) -> Vec<ServiceConfig> {
        let spec = self.spec;
        let mut services = Vec::new();
        for (name, service) in &spec.services {
            let Some(service) = service else { continue };
            let way = Way::root().to("services").to(name);
            if name == LEDGER {
                self.problem(&way, "`ledger` cannot be a service's name; in `grant` it stands for the run's ledger");
            }
            let ca_file = service.ca_file.as_deref().and_then(|file| self.fixed(file, &way.to("ca_file"), false));
            let (url, auth) = if let Some((url, auth)) = self.environment.stand_in() {
                (Some(url), Some(auth))
            } else {
                let url = self.fixed(&service.url, &way.to("url"), false);
                (url, self.auth(&service.auth, &way.to("auth")))
            };
            if let (Some(url), Some(auth)) = (url, auth) {
                let ca_file = ca_file.map(|file| self.base.join(file));
                let config = ServiceConfig { name: name.clone(), url, auth, ca_file, insecure: service.insecure };
                // Opening reads the CA file and takes the address apart; it sends nothing.
                if !self.is_unset(&way)
                    && let Err(error) = Services::open(vec![config.clone()], "", &Masks::new())
                {
                    self.problem(&way, error.to_string());
                }
                services.push(config);
            }
        }
        services
    }

    fn auth(&mut self, auth: &AuthSpec, way: &Way) -> Option<Auth> {
        let allowed: &[&str] = match auth.kind {
            AuthKind::Cp4d => &["username", "password", "api_key"],
            AuthKind::Token => &["token"],
        };
        let given = [
            ("username", &auth.username),
            ("password", &auth.password),
            ("api_key", &auth.api_key),
            ("token", &auth.token),
        ];
        let mut values = BTreeMap::new();
        for (key, text) in given {
            let Some(text) = text else { continue };
            if !allowed.contains(&key) {
                let kind = if auth.kind == AuthKind::Cp4d { "cp4d" } else { "token" };
                self.problem(&way.to(key), format!("a login of kind `{kind}` has no `{key}`"));
            }
            values.insert(key, self.fixed(text, &way.to(key), true)?);
        }
        let mut take = |key: &str| values.remove(key);
        match auth.kind {
            AuthKind::Token => {
                if let Some(token) = take("token") {
                    Some(Auth::Token(Secret::new(token)))
                } else {
                    self.problem(way, "a login of kind `token` needs `token`");
                    None
                }
            }
            AuthKind::Cp4d => {
                let credential = match (take("password"), take("api_key")) {
                    (Some(password), None) => Some(Credential::Password(Secret::new(password))),
                    (None, Some(key)) => Some(Credential::ApiKey(Secret::new(key))),
                    _ => None,
                };
                if let (Some(username), Some(credential)) = (take("username"), credential) {
                    Some(Auth::Cp4d { username, credential })
                } else {
                    self.problem(way, "a login of kind `cp4d` needs `username` and one of `password` and `api_key`");
                    None
                }
            }
        }
    }
}
