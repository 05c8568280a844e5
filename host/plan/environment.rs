//! What `env` reads, and where secrets may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::services::{Auth, Credential, Proxies, Secret};
use crate::spec::Dialect;

/// The variables of the host that a spec may read.
#[derive(Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    secrets: Option<PathBuf>,
    dry_run: Option<DryRun>,
    allows_unset: bool,
}

/// Where a dry run's services are.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Which product the stub is.
    pub dialect: Dialect,
    /// The stub's address.
    pub url: String,
    /// The address of its platform, where that is another one; IAM and OpenScale are there too.
    pub platform_url: String,
    /// Who logs in there.
    pub username: String,
    /// With which password, if not with the key.
    pub password: String,
    /// With which key.
    pub api_key: String,
    /// The stub's space.
    pub space: String,
    /// The stub's OpenScale instance.
    pub instance: String,
}

/// What stands in for a service of the spec.
pub(super) struct StandIn {
    pub(super) url: String,
    pub(super) platform_url: Option<String>,
    pub(super) dialect: Option<Dialect>,
    pub(super) auth: Auth,
}

/// The service that is elsewhere than WML on IBM Cloud.
const OPENSCALE: &str = "openscale";

impl DryRun {
    /// A stub that is not there, for a plan that is only looked at.
    pub fn planned(dialect: Dialect) -> Self {
        let (url, stub) = ("http://127.0.0.1".to_owned(), "stub".to_owned());
        Self {
            dialect,
            platform_url: url.clone(),
            url,
            username: stub.clone(),
            password: stub.clone(),
            api_key: stub.clone(),
            space: stub.clone(),
            instance: "00000000-0000-0000-0000-000000000000".to_owned(),
        }
    }

    fn stand_in(&self, service: &str) -> StandIn {
        let is_cloud = self.dialect == Dialect::IbmCloud;
        let (username, api_key) = (self.username.clone(), Secret::new(self.api_key.clone()));
        let auth = match self.dialect {
            Dialect::Cp4d35 => Auth::Cp4dLegacy { username, password: Secret::new(self.password.clone()) },
            Dialect::Cp4d4 | Dialect::Cp4d5 => Auth::Cp4d { username, credential: Credential::ApiKey(api_key) },
            Dialect::IbmCloud => Auth::IbmCloud { api_key, iam_url: Some(self.platform_url.clone()) },
        };
        let url = if is_cloud && service == OPENSCALE { &self.platform_url } else { &self.url }.clone();
        let platform_url = is_cloud.then(|| self.platform_url.clone());
        StandIn { url, platform_url, dialect: Some(self.dialect), auth }
    }
}

impl Environment {
    /// The variables of this process. What is not UTF-8 counts as unset.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect(), ..Self::default() }
    }

    /// The same with a folder of secrets, a file of its name for each.
    #[must_use]
    pub fn with_secrets(mut self, folder: Option<PathBuf>) -> Self {
        self.secrets = folder;
        self
    }

    /// The same, but every service is the stub: its address, login and space stand in for the ones of the spec, so that
    /// neither need be set.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: DryRun) -> Self {
        let values = [
            ("CPD_URL", &dry_run.url),
            ("CPD_USERNAME", &dry_run.username),
            ("CPD_SPACE", &dry_run.space),
            ("OPENSCALE_INSTANCE", &dry_run.instance),
        ];
        self.variables.extend(values.map(|(name, value)| (name.to_owned(), value.clone())));
        self.dry_run = Some(dry_run);
        self
    }

    /// The same, but what is not set is no error: for a spec that is only looked at.
    #[must_use]
    pub fn allowing_unset(self) -> Self {
        Self { allows_unset: true, ..self }
    }

    /// Whether what is not set is no error.
    pub(super) fn allows_unset(&self) -> bool {
        self.allows_unset
    }

    /// An environment variable.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The proxies that it names.
    pub(super) fn proxies(&self) -> Proxies {
        Proxies::of(|name| self.variable(name).map(str::to_owned))
    }

    /// The folder of secrets.
    pub(super) fn secrets_folder(&self) -> Option<&Path> {
        self.secrets.as_deref()
    }

    /// Whether nothing is asked of the services that the spec names.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run.is_some()
    }

    /// What replaces addresses and login of a service.
    pub(super) fn stand_in(&self, service: &str) -> Option<StandIn> {
        self.dry_run.as_ref().map(|dry_run| dry_run.stand_in(service))
    }
}
