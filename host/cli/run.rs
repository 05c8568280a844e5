//! `stepwise run`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use std::time::Duration;
use stepwise_stub::{Options, Stub};

use crate::deadline::Stop;
use crate::error::Error;
use crate::exit;
use crate::plan::{DryRun, Environment, Plan};
use crate::report;
use crate::run::{Choice, Outcome, RunId, RunRecord, Runner};
use crate::signal::Signal;

use super::{OverrideArguments, RunsFolder, StepsFolder};

/// How long the embedded stub's asynchronous states take: long enough to be waited for, no longer.
const SETTLE: Duration = Duration::from_millis(20);

/// Run the steps of a spec in order
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Spec to run
    spec: PathBuf,
    /// Run against the embedded stub instead of the spec's services: nothing leaves this machine, no credentials are needed
    #[arg(long)]
    dry_run: bool,
    /// Run only this step, for example in a Jenkins stage of its own; repeat it for several
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    #[command(flatten)]
    overrides: OverrideArguments,
    /// Name of the run; give it when several calls with `--only` make up one run
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    #[command(flatten)]
    steps: StepsFolder,
    #[command(flatten)]
    runs: RunsFolder,
}

impl Run {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let run = self.run.as_deref().map(RunId::parse).transpose()?.unwrap_or_default();
        let stub = self.dry_run.then(|| Stub::start(Options { settle: SETTLE, ..Options::default() })).transpose()?;
        let mut environment = Environment::of_process();
        if let Some(stub) = &stub {
            environment = environment.with_dry_run(DryRun {
                url: stub.url().to_owned(),
                username: stub.username().to_owned(),
                api_key: stub.api_key().to_owned(),
                space: stub.space_id().to_owned(),
            });
        }
        let overrides = self.overrides.overrides();
        let (_, plan) = super::plan(&self.spec, &overrides, &self.steps, &environment)?;
        let choice = if self.only.is_empty() { Choice::All } else { Choice::Only(self.only) };
        conduct(&plan, &self.runs, &run, &choice, self.dry_run, out)
    }
}

/// Runs a plan, shows the result and answers the exit code.
pub(super) fn conduct(
    plan: &Plan,
    runs: &RunsFolder,
    run: &RunId,
    choice: &Choice,
    dry_run: bool,
    out: &mut impl Write,
) -> Result<u8, Error> {
    let stop = Stop::new();
    let advice = format!(
        "interrupted again; to remove what is left: stepwise cleanup {} --run {} --runs {}",
        plan.spec.display(),
        run.as_str(),
        runs.runs.display()
    );
    let signal = Signal::watch(stop.clone(), advice)?;
    let record = Runner::new(plan, &runs.runs, run, choice, dry_run, stop)?.run(choice)?;
    report::text(&record, choice, out)?;
    Ok(signal.exit_code().unwrap_or_else(|| code(&record, choice)))
}

/// Of all steps, or of the chosen ones.
fn code(record: &RunRecord, choice: &Choice) -> u8 {
    let outcome =
        record.steps.iter().filter(|step| choice.includes(&step.id)).map(|step| Outcome::from(step.outcome)).max();
    match outcome.unwrap_or(Outcome::Succeeded) {
        Outcome::Succeeded => exit::DONE,
        Outcome::GateMissed => exit::GATE_MISSED,
        Outcome::Failed | Outcome::Unfinished => exit::STEP_FAILED,
        Outcome::Interrupted => exit::INTERRUPTED,
    }
}
