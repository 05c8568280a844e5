//! The plan: a spec that was checked as a whole against the components, before anything runs.
//!
//! `resolve` makes a plan of a spec, `inputs` resolves a step's inputs, `retry` says when a step is tried again, `stale` what
//! is looked for that lost runs have left, `shard` splits a step, `environment` is what `env` reads, `secrets` where secrets come from.
//! A plan is pure: making one sends nothing and writes nothing.

mod environment;
mod inputs;
mod resolve;
mod retry;
mod secrets;
mod shard;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::data::DataSet;
use crate::engine::{Component, Limits};
use crate::services::{Permit, Secret, ServiceConfig};
pub use crate::spec::{ContinueOn, Overrides, When};

pub use environment::{DryRun, Environment};
pub use inputs::{Inputs, OutputsOf};
pub use retry::{Backoff, Retry};
pub use shard::{Share, spec_id};
pub use stale::{Stale, tag_prefix};

/// A pipeline that can run.
#[derive(Debug)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// The spec, as it was named.
    pub spec: PathBuf,
    /// What is laid over the spec.
    pub overrides: Overrides,
    /// SHA-256 of the spec.
    pub spec_sha256: String,
    /// How long the run may take before its `always` steps, if not as long as it takes.
    pub time: Option<Duration>,
    /// The services.
    pub services: Vec<ServiceConfig>,
    /// Every secret that was read, to be masked.
    pub secrets: Vec<Secret>,
    /// Variables that secrets are read from and that are not set, where that is allowed.
    pub unset_secrets: BTreeSet<String>,
    /// The data sets by name.
    pub data: BTreeMap<String, DataSet>,
    /// The models by name, but for those that lie beside the spec.
    pub models: BTreeMap<String, DataSet>,
    /// The steps that run, in order; one that is split has its shards before it.
    pub steps: Vec<PlannedStep>,
    /// The steps that no run runs: they remove what lost runs have left.
    pub stale: Vec<PlannedStep>,
    /// Whether every run is to remove what it creates, however it ends.
    pub keeps_nothing: bool,
    /// Whether `steps` are all that a run runs, not only those that remove.
    pub is_whole: bool,
}

/// A step of a plan.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// What other steps call it; a shard has its number after it, as `score.0`.
    pub id: String,
    /// What of its work it does.
    pub share: Share,
    /// Its place among all steps of the spec, from 0.
    pub place: usize,
    /// What runs.
    pub component: Component,
    /// Its inputs; references to outputs are resolved when it runs.
    pub inputs: Inputs,
    /// What it may send.
    pub permit: Permit,
    /// Whether it may remove what the run created.
    pub removes: bool,
    /// When it runs.
    pub when: When,
    /// After which failure of it the pipeline goes on.
    pub continue_on: Option<ContinueOn>,
    /// Whether it is tried again.
    pub retry: Retry,
    /// Its limits.
    pub limits: Limits,
}

impl Plan {
    /// Whether it is of the steps that remove what lost runs have left.
    pub fn is_sweep(&self) -> bool {
        self.steps.iter().any(|step| step.when == When::Stale)
    }

    /// All steps of the spec, in its order: those that run, and those that remove what lost runs have left.
    pub fn all_steps(&self) -> Vec<&PlannedStep> {
        let mut all: Vec<_> = self.steps.iter().chain(&self.stale).filter(|step| step.shard().is_none()).collect();
        all.sort_by_key(|step| step.place);
        all
    }

    /// The ids of the steps that run, in order.
    pub fn order(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.id.clone()).collect()
    }

    /// The ids of the steps that run unless one fails, in order.
    pub fn expected(&self) -> Vec<String> {
        self.steps.iter().filter(|step| step.when != When::Failure).map(|step| step.id.clone()).collect()
    }

    /// What everybody should know who trusts a run of it. In a dry run the services are the stub; all else is as ever.
    pub fn warnings(&self, dry_run: bool) -> Vec<String> {
        let services = self.services.iter().filter(|_| !dry_run).filter_map(ServiceConfig::warning);
        let fetched = self.data.iter().chain(&self.models).filter_map(|(name, set)| set.warning(name));
        services.chain(fetched).collect()
    }

    /// The folder that paths of the spec are relative to.
    pub fn folder(&self) -> PathBuf {
        self.spec.parent().map(std::path::Path::to_owned).unwrap_or_default()
    }
}
