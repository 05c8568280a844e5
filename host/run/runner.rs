//! Drives a plan: step after step, each recorded as soon as it ended, `always` steps whatever happened.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::data;
use crate::deadline::{Deadline, Stop};
use crate::engine::{self, CONTRACT, FailureCategory, Format, Places, StepContext, StepError, Waited};
use crate::plan::{Plan, PlannedStep, When};
use crate::services::{Masks, ServiceError, Services};

use super::artifacts;
use super::events::{Events, LogLevel};
use super::folder::{FolderError, RunFolder, RunId};
use super::ledger::Ledger;
use super::lend::{Lent, Loan, is_below};
use super::record::{FailureRecord, Outcome, RunRecord, StepOutcome, StepRecord};

/// The pause before a step's second try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Which steps of the plan to run.
#[derive(Debug)]
pub enum Choice {
    /// All, as their `when` says.
    All,
    /// These, whatever happened before.
    Only(Vec<String>),
}

impl Choice {
    /// Whether a step is one of those.
    pub fn includes(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(steps) => steps.iter().any(|step| step == id),
        }
    }
}

/// Why a run cannot go on. A step's failure is none of these: it is in the record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The services.
    #[error(transparent)]
    Services(#[from] ServiceError),
    /// A run of that name is there already.
    #[error("run `{0}` has run already")]
    Exists(String),
    /// A run of another pipeline.
    #[error("run `{run}` is one of pipeline `{pipeline}`")]
    Pipeline {
        /// The run.
        run: String,
        /// Its pipeline.
        pipeline: String,
    },
    /// A dry run's services ended with it.
    #[error("run `{0}` was a dry run, and its services ended with it")]
    DryRun(String),
    /// A run of the same services elsewhere.
    #[error("run `{run}` has `{service}` at `{then}`, not at `{now}`")]
    Elsewhere {
        /// The run.
        run: String,
        /// The service's name.
        service: String,
        /// Where it was when the run began.
        then: String,
        /// Where the spec has it now.
        now: String,
    },
    /// Another process runs the step.
    #[error("step `{step}` of run `{run}` is running in another process")]
    Busy {
        /// The step.
        step: String,
        /// The run.
        run: String,
    },
    /// A step that the plan does not have.
    #[error("the spec has no step `{0}`")]
    Step(String),
}

/// A run of a plan.
pub struct Runner<'a> {
    plan: &'a Plan,
    folder: RunFolder,
    record: RunRecord,
    services: Arc<Services>,
    ledger: Arc<Ledger>,
    events: Arc<Events>,
    stop: Stop,
}

impl<'a> Runner<'a> {
    /// Starts a run, or goes on with one of the same pipeline when single steps are chosen.
    pub fn new(
        plan: &'a Plan,
        runs: &Path,
        run: &RunId,
        choice: &Choice,
        dry_run: bool,
        stop: Stop,
    ) -> Result<Self, RunError> {
        if let Choice::Only(steps) = choice {
            let unknown = steps.iter().find(|id| !plan.steps.iter().any(|step| step.id == **id));
            if let Some(unknown) = unknown {
                return Err(RunError::Step(unknown.clone()));
            }
        }
        let masks = Masks::new();
        let user_agent = concat!("stepwise/", env!("CARGO_PKG_VERSION"));
        let services = Arc::new(Services::open(plan.services.clone(), user_agent, &masks)?);
        let folder = RunFolder::create(runs, run)?;
        let lock = folder.lock()?;
        let record = if folder.record().exists() {
            let record = RunRecord::read(&folder)?;
            if matches!(choice, Choice::All) {
                return Err(RunError::Exists(run.as_str().to_owned()));
            }
            if record.pipeline != plan.name {
                return Err(RunError::Pipeline { run: run.as_str().to_owned(), pipeline: record.pipeline });
            }
            check_services(&record, plan)?;
            record
        } else {
            let record = RunRecord {
                version: 1,
                run: run.as_str().to_owned(),
                pipeline: plan.name.clone(),
                spec: std::path::absolute(&plan.spec).unwrap_or_else(|_| plan.spec.clone()).display().to_string(),
                spec_sha256: plan.spec_sha256.clone(),
                stepwise: env!("CARGO_PKG_VERSION").to_owned(),
                contract: CONTRACT.to_owned(),
                dry_run,
                services: plan.services.iter().map(|service| (service.name.clone(), service.url.clone())).collect(),
                nonce: format!("{:06x}", fastrand::u32(..1 << 24)),
                started_at: super::now(),
                updated_at: super::now(),
                outcome: Outcome::Unfinished,
                steps: Vec::new(),
            };
            record.create(&folder)?;
            record
        };
        drop(lock);
        let ledger = Arc::new(Ledger::new(folder.path(), &plan.name, run.as_str(), &record.nonce));
        let events = Arc::new(Events::open(folder.path(), masks)?);
        Ok(Self { plan, folder, record, services, ledger, events, stop })
    }

    /// Runs the chosen steps. Answers the record, with the worst outcome of all the run's steps.
    pub fn run(mut self, choice: &Choice) -> Result<RunRecord, RunError> {
        // `cleanup` has a plan of its steps only; what others left stays in the record.
        let planned = self.plan.order();
        let before = self.record.steps.iter().map(|step| step.id.clone()).filter(|id| !planned.contains(id));
        let order: Vec<_> = before.chain(planned.iter().cloned()).collect();
        self.record.outcome = Outcome::Unfinished;
        self.record.gather(&self.folder, &order)?;
        let mut worst = Outcome::Succeeded;
        for step in &self.plan.steps {
            if !choice.includes(&step.id) {
                continue;
            }
            let runs = match (choice, step.when) {
                (Choice::Only(_), _) | (_, When::Always) => true,
                (_, When::Success) => worst == Outcome::Succeeded,
                (_, When::Failure) => worst != Outcome::Succeeded,
            };
            // The first signal ends the pipeline's work, not what must follow it, whenever the signal comes; a second
            // one ends the process.
            let stop = match step.when {
                When::Success => self.stop.clone(),
                When::Failure | When::Always => Stop::new(),
            };
            let busy = || RunError::Busy { step: step.id.clone(), run: self.record.run.clone() };
            let _running = self.folder.lock_step(&step.id)?.ok_or_else(busy)?;
            let record = if runs { self.step(step, &stop) } else { self.skipped(step) };
            worst = worst.max(record.outcome.into());
            self.record.keep(&self.folder, &record, &order)?;
            if self.stop.is_stopped() {
                // The step may have been about to end by itself.
                worst = Outcome::Interrupted;
                self.services.interrupt();
            }
        }
        let all = self.record.steps.iter().map(|step| step.outcome.into());
        let end = if self.stop.is_stopped() { Outcome::Interrupted } else { Outcome::Succeeded };
        self.record.outcome = all.max().unwrap_or(Outcome::Succeeded).max(end);
        self.record.gather(&self.folder, &order)?;
        Ok(self.record)
    }

    /// Runs a step as often as its `retry` says.
    fn step(&self, step: &PlannedStep, stop: &Stop) -> StepRecord {
        let start = Instant::now();
        let mut record = blank(step);
        self.events.step(&step.id, "step_started", "started");
        for attempt in 1..=step.attempts {
            record.attempts = attempt;
            let waited = Waited::default();
            let ended = match self.attempt(step, &mut record, waited, stop) {
                // Its requests were ended under its hands: what it says of them is not why it failed.
                Err(_) if stop.is_stopped() => Err(StepError::Interrupted),
                ended => ended,
            };
            record.ended_at = super::now();
            record.duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            let repeat = match &ended {
                Err(StepError::Failed(failure)) => failure.category == FailureCategory::Unavailable,
                Err(StepError::OutOfTime(_)) => true,
                _ => false,
            };
            settle(&mut record, ended, &self.events);
            if !repeat || attempt == step.attempts {
                break;
            }
            let pause = LONGEST_PAUSE.min(PAUSE * 2u32.saturating_pow(attempt - 1));
            let text = format!(
                "try {attempt} of {} failed: {}; again in {} ms",
                step.attempts,
                message(&record),
                pause.as_millis()
            );
            self.events.step(&step.id, "step_retried", &text);
            if stop.wait(pause) {
                settle(&mut record, Err(StepError::Interrupted), &self.events);
                break;
            }
            record.waiting_ms += pause.as_secs_f64() * 1000.0;
        }
        let seconds = record.duration_ms / 1000.0;
        let text = match record.outcome {
            StepOutcome::Succeeded => format!("done in {seconds:.2} s"),
            StepOutcome::Interrupted => format!("interrupted after {seconds:.2} s"),
            StepOutcome::GateMissed => format!("missed a gate after {seconds:.2} s"),
            _ => format!("failed after {seconds:.2} s"),
        };
        self.events.step(&step.id, "step_ended", &text);
        record
    }

    /// One try.
    fn attempt(
        &self,
        step: &PlannedStep,
        record: &mut StepRecord,
        waited: Waited,
        stop: &Stop,
    ) -> Result<Value, StepError> {
        let invalid = |message: String| {
            StepError::Failed(engine::Failure {
                category: FailureCategory::InvalidInput,
                message,
                hint: None,
                outputs: None,
            })
        };
        let outputs_of = |id: &str| self.outputs_of(id);
        let inputs = step.inputs.resolve(&outputs_of).map_err(invalid)?;
        record.inputs = inputs.clone();
        let info = &step.component.info;
        let absent = step.inputs.later().into_iter().find_map(|(pointer, template)| {
            let (name, reference) = (pointer.strip_prefix('/')?, template.alone()?);
            let absent = info.inputs.requires(name) && inputs.get(name).is_none();
            absent.then(|| format!("its input `{name}` has no value: `{reference}` has none in this run"))
        });
        if let Some(message) = absent {
            return Err(invalid(message));
        }
        if let Some((pointer, message)) = info.inputs.errors(&inputs).into_iter().next() {
            return Err(invalid(format!("its inputs are not what its schema says: {}", at(&pointer, &message))));
        }
        let loans = self.loans(step, &inputs).map_err(invalid)?;
        let lends = !loans.is_empty();
        let lent = Lent::new(self.folder.lent(&step.id), loans).map_err(|error| StepError::Host(error.to_string()))?;
        record.files.clone_from(&lent.files);
        let artifacts = self.folder.artifacts().join(&step.id);
        if info.artifacts {
            std::fs::create_dir_all(&artifacts)
                .map_err(|error| StepError::Host(format!("failed to create `{}`: {error}", artifacts.display())))?;
        }
        let context = Arc::new(StepContext {
            step: step.id.clone(),
            services: Arc::clone(&self.services),
            permit: step.permit.clone(),
            removes: step.removes,
            scoring: info.scoring,
            models: lent.models.clone(),
            ledger: Arc::clone(&self.ledger),
            events: Arc::clone(&self.events),
            deadline: Deadline::after(step.limits.time),
            stop: stop.clone(),
            limits: step.limits.clone(),
            waited,
            places: Places::new(step.limits.open_requests),
        });
        let data = lends.then_some(lent.folder.as_path());
        let ended =
            engine::execute(&step.component, &context, &inputs, data, info.artifacts.then_some(artifacts.as_path()));
        record.waiting_ms += context.waited.millis();
        let mut outputs = ended?;
        if let Some((pointer, message)) = info.outputs.errors(&outputs).into_iter().next() {
            return Err(StepError::Outputs(at(&pointer, &message)));
        }
        artifacts::place(&self.folder, &step.id, &info.outputs, &mut outputs)
            .map_err(|error| StepError::Outputs(error.to_string()))?;
        Ok(outputs)
    }

    /// The files that the inputs name.
    fn loans(&self, step: &PlannedStep, inputs: &Value) -> Result<Vec<Loan>, String> {
        let mut loans = Vec::new();
        for (_, format, value) in step.component.info.inputs.files(inputs) {
            let source = match format {
                Format::DataSet => {
                    let set = self.plan.data.get(&value).ok_or_else(|| format!("there is no data set `{value}`"))?;
                    data::fetch(set).map_err(|error| format!("data set `{value}`: {error}"))?
                }
                Format::Model if !is_below(&value) => {
                    return Err(format!("the model `{value}` must lie in the spec's folder"));
                }
                Format::Model => self.plan.folder().join(&value),
                Format::Artifact => artifacts::find(&self.folder, &value).map_err(|error| error.to_string())?,
            };
            loans.push(Loan { value, format: format.name(), source });
        }
        Ok(loans)
    }

    fn outputs_of(&self, id: &str) -> Option<Value> {
        let record = self.record.steps.iter().find(|step| step.id == id)?;
        record.outputs.clone().filter(|_| record.outcome == StepOutcome::Succeeded)
    }

    fn skipped(&self, step: &PlannedStep) -> StepRecord {
        self.events.step(&step.id, "step_skipped", "skipped");
        blank(step)
    }
}

/// The ledger's entries are of the services that the run began with.
fn check_services(record: &RunRecord, plan: &Plan) -> Result<(), RunError> {
    let run = record.run.clone();
    if record.dry_run {
        return Err(RunError::DryRun(run));
    }
    for service in &plan.services {
        match record.services.get(&service.name) {
            Some(then) if *then != service.url => {
                let (service, then, now) = (service.name.clone(), then.clone(), service.url.clone());
                return Err(RunError::Elsewhere { run, service, then, now });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What does not fit, and where, if it is not the whole.
fn at(pointer: &str, message: &str) -> String {
    let place = pointer.trim_start_matches('/');
    if place.is_empty() { message.to_owned() } else { format!("`{place}`: {message}") }
}

/// A step's record before it runs.
fn blank(step: &PlannedStep) -> StepRecord {
    let info = &step.component.info;
    let reported = info.outputs.properties().filter(|(_, schema)| schema.get("x-report") == Some(&Value::Bool(true)));
    StepRecord {
        id: step.id.clone(),
        component: info.name.clone(),
        version: info.version.clone(),
        sha256: step.component.sha256.clone(),
        outcome: StepOutcome::Skipped,
        started_at: super::now(),
        ended_at: super::now(),
        duration_ms: 0.0,
        waiting_ms: 0.0,
        attempts: 0,
        grants: step.permit.granted().map(|grant| format!("{} {grant}", grant.service)).collect(),
        inputs: step.inputs.sketch(),
        files: Vec::new(),
        outputs: None,
        report: reported.map(|(name, _)| name.clone()).collect(),
        failure: None,
    }
}

/// Notes in the record how a try ended.
fn settle(record: &mut StepRecord, ended: Result<Value, StepError>, events: &Events) {
    record.failure = None;
    record.outputs = None;
    let error = match ended {
        Ok(outputs) => {
            record.outcome = StepOutcome::Succeeded;
            record.outputs = Some(outputs);
            return;
        }
        Err(error) => error,
    };
    record.outcome = match &error {
        StepError::Interrupted => StepOutcome::Interrupted,
        StepError::Failed(failure) if failure.category == FailureCategory::Gate => StepOutcome::GateMissed,
        _ => StepOutcome::Failed,
    };
    let (category, hint) = match &error {
        StepError::Failed(failure) => {
            let found = failure.outputs.as_deref().and_then(|text| serde_json::from_str(text).ok());
            // No step reads it, and it is likely to quote a service.
            record.outputs = found.map(|found| masked(found, events));
            (category(failure.category), failure.hint.clone())
        }
        StepError::OutOfTime(_) => ("unavailable", Some("give the step a longer `timeout`".to_owned())),
        StepError::OutOfMemory(_) => ("internal", Some("give the step more under `limits: {memory: …}`".to_owned())),
        _ => ("internal", None),
    };
    let failure = FailureRecord {
        category: category.to_owned(),
        message: events.masked(&error.to_string()),
        hint: hint.map(|hint| events.masked(&hint)),
    };
    events.log(&record.id, LogLevel::Debug, &format!("{}: {}", failure.category, failure.message));
    record.failure = Some(failure);
}

/// A value without any secret in its texts.
fn masked(value: Value, events: &Events) -> Value {
    match value {
        Value::String(text) => events.masked(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| masked(item, events)).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, masked(value, events))).collect(),
        other => other,
    }
}

fn message(record: &StepRecord) -> &str {
    record.failure.as_ref().map_or("", |failure| &failure.message)
}

fn category(category: FailureCategory) -> &'static str {
    match category {
        FailureCategory::InvalidInput => "invalid-input",
        FailureCategory::Refused => "refused",
        FailureCategory::Unavailable => "unavailable",
        FailureCategory::Gate => "gate",
        FailureCategory::Internal => "internal",
    }
}

impl From<StepOutcome> for Outcome {
    fn from(outcome: StepOutcome) -> Self {
        match outcome {
            StepOutcome::Succeeded | StepOutcome::Skipped => Self::Succeeded,
            StepOutcome::GateMissed => Self::GateMissed,
            StepOutcome::Failed => Self::Failed,
            StepOutcome::Interrupted => Self::Interrupted,
        }
    }
}
