//! What `env` reads, and where secrets may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::services::{Auth, Credential, Proxies, Secret};

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
    /// The stub's address.
    pub url: String,
    /// Who logs in there.
    pub username: String,
    /// With which key.
    pub api_key: String,
    /// The stub's space.
    pub space: String,
}

impl DryRun {
    /// A stub that is not there, for a plan that is only looked at.
    pub fn planned() -> Self {
        let text = |text: &str| text.to_owned();
        Self { url: text("http://127.0.0.1"), username: text("stub"), api_key: text("stub"), space: text("stub") }
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
        let values = [("CPD_URL", &dry_run.url), ("CPD_USERNAME", &dry_run.username), ("CPD_SPACE", &dry_run.space)];
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

    /// The address and login that replace those of every service.
    pub(super) fn stand_in(&self) -> Option<(String, Auth)> {
        let dry_run = self.dry_run.as_ref()?;
        let credential = Credential::ApiKey(Secret::new(dry_run.api_key.clone()));
        Some((dry_run.url.clone(), Auth::Cp4d { username: dry_run.username.clone(), credential }))
    }
}
