//! `stepwise run`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stepwise_stub::{Options, Stub};

use crate::console::Console;
use crate::deadline::Stop;
use crate::error::Error;
use crate::exit;
use crate::plan::{DryRun, Overrides, Plan};
use crate::report::{self, Look, ReportError};
use crate::run::{Choice, LocalRuns, Outcome, RunError, RunFolder, RunId, RunRecord, Runner};
use crate::signal::Signal;
use crate::spec::Dialect;

use super::advice::{self, ANY_AGE, Folders};
use super::stub::faults;
use super::{OverrideArguments, RunsFolder, SecretsFolder, StepsFolder};

/// How long the embedded stub's asynchronous states take: long enough to be waited for, no longer.
const SETTLE: Duration = Duration::from_millis(20);

/// What no dry run can have. To require `--dry-run` is not enough for what only a dry run has: clap does not miss an argument
/// that could not be there.
const REAL: [&str; 3] = ["from", "resume", "keep"];

/// What is of no single step, for the same reason.
const SEVERAL: [&str; 3] = ["dry_run", "from", "resume"];

/// What `--or-start` is not of, for the same reason.
const OTHERS: [&str; 7] = ["run", "only", "from", "dry_run", "shard", "twin", "faults"];

/// Run the steps of a spec in order
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Spec to run
    spec: PathBuf,
    /// Run against the embedded stub instead of the spec's services: nothing leaves this machine, no credentials are needed
    #[arg(long, conflicts_with_all = REAL)]
    dry_run: bool,
    /// ONNX file that answers in a dry run for a model of another kind, such as a pickle, which the stub never opens
    #[arg(long, value_name = "FILE", requires = "dry_run", conflicts_with_all = REAL)]
    twin: Option<PathBuf>,
    /// File that says how the embedded stub fails, on which calls of which routes
    #[arg(long, value_name = "FILE", requires = "dry_run", conflicts_with_all = REAL)]
    faults: Option<PathBuf>,
    /// Run only this step, for example in a Jenkins stage of its own; repeat it for several
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Of the step that `--only` names, run this shard, from 0; other processes may run the others at the same time
    #[arg(long, value_name = "INDEX", requires = "run", requires = "only", conflicts_with_all = SEVERAL)]
    shard: Option<u32>,
    #[command(flatten)]
    overrides: OverrideArguments,
    /// Go on with the run that `--run` names from this step, for example after what made it fail is mended
    #[arg(long, value_name = "STEP", requires = "run", conflicts_with = "only")]
    from: Option<String>,
    /// Go on with a run that was killed or failed: what is done and has not changed is not done again. Its profile and the
    /// values that it was given hold, as with `--only` and `--from`, unless others are given; secrets are given again
    #[arg(long, value_name = "ID", conflicts_with_all = ["run", "only", "from"])]
    resume: Option<String>,
    /// With `--resume`: start the run if it is not there, so that one command is right however often it is given
    #[arg(long, requires = "resume", conflicts_with_all = OTHERS)]
    or_start: bool,
    /// Leave what the run creates, to look at it or to go on with it: no step that removes is run
    #[arg(long)]
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
        let overrides = self.overrides.overrides();
        let folders = Folders { secrets: &self.secrets, steps: &self.steps, runs: &self.runs };
        let known = self.known(&run);
        let known = known.map_err(|error| advice::or_by_tags(error, Some(&self.spec), &run, &overrides, &folders))?;
        let spec = super::read(&self.spec, &super::on_top_of(&known, overrides))?;
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
                None => Choice::only(&plan, &self.only)?,
            },
        };
        let conduct = Conduct {
            plan: &plan,
            run: &run,
            choice: &choice.keeping(self.keep),
            dry_run: self.dry_run,
            runs: &self.runs.runs,
            removal: advice::removal(&plan, &run, &folders),
            by_tags: Some(advice::stale(&plan, Some(&run), ANY_AGE, &folders)),
            swept: None,
        };
        let ended = conduct.execute(console, look, out);
        for (fault, calls) in stub.iter().flat_map(Stub::idle_faults) {
            let matched = if calls == 0 { "no call".to_owned() } else { format!("only {calls} of its calls") };
            let text = format!("the fault of `{} {}` struck nothing: {matched} came", fault.method, fault.path);
            console.note("warning", &text, None);
        }
        ended
    }

    /// What was laid over the spec when the run began, if this goes on with one.
    fn known(&self, run: &RunId) -> Result<Overrides, Error> {
        let goes_on = self.resume.is_some() || self.from.is_some() || !self.only.is_empty();
        match RunFolder::open(&self.runs.runs, run) {
            // One that ended before its record was begun is as good as new; one that is not there is told later.
            Ok(folder) if goes_on && folder.record().exists() => Ok(RunRecord::read(&folder)?.overrides),
            _ => Ok(Overrides::default()),
        }
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
    /// The one that does so if what is kept of the run is damaged; none if there is nothing that it could know.
    pub(super) by_tags: Option<String>,
    /// The runs here whose leftovers this removes.
    pub(super) swept: Option<&'a LocalRuns>,
}

impl Conduct<'_> {
    /// Runs it, shows the result and answers the exit code.
    pub(super) fn execute(mut self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let by_tags = self.by_tags.take().filter(|_| !self.dry_run);
        self.carry_out(console, look, out).map_err(|error| match by_tags {
            Some(by_tags) if error.is_damage() => Error::Damaged { error: Box::new(error), by_tags },
            _ => error,
        })
    }

    fn carry_out(self, console: &Console, look: Look, out: &mut impl Write) -> Result<u8, Error> {
        let Self { plan, run, choice, dry_run, runs, removal, swept, .. } = self;
        let stop = Stop::new();
        let advice = if dry_run {
            "interrupted again; the stub, and what the dry run made there, ends too".to_owned()
        } else {
            format!("interrupted again; to remove what is left: {removal}")
        };
        let signal = Signal::watch(stop.clone(), console.clone(), advice)?;
        let runner = match Runner::new(plan, runs, run, choice, dry_run, stop, console) {
            // Nothing has begun, so nothing must follow.
            Err(error) if error.is_interrupted() => return Ok(signal.exit_code().unwrap_or(exit::INTERRUPTED)),
            runner => runner?,
        };
        report::forget_headline(&RunFolder::open(runs, run).map_err(RunError::Folder)?).map_err(RunError::Folder)?;
        let chosen: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).filter(|id| choice.includes(id)).collect();
        console.begin(&chosen);
        let (ledger, events) = (runner.ledger(), runner.events());
        let ran = runner.run(choice);
        console.end();
        let folder = RunFolder::open(runs, run).map_err(ReportError::from);
        let written = folder.and_then(|folder| report::write(&folder, &ledger, &events, &removal));
        // The run is what it is without them; what kept it from going on is told anyway.
        if let Some(error) = written.err().filter(|_| matches!(ran, Ok((_, None)))) {
            console.note("warning", &format!("the reports were not written: {error}"), None);
        }
        let (record, unwritten) = ran?;
        report::text(&record, choice, look, out)?;
        // Else something that was to be removed may still be there.
        if let Some(local) = swept.filter(|_| record.outcome == Outcome::Succeeded) {
            local.settle(plan, &events.removed()).map_err(RunError::Ledger)?;
        }
        let removing = plan.steps.iter().filter(|step| step.removes).map(|step| step.id.as_str());
        if choice.keeps() || (!dry_run && record.was_left_by(removing, choice)) {
            match ledger.left() {
                Ok(left) => report::left(&left, &removal, look, out)?,
                // What could not be written came first.
                Err(_) if unwritten.is_some() => {}
                Err(error) => return Err(RunError::Ledger(error).into()),
            }
        }
        if let Some(error) = unwritten {
            return Err(error.into());
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
