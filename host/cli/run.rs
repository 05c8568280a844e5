//! `stepwise run`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stepwise_stub::{Options, Stub};

use crate::console::Console;
use crate::data::DataError;
use crate::deadline::Stop;
use crate::error::Error;
use crate::exit;
use crate::plan::{DryRun, Plan};
use crate::report::{self, Look, ReportError};
use crate::run::{Choice, Outcome, RunError, RunFolder, RunId, RunRecord, Runner};
use crate::signal::Signal;
use crate::spec::Dialect;

use super::advice::{self, Folders};
use super::stub::faults;
use super::{OverrideArguments, RunsFolder, SecretsFolder, StepsFolder};

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
    /// ONNX file that answers in a dry run for a model of another kind, such as a pickle, which the stub never opens
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    twin: Option<PathBuf>,
    /// File that says how the embedded stub fails, on which calls of which routes
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    faults: Option<PathBuf>,
    /// Run only this step, for example in a Jenkins stage of its own; repeat it for several
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Of the step that `--only` names, run this shard, from 0; other processes may run the others at the same time
    #[arg(long, value_name = "INDEX", requires = "run", requires = "only", conflicts_with = "dry_run")]
    shard: Option<u32>,
    #[command(flatten)]
    overrides: OverrideArguments,
    /// Go on with the run that `--run` names from this step, for example after what made it fail is mended
    #[arg(long, value_name = "STEP", requires = "run", conflicts_with_all = ["only", "dry_run"])]
    from: Option<String>,
    /// Go on with a run that was killed or failed: what is done and has not changed is not done again
    #[arg(long, value_name = "ID", conflicts_with_all = ["run", "only", "from", "dry_run"])]
    resume: Option<String>,
    /// With `--resume`: start the run if it is not there, so that one command is right however often it is given
    #[arg(long, requires = "resume")]
    or_start: bool,
    /// Leave what the run creates, to look at it or to go on with it: no step that removes is run
    #[arg(long, conflicts_with = "dry_run")]
    keep: bool,
    /// Name of the run; give it when several calls with `--only` or `--from` make up one run
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    #[command(flatten)]
    secrets: SecretsFolder,
    #[command(flatten)]
    steps: StepsFolder,
    #[command(flatten)]
    runs: RunsFolder,
}

impl Run {
    pub(super) fn execute(self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let run = self.run.as_deref().or(self.resume.as_deref()).map(RunId::parse).transpose()?.unwrap_or_default();
        let spec = super::read(&self.spec, &self.overrides.overrides())?;
        let stub = self.dry_run.then(|| Stub::start(embedded(super::dialect(&spec), self.twin))).transpose()?;
        let mut environment = self.secrets.environment();
        if let (Some(stub), Some(file)) = (&stub, &self.faults) {
            for fault in faults(file)? {
                stub.fail(fault);
            }
        }
        if let Some(stub) = &stub {
            environment = environment.with_dry_run(DryRun {
                dialect: super::dialect(&spec),
                url: stub.url().to_owned(),
                platform_url: stub.platform_url().to_owned(),
                username: stub.username().to_owned(),
                password: stub.password().to_owned(),
                api_key: stub.api_key().to_owned(),
                space: stub.space_id().to_owned(),
                instance: stub.data_mart_id().to_owned(),
            });
        }
        let plan = super::plan(&spec, &self.steps, &environment, console)?;
        let choice = match self.from {
            Some(first) => Choice::from(&plan, first)?,
            None if self.resume.is_some() => Choice::resume(self.or_start),
            None if self.only.is_empty() => Choice::all(),
            None => match self.shard {
                Some(index) => Choice::shard(&plan, &self.only, index)?,
                None => Choice::only(&plan, self.only)?,
            },
        };
        let folders = Folders { secrets: &self.secrets, steps: &self.steps, runs: &self.runs };
        let conduct = Conduct {
            plan: &plan,
            run: &run,
            choice: &choice.keeping(self.keep),
            dry_run: self.dry_run,
            runs: &self.runs.runs,
            removal: advice::removal(&plan, &run, &folders),
        };
        conduct.execute(console, look, out)
    }
}

/// The stub of a dry run.
fn embedded(dialect: Dialect, twin: Option<PathBuf>) -> Options {
    let dialect = match dialect {
        Dialect::Cp4d35 => stepwise_stub::Dialect::Cp4d35,
        Dialect::Cp4d4 => stepwise_stub::Dialect::Cp4d4,
        Dialect::Cp4d5 => stepwise_stub::Dialect::Cp4d5,
        Dialect::IbmCloud => stepwise_stub::Dialect::IbmCloud,
    };
    Options { dialect, settle: SETTLE, twin, ..Options::default() }
}

/// A plan that is to run, as `run` and `cleanup` do.
pub(super) struct Conduct<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a RunId,
    pub(super) choice: &'a Choice,
    pub(super) dry_run: bool,
    /// Where runs are kept.
    pub(super) runs: &'a Path,
    /// The command that removes what is left if this is ended before it has.
    pub(super) removal: String,
}

impl Conduct<'_> {
    /// Runs it, shows the result and answers the exit code.
    pub(super) fn execute(self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let Self { plan, run, choice, dry_run, runs, removal } = self;
        let stop = Stop::new();
        let advice = if dry_run {
            "interrupted again; the stub, and what the dry run made there, ends too".to_owned()
        } else {
            format!("interrupted again; to remove what is left: {removal}")
        };
        let signal = Signal::watch(stop.clone(), console.clone(), advice)?;
        let runner = match Runner::new(plan, runs, run, choice, dry_run, stop, console) {
            // Nothing has begun, so nothing must follow.
            Err(RunError::Data { error, .. }) if matches!(*error, DataError::Interrupted { .. }) => {
                return Ok(signal.exit_code().unwrap_or(exit::INTERRUPTED));
            }
            runner => runner?,
        };
        let chosen: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).filter(|id| choice.includes(id)).collect();
        console.begin(&chosen);
        let (ledger, events) = (runner.ledger(), runner.events());
        let ran = runner.run(choice);
        console.end();
        let folder = RunFolder::open(runs, run).map_err(ReportError::from);
        let written = folder.and_then(|folder| report::write(&folder, &ledger, &events, &removal));
        // The run is what it is without them; what kept it from going on is told anyway.
        if let Some(error) = written.err().filter(|_| ran.is_ok()) {
            console.note("warning", &format!("the reports were not written: {error}"), None);
        }
        let record = ran?;
        report::text(&record, choice, look, out)?;
        let removing = plan.steps.iter().filter(|step| step.removes).map(|step| step.id.as_str());
        if choice.keeps() || (!dry_run && record.was_left_by(removing, choice)) {
            report::left(&ledger.left().map_err(RunError::Ledger)?, &removal, look, out)?;
        }
        Ok(signal.exit_code().unwrap_or_else(|| code(&record, choice)))
    }
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
