//! Drives a plan: step after step, each recorded as soon as it ended, `always` steps whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::console::{Console, Stage};
use crate::deadline::{Deadline, Stop};
use crate::engine::{CONTRACT, StepError};
use crate::plan::{ContinueOn, Overrides, Plan, PlannedStep, When, spec_id};
use crate::services::{Masks, Services};

use super::brought::Brought;
use super::choice::Choice;
use super::error::RunError;
use super::events::{Events, LogLevel};
use super::folder::{RunFolder, RunId};
use super::ledger::Ledger;
use super::local_runs::wait_at_gate;
use super::record::{Outcome, RunRecord};
use super::step_record::{StepOutcome, StepRecord};

/// A run of a plan.
pub struct Runner<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: RunFolder,
    record: RunRecord,
    pub(super) services: Arc<Services>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) events: Arc<Events>,
    pub(super) brought: Brought,
    stop: Stop,
    /// The end of the run's time, for steps that need not follow whatever happens.
    end: Option<Deadline>,
    /// Shows other processes which steps are to run in shards.
    _claims: Vec<File>,
    /// Shows other processes that the run is alive.
    _alive: File,
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
        console: &Console,
    ) -> Result<Self, RunError> {
        if choice.goes_on() {
            // A run that is not there is not to be made.
            RunFolder::open(runs, run)?;
        }
        let masks = Masks::of(&plan.secrets);
        let user_agent = concat!("stepwise/", env!("CARGO_PKG_VERSION"));
        let services = Arc::new(Services::open(plan.services.clone(), user_agent, &masks)?);
        let warnings = plan.warnings(dry_run);
        // Before anything is fetched.
        for warning in &warnings {
            console.note("warning", warning, None);
        }
        // All that may be missing is looked for before anything is made, here or at a service.
        let brought = Brought::new(plan, choice, &masks, &stop, console)?;
        // A dry run leaves nothing that could be taken for a lost one's.
        let gate =
            if dry_run || plan.is_sweep() { None } else { Some(wait_at_gate(runs, &plan.name, &stop, console)?) };
        let folder = RunFolder::create(runs, run)?;
        let alive = folder.enter(choice.is_alone())?.ok_or_else(|| choice.kept_out(run))?;
        drop(gate);
        let lock = folder.lock()?;
        // A secret may be set, but it is not kept: who goes on with the run sets it again.
        let set = plan.overrides.set.iter().map(|text| masks.mask(text).into_owned()).collect();
        let overrides = Overrides { profile: plan.overrides.profile.clone(), set };
        let mut record = if folder.record().exists() {
            let mut record = goes_on(&folder, plan, run, choice, &warnings)?;
            if choice.resumes() {
                record.resume_with(overrides);
            }
            record
        } else {
            let record = begins(plan, run, dry_run, &warnings, overrides);
            record.create(&folder)?;
            record
        };
        let ledger = Arc::new(Ledger::new(folder.path(), &plan.name, run.as_str(), &record.nonce));
        choice.check(plan, &record, &ledger)?;
        let claims = claim_shards(plan, choice, &folder, &mut record);
        drop(lock);
        let events = Arc::new(Events::open(folder.path(), masks, console.clone())?);
        for warning in &record.warnings {
            events.warning(warning, warnings.contains(warning));
        }
        let end = plan.time.map(Deadline::after);
        Ok(Self { plan, folder, record, services, ledger, events, brought, stop, end, _claims: claims, _alive: alive })
    }

    /// The ledger, for who asks it when the run is over.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// The events, whose masks hold for all that is told of the run.
    pub fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// Runs the chosen steps. Answers the record, with the worst outcome of all the run's steps, and the error of who could
    /// not write it.
    pub fn run(mut self, choice: &Choice) -> Result<(RunRecord, Option<RunError>), RunError> {
        // `cleanup` has a plan of its steps only; what others left stays in the record.
        let planned = self.plan.order();
        let before = self.record.steps.iter().map(|step| step.id.clone()).filter(|id| !planned.contains(id));
        let order: Vec<_> = before.chain(planned.iter().cloned()).collect();
        self.record.outcome = Outcome::Unfinished;
        let (mut worst, mut unwritten) = (Outcome::Succeeded, None);
        let warned = self.record.warnings.len();
        if let Err(error) = self.record.gather(&self.folder, &order) {
            worst = self.unwritten(&mut unwritten, error.into());
        }
        for damaged in &self.record.warnings[warned..] {
            self.events.warning(damaged, false);
        }
        self.ledger.has(self.record.steps.iter().map(|step| step.ledger_lines).max().unwrap_or_default())?;
        let unfinished = choice.resumes() && self.is_unfinished();
        for step in &self.plan.steps {
            if !choice.includes(&step.id) {
                continue;
            }
            let runs = match step.when {
                _ if step.removes && choice.keeps() => false,
                _ if choice.ignores_when() => true,
                When::Always | When::Stale => true,
                When::Success => worst == Outcome::Succeeded,
                When::Failure => worst != Outcome::Succeeded,
            };
            // The first signal ends the pipeline's work, not what must follow it, whenever the signal comes; a second
            // one ends the process.
            let stop = match step.when {
                When::Success | When::Stale => self.stop.clone(),
                When::Failure | When::Always => Stop::new(),
            };
            let running = match self.folder.lock_step(&step.id) {
                Ok(None) => return Err(RunError::Busy { step: step.id.clone(), run: self.record.run.clone() }),
                Ok(running) => running,
                Err(error) => {
                    worst = worst.max(self.unwritten(&mut unwritten, error.into()));
                    None
                }
            };
            let runs = runs && (running.is_some() || step.when != When::Success);
            let why = if choice.skips_done() { self.outdated(step, unfinished) } else { None };
            if choice.skips_done() && why.is_none() {
                self.events.step(&step.id, Stage::Unchanged, "done before, and nothing has changed since");
                continue;
            }
            let mut record = if runs { self.step(step, &stop, why) } else { self.skipped(step, choice) };
            match self.ledger.lines() {
                Ok(lines) => record.ledger_lines = lines,
                Err(error) => worst = worst.max(self.unwritten(&mut unwritten, error.into())),
            }
            let goes_on = record.outcome == StepOutcome::GateMissed && step.continue_on == Some(ContinueOn::Gate);
            if !goes_on {
                worst = worst.max(record.outcome.into());
            }
            if let Err(error) = self.record.keep(&self.folder, record, &order) {
                worst = worst.max(self.unwritten(&mut unwritten, error.into()));
            }
            if self.stop.is_stopped() {
                // The step may have been about to end by itself.
                worst = Outcome::Interrupted;
                self.services.interrupt();
            }
        }
        let end = if self.stop.is_stopped() { Outcome::Interrupted } else { Outcome::Succeeded };
        let concluded = self.record.conclude(&self.folder, &order, end);
        Ok((self.record, unwritten.or(concluded.err().map(Into::into))))
    }

    /// What cannot be written does not keep what must follow from running; the first error is the run's.
    fn unwritten(&self, first: &mut Option<RunError>, error: RunError) -> Outcome {
        if first.is_none() {
            self.events.warning(&format!("{error}; only what must follow still runs"), false);
            *first = Some(error);
        }
        Outcome::Failed
    }

    /// Runs a step as often as its `retry` says.
    fn step(&self, step: &PlannedStep, stop: &Stop, why: Option<String>) -> StepRecord {
        let start = Instant::now();
        let mut record = StepRecord::of(step, &self.events);
        let text = why.map_or_else(|| "started".to_owned(), |why| format!("started: {why}"));
        self.events.step(&step.id, Stage::Started, &text);
        for attempt in 1..=step.retry.attempts {
            record.attempts = attempt;
            let ended = match self.attempt(step, &mut record, stop) {
                // Its requests were ended under its hands: what it says of them is not why it failed.
                Err(_) if stop.is_stopped() => Err(StepError::Interrupted),
                Err(StepError::OutOfTime(_)) if self.is_out_of_time(step) => {
                    Err(StepError::RunOutOfTime(self.plan.time.unwrap_or_default()))
                }
                ended => ended,
            };
            record.ended_at = super::now();
            record.duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            record.end(ended, &step.component.info.outputs, &self.events);
            if attempt == step.retry.attempts || !record.may_repeat(&step.retry) {
                break;
            }
            let pause = step.retry.backoff.pause(attempt, fastrand::f64());
            if self.end_for(step).is_some_and(|end| end.remaining().is_none_or(|left| left <= pause)) {
                // A pause that outlasts the run's time would only put another failure in the place of the true one.
                let text = format!("not tried again: a pause of {} ms would outlast the run's time", pause.as_millis());
                self.events.log(&step.id, LogLevel::Warn, &text);
                break;
            }
            let text = format!(
                "try {attempt} of {} failed: {}; again in {} ms",
                step.retry.attempts,
                record.message(),
                pause.as_millis()
            );
            self.events.step(&step.id, Stage::Retried, &text);
            if stop.wait(pause) {
                record.end(Err(StepError::Interrupted), &step.component.info.outputs, &self.events);
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
        self.events.step(&step.id, Stage::Ended(record.outcome), &text);
        self.events.failure(&record);
        record
    }

    /// The end of the run's time, if it holds for the step.
    pub(super) fn end_for(&self, step: &PlannedStep) -> Option<Deadline> {
        self.end.filter(|_| step.when == When::Success)
    }

    fn is_out_of_time(&self, step: &PlannedStep) -> bool {
        self.end_for(step).is_some_and(|end| end.remaining().is_none())
    }

    /// What a step that succeeded, or only missed a gate, has answered.
    pub(super) fn outputs_of(&self, id: &str) -> Option<Value> {
        let record = self.record_of(id)?;
        record.outputs.clone().filter(|_| matches!(record.outcome, StepOutcome::Succeeded | StepOutcome::GateMissed))
    }

    /// What is known of a step.
    pub(super) fn record_of(&self, id: &str) -> Option<&StepRecord> {
        self.record.steps.iter().find(|step| step.id == id)
    }

    fn skipped(&self, step: &PlannedStep, choice: &Choice) -> StepRecord {
        self.events.step(&step.id, Stage::Skipped, "skipped");
        let why = match step.when {
            _ if step.removes && choice.keeps() => "the run keeps what it has created",
            When::Failure => "no earlier step has failed",
            _ => "an earlier step has not succeeded",
        };
        StepRecord { skipped: Some(why.to_owned()), ..StepRecord::of(step, &self.events) }
    }
}

/// The record of a run that is begun.
fn begins(plan: &Plan, run: &RunId, dry_run: bool, warnings: &[String], overrides: Overrides) -> RunRecord {
    RunRecord {
        version: 1,
        run: run.as_str().to_owned(),
        pipeline: plan.name.clone(),
        spec: std::path::absolute(&plan.spec).unwrap_or_else(|_| plan.spec.clone()).display().to_string(),
        spec_sha256: plan.spec_sha256.clone(),
        stepwise: env!("CARGO_PKG_VERSION").to_owned(),
        contract: CONTRACT.to_owned(),
        dry_run,
        sweep: plan.is_sweep(),
        services: plan.services.iter().map(|service| (service.name.clone(), service.url.clone())).collect(),
        platforms: platforms(plan),
        warnings: warnings.to_vec(),
        nonce: format!("{:06x}", fastrand::u32(..1 << 24)),
        overrides,
        started_at: super::now(),
        updated_at: super::now(),
        outcome: Outcome::Unfinished,
        expected: plan.expected(),
        steps: Vec::new(),
        read: BTreeMap::new(),
    }
}

/// The record of a run that is there, if the plan and the choice may go on with it.
fn goes_on(
    folder: &RunFolder,
    plan: &Plan,
    run: &RunId,
    choice: &Choice,
    warnings: &[String],
) -> Result<RunRecord, RunError> {
    let mut record = RunRecord::read(folder)?;
    if choice.is_whole() {
        return Err(RunError::Exists(run.as_str().to_owned()));
    }
    if record.sweep {
        return Err(RunError::Sweep(record.run));
    }
    if record.pipeline != plan.name {
        return Err(RunError::Pipeline { run: run.as_str().to_owned(), pipeline: record.pipeline });
    }
    check_services(&record, plan)?;
    if plan.is_whole {
        check_shards(&record, plan, folder)?;
        record.expected = plan.expected();
        // Shards of another number that did nothing.
        let is_planned = |id: &str| plan.steps.iter().any(|step| step.id == id);
        record.steps.retain(|step| spec_id(&step.id) == step.id || is_planned(&step.id));
    }
    for warning in warnings {
        if !record.warnings.contains(warning) {
            record.warnings.push(warning.clone());
        }
    }
    Ok(record)
}

/// What a step has begun in some shards, it would do again in others: each knows of its own only.
fn check_shards(record: &RunRecord, plan: &Plan, folder: &RunFolder) -> Result<(), RunError> {
    for step in plan.steps.iter().filter(|step| step.shard().is_none() && can_be_split(step)) {
        let is_of_step = |id: &&String| spec_id(id) == step.id;
        let known: Vec<_> = record.expected.iter().filter(is_of_step).collect();
        let has_artifacts =
            |id: &&String| std::fs::read_dir(folder.artifacts().join(id)).is_ok_and(|mut files| files.next().is_some());
        let is_begun = folder.is_claimed(&step.id) || known.iter().any(has_artifacts);
        // Beside its shards stands the step itself.
        let (begun, now) = (known.len().saturating_sub(1), step.shards().unwrap_or(0) as usize);
        if is_begun && begun != now {
            return Err(RunError::Split { step: step.id.clone(), run: record.run.clone(), begun, now });
        }
    }
    Ok(())
}

/// Claims the steps that are to run in shards while the run's lock is held, and says in the record how many: a process that
/// comes before anything is begun knows it so. What cannot be locked or written is told when it runs.
fn claim_shards(plan: &Plan, choice: &Choice, folder: &RunFolder, record: &mut RunRecord) -> Vec<File> {
    let chosen = plan.steps.iter().filter(|step| can_be_split(step) && choice.includes(&step.id));
    let chosen: BTreeSet<_> = chosen.map(PlannedStep::spec_id).collect();
    let claims: Vec<_> = chosen.into_iter().filter_map(|step| folder.claim(step).ok()?).collect();
    if !claims.is_empty() {
        let _ = record.write(folder);
    }
    claims
}

fn can_be_split(step: &PlannedStep) -> bool {
    step.component.info.inputs.shards().is_some()
}

/// The ledger's entries are of the services that the run began with.
fn check_services(record: &RunRecord, plan: &Plan) -> Result<(), RunError> {
    let run = record.run.clone();
    if record.dry_run {
        return Err(RunError::DryRun(run));
    }
    for service in &plan.services {
        let Some(then) = record.services.get(&service.name) else { continue };
        let platform = |url: Option<&String>| match url {
            Some(url) => format!("`{url}`"),
            None => "the service's own address".to_owned(),
        };
        let (then_platform, now_platform) = (record.platforms.get(&service.name), service.platform_url.as_ref());
        let what = format!("`{}`", service.name);
        let moved = if *then != service.url {
            Some((what, format!("`{then}`"), format!("`{}`", service.url)))
        } else if then_platform != now_platform {
            Some((format!("the platform of {what}"), platform(then_platform), platform(now_platform)))
        } else {
            None
        };
        if let Some((what, then, now)) = moved {
            return Err(RunError::Elsewhere { run, what, then, now });
        }
    }
    Ok(())
}

fn platforms(plan: &Plan) -> BTreeMap<String, String> {
    plan.services.iter().filter_map(|service| Some((service.name.clone(), service.platform_url.clone()?))).collect()
}
