//! `services`: addresses, logins, and what they read of the environment.

use std::collections::BTreeMap;

use crate::plan::PlannedStep;
use crate::plan::environment::StandIn;
use crate::services::{self, Auth, ClientCertificate, Credential, Masks, Secret, ServiceConfig, Services};
use crate::spec::{AuthKind, AuthSpec, Dialect, ServiceSpec, Way};

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
            services.extend(self.service(name, service, &way));
        }
        services
    }

    fn service(&mut self, name: &str, service: &ServiceSpec, way: &Way) -> Option<ServiceConfig> {
        let ca_file = service.ca_file.as_deref().and_then(|file| self.fixed(file, &way.to("ca_file"), false));
        let client_certificate = service.client_certificate.as_ref().and_then(|files| {
            let way = way.to("client_certificate");
            let mut file = |text: &Option<String>, key| self.fixed(text.as_deref()?, &way.to(key), false);
            let (certificate, key) = (file(&files.certificate, "certificate"), file(&files.key, "key"));
            Some(ClientCertificate { certificate: self.base.join(certificate?), key: self.base.join(key?) })
        });
        let dialect = self.dialect(service, way);
        let StandIn { url, platform_url, dialect, auth } = if let Some(stand_in) = self.environment.stand_in(name) {
            stand_in
        } else {
            let url = service.url.as_deref().and_then(|url| self.fixed(url, &way.to("url"), false));
            let platform_url = service.platform_url.as_deref();
            let platform_url = platform_url.and_then(|url| self.fixed(url, &way.to("platform_url"), false));
            let (url, auth) = url.zip(service.auth.as_ref().and_then(|auth| self.auth(auth, &way.to("auth"))))?;
            let derived = services::platform_url(&url).map(str::to_owned);
            // WML of IBM Cloud is known by its host, whatever the token comes from.
            let dialect = dialect.or(derived.as_ref().map(|_| Dialect::IbmCloud));
            let platform_url = platform_url.or(derived).filter(|_| dialect == Some(Dialect::IbmCloud));
            StandIn { url, platform_url, dialect, auth }
        };
        let config = ServiceConfig {
            name: name.to_owned(),
            url,
            dialect,
            platform_url,
            auth,
            ca_file: ca_file.map(|file| self.base.join(file)),
            client_certificate,
            insecure: service.insecure,
            proxies: self.environment.proxies(),
        };
        // Opening reads the files and takes the addresses apart; it sends nothing.
        if !self.is_unknown(way)
            && let Err(error) = Services::open(vec![config.clone()], "", &Masks::new())
        {
            self.problem(&way.down(error.pointer()), error.to_string());
        }
        Some(config)
    }

    /// The dialect, as far as the spec tells it.
    fn dialect(&mut self, service: &ServiceSpec, way: &Way) -> Option<Dialect> {
        let dialect = service.known_dialect();
        if let (Some(kind), Some(said)) = (service.kind(), service.dialect)
            && !kind.dialects().contains(&said)
        {
            let logins = AuthKind::ALL.into_iter().filter(|kind| kind.dialects().contains(&said));
            let logins: Vec<_> = logins.map(|kind| format!("`{}`", kind.as_str())).collect();
            let message = format!("a login of kind `{}` is not one of `{}`", kind.as_str(), said.as_str());
            let hint = format!("it has {}", logins.join(", "));
            self.problem_with(&way.to("dialect"), message, Some(hint));
        } else if service.platform_url.is_some() && dialect != Some(Dialect::IbmCloud) {
            let hint = dialect.is_none().then(|| "say `dialect: ibm_cloud` too".to_owned());
            self.problem_with(&way.to("platform_url"), "only `ibm_cloud` has a platform of its own", hint);
        }
        dialect
    }

    /// Requests for the platform need its address.
    pub(super) fn platforms(&mut self, services: &[ServiceConfig], steps: &[PlannedStep]) {
        for service in services {
            let way = Way::root().to("services").to(&service.name);
            let is_known = service.dialect != Some(Dialect::IbmCloud) || service.platform_url.is_some();
            if is_known || self.is_unknown(&way) {
                continue;
            }
            let mut granted = steps.iter().flat_map(|step| step.permit.granted());
            if granted.any(|grant| grant.service == service.name && grant.is_of_platform()) {
                let message = "`platform_url` is missing: where the platform is does not follow from `url`";
                let hint = "it is where `/v2/spaces` is, as `https://api.dataplatform.cloud.ibm.com` in Dallas";
                self.problem_with(&way.to("url"), message, Some(hint.to_owned()));
            }
        }
    }

    fn auth(&mut self, auth: &AuthSpec, way: &Way) -> Option<Auth> {
        let kind = auth.kind;
        let mut values = BTreeMap::new();
        let mut unread = false;
        for (key, text) in texts(auth) {
            let Some(text) = text else { continue };
            if let Some(kind) = kind.filter(|kind| !kind.keys().contains(&key)) {
                self.problem(&way.to(key), format!("a login of kind `{}` has no `{key}`", kind.as_str()));
            }
            // Whoever the user is may be a secret; where the login is may not.
            let value = if ["file", "iam_url"].contains(&key) {
                self.fixed(text, &way.to(key), false).map(Secret::new)
            } else {
                self.secret(text, &way.to(key))
            };
            let Some(value) = value else {
                unread = true;
                continue;
            };
            if ["password", "api_key", "token"].contains(&key) {
                // It may be typed as it is.
                self.secrets.push(value.clone());
            }
            values.insert(key, value);
        }
        // Without a kind, all that could be looked at was.
        let kind = kind?;
        let mut take = |key: &str| values.remove(key);
        let taken = match kind {
            AuthKind::Token => take("token").map(Auth::Token),
            AuthKind::TokenFile => take("file").map(|file| Auth::TokenFile(self.base.join(file.expose()))),
            AuthKind::IbmCloud => {
                let iam_url = take("iam_url").map(|url| url.expose().to_owned());
                take("api_key").map(|api_key| Auth::IbmCloud { api_key, iam_url })
            }
            AuthKind::Cp4dLegacy => take("username").zip(take("password")).map(|(username, password)| {
                let username = username.expose().to_owned();
                Auth::Cp4dLegacy { username, password }
            }),
            AuthKind::Cp4d => {
                let credential = match (take("password"), take("api_key")) {
                    (Some(password), None) => Some(Credential::Password(password)),
                    (None, Some(key)) => Some(Credential::ApiKey(key)),
                    _ => None,
                };
                take("username").zip(credential).map(|(username, credential)| {
                    let username = username.expose().to_owned();
                    Auth::Cp4d { username, credential }
                })
            }
        };
        if taken.is_none() && !unread && !self.spec.is_wrong(way) {
            self.problem(way, format!("a login of kind `{}` needs {}", kind.as_str(), kind.needs()));
        }
        taken
    }
}

/// The texts of a login by their keys.
pub(super) fn texts(auth: &AuthSpec) -> [(&'static str, &Option<String>); 6] {
    [
        ("username", &auth.username),
        ("password", &auth.password),
        ("api_key", &auth.api_key),
        ("token", &auth.token),
        ("file", &auth.file),
        ("iam_url", &auth.iam_url),
    ]
}
