//! `stepwise cleanup`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::error::Error;
use crate::plan::{Overrides, Plan};
use crate::report::Look;
use crate::run::{Choice, RunFolder, RunId, RunRecord};
use crate::services::is_masked;
use crate::spec::Spec;

use super::advice::Folders;
use super::run::Conduct;
use super::{RunsFolder, SecretsFolder, StepsFolder};

/// Remove what a run has left behind
#[derive(Debug, Args)]
pub(super) struct Cleanup {
    /// Spec of the run, for its services and its cleanup step; without it, the spec that the run's record names
    spec: Option<PathBuf>,
    /// Run to clean up after
    #[arg(long, value_name = "ID")]
    run: String,
    /// Value to use instead of the spec's. What `run` was given is known, but for secrets: give those again
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    secrets: SecretsFolder,
    #[command(flatten)]
    steps: StepsFolder,
    #[command(flatten)]
    runs: RunsFolder,
}

impl Cleanup {
    pub(super) fn execute(self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let run = RunId::parse(&self.run)?;
        let record = RunRecord::read(&RunFolder::open(&self.runs.runs, &run)?)?;
        let spec = self.spec.unwrap_or_else(|| PathBuf::from(&record.spec));
        let engine = super::engine()?;
        // The services are to be those of the run. What the record has masked, nobody knows any more.
        let known = record.overrides.set.iter().filter(|set| !is_masked(set)).cloned();
        let set = known.chain(self.set).collect();
        let overrides = Overrides { profile: record.overrides.profile.clone(), set };
        let read = Spec::read(&spec, &overrides).map_err(Error::Spec)?;
        let environment = self.secrets.environment();
        let plan = Plan::for_cleanup(&read, &engine, &self.steps.path(), &environment).map_err(Error::Spec)?;
        super::warn(&engine, console);
        let cleaning: Vec<String> = plan.steps.iter().filter(|step| step.removes).map(|step| step.id.clone()).collect();
        if cleaning.is_empty() {
            return Err(Error::NoCleanup(spec));
        }
        let conduct = Conduct {
            plan: &plan,
            run: &run,
            choice: &Choice::only(&plan, cleaning)?,
            dry_run: record.dry_run,
            folders: Folders { secrets: &self.secrets, steps: &self.steps, runs: &self.runs },
        };
        conduct.execute(console, look, out)
    }
}
