//! `stepwise cleanup`: of one run, by its ledger, or of all lost runs, by their tags.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::console::Console;
use crate::error::Error;
use crate::exit;
use crate::plan::{Environment, Overrides, Plan, Stale};
use crate::report::Look;
use crate::run::{Choice, LocalRuns, RunError, RunFolder, RunId, RunRecord};
use crate::spec::{Spec, parse_age, parse_duration};

use super::advice::{self, ANY_AGE, Folders};
use super::run::Conduct;
use super::{OverrideArguments, RunsFolder, SecretsFolder, StepsFolder, variable};

/// Remove what a run, or any lost run of a pipeline, has left behind
#[derive(Debug, Args)]
pub(super) struct Cleanup {
    /// Spec of the run, for its services and its cleanup step; without it, the spec that the run's record names. With `--stale`,
    /// the spec of the pipeline
    spec: Option<PathBuf>,
    /// Run to clean up after. With `--stale`, the only one that is meant, for example as what is kept of it is damaged
    #[arg(long, value_name = "ID", required_unless_present = "stale")]
    run: Option<String>,
    /// Remove what any run of the pipeline has left, by the runs' tags: also of a run whose folder went with its machine. What
    /// was kept on purpose is removed too
    #[arg(long, requires = "spec")]
    stale: bool,
    /// With `--stale`: how old the youngest thing that a run has left must be, for example `12h`; give more than a run takes
    #[arg(long, value_name = "AGE", requires = "stale", conflicts_with = "wait", default_value = "1d")]
    older_than: Age,
    /// With `--stale`: list what would be removed, and remove nothing
    #[arg(long, requires = "stale", conflicts_with = "wait")]
    dry_run: bool,
    /// With `--stale`: profile of the spec to apply; without it, the one that `STEPWISE_PROFILE` names
    #[arg(long, value_name = "NAME", requires = "stale", conflicts_with = "wait")]
    profile: Option<String>,
    /// Value to use instead of the spec's. What `run` was given is known, but for secrets: give those again
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// How long to wait for a process that still runs steps of the run instead of giving up, for example `15m` after an abort in
    /// Jenkins, which goes on before the step has ended
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "stale")]
    wait: Option<Duration>,
    #[command(flatten)]
    secrets: SecretsFolder,
    #[command(flatten)]
    steps: StepsFolder,
    #[command(flatten)]
    runs: RunsFolder,
}

/// A duration as it was typed.
#[derive(Debug, Clone)]
struct Age {
    text: String,
    time: Duration,
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), time: parse_age(text)? })
    }
}

impl Cleanup {
    pub(super) fn execute(self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let run = self.run.as_deref().map(RunId::parse).transpose()?;
        match (run.as_ref(), &self.spec) {
            (Some(run), spec) if !self.stale => self.of_run(run, spec.as_deref(), console, look, out),
            (run, spec) => self.of_lost_runs(run, spec.as_deref().unwrap_or(Path::new("")), console, look, out),
        }
    }

    fn of_run(
        &self,
        run: &RunId,
        file: Option<&Path>,
        console: &Console,
        look: Look,
        out: &mut impl Write,
    ) -> Result<u8, Error> {
        let folder = RunFolder::open(&self.runs.runs, run)?;
        if !folder.has_begun() {
            if !folder.wait_for_others(self.wait.unwrap_or_default())? {
                return Err(RunError::Alive { run: run.as_str().to_owned(), can_wait: true }.into());
            }
            if !folder.has_begun() {
                writeln!(
                    out,
                    "run {} was ended before it had begun: nothing was sent, so nothing is left",
                    run.as_str()
                )?;
                return Ok(exit::DONE);
            }
        }
        let folders = self.folders();
        let overrides = Overrides { profile: None, set: self.set.clone() };
        let record = record(&self.runs, run);
        let record = record.map_err(|error| advice::or_by_tags(error, file, run, &overrides, &folders))?;
        let file = file.map_or_else(|| PathBuf::from(&record.spec), Path::to_owned);
        if self.spec.is_none() && matches!(file.try_exists(), Ok(false)) {
            return Err(Error::NoSpec { run: record.run, spec: file, command: advice::cleanup(run, &folders) });
        }
        let spec = spec(&file, &record, self.set.clone())?;
        let plan = plan(&spec, &self.steps, &self.secrets.environment(), console)?;
        let cleaning: Vec<String> = plan.steps.iter().filter(|step| step.removes).map(|step| step.id.clone()).collect();
        if cleaning.is_empty() {
            return Err(Error::NoCleanup(file));
        }
        // Resources that a step is still creating could be missed.
        let choice = Choice::only(&plan, &cleaning)?.alone();
        if let Some(most) = self.wait {
            wait(&folder, most, console)?;
        }
        let conduct = Conduct {
            plan: &plan,
            run,
            choice: &choice,
            dry_run: record.dry_run,
            runs: &self.runs.runs,
            removal: advice::removal(&plan, run, &folders),
            by_tags: Some(advice::stale(&plan, Some(run), ANY_AGE, &folders)),
            swept: None,
        };
        conduct.execute(console, look, out)
    }

    fn of_lost_runs(
        &self,
        run: Option<&RunId>,
        spec: &Path,
        console: &Console,
        look: Look,
        out: &mut impl Write,
    ) -> Result<u8, Error> {
        let profile = self.profile.clone().or_else(|| variable("STEPWISE_PROFILE")?.into_string().ok());
        let read = super::read(spec, &OverrideArguments { profile, set: self.set.clone() }.overrides())?;
        // Held to the end, so that no run goes on with what is about to be removed.
        let local = LocalRuns::of(&self.runs.runs, &read.name, run)?;
        let stale = Stale {
            older_than: self.older_than.time,
            run: run.map(|run| run.as_str().to_owned()),
            alive: local.alive.clone(),
            lists: self.dry_run,
        };
        let engine = super::engine()?;
        let environment = self.secrets.environment();
        let plan = Plan::for_stale(&read, &engine, &self.steps.path(), &environment, stale).map_err(Error::Spec)?;
        super::warn(&engine, console);
        if plan.steps.is_empty() {
            return Err(Error::NoStale(spec.to_owned()));
        }
        // Who names a run wants nothing of it.
        if !plan.keeps_nothing && !self.dry_run && run.is_none() {
            return Err(Error::Keeps(spec.to_owned()));
        }
        let conduct = Conduct {
            plan: &plan,
            run: &RunId::of_stale(),
            choice: &Choice::all(),
            dry_run: false,
            runs: &self.runs.runs,
            removal: advice::stale(&plan, run, &self.older_than.text, &self.folders()),
            by_tags: None,
            swept: Some(&local),
        };
        conduct.execute(console, look, out)
    }

    fn folders(&self) -> Folders<'_> {
        Folders { secrets: &self.secrets, steps: &self.steps, runs: &self.runs }
    }
}

/// Waits for other processes of the run. Who comes too late is told when it cannot enter.
fn wait(folder: &RunFolder, most: Duration, console: &Console) -> Result<(), Error> {
    if !folder.wait_for_others(Duration::ZERO)? {
        console.note("waiting", "waiting for another process, which still runs steps of the run", None);
        folder.wait_for_others(most)?;
    }
    Ok(())
}

/// What is known of the run.
pub(super) fn record(runs: &RunsFolder, run: &RunId) -> Result<RunRecord, Error> {
    Ok(RunRecord::read(&RunFolder::open(&runs.runs, run)?)?)
}

/// The spec as the run had it: the services are to be those of the run.
pub(super) fn spec(file: &Path, record: &RunRecord, set: Vec<String>) -> Result<Spec, Error> {
    super::read(file, &super::on_top_of(&record.overrides, Overrides { profile: None, set }))
}

/// The plan of the steps that remove.
pub(super) fn plan(
    spec: &Spec,
    steps: &StepsFolder,
    environment: &Environment,
    console: &Console,
) -> Result<Plan, Error> {
    let engine = super::engine()?;
    let plan = Plan::for_cleanup(spec, &engine, &steps.path(), environment).map_err(Error::Spec)?;
    super::warn(&engine, console);
    Ok(plan)
}
