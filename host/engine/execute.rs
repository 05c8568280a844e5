//! One call of a component in a fresh store, on a thread of its own, under time and memory limits.
//!
//! The thread that waits keeps the time: it bumps the engine's epoch, which traps running code, and it lets go of a
//! component that sleeps. A host call checks the deadline by itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use wasmtime::{Store, Trap};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::deadline::{Deadline, Stop};
use crate::run::{Events, LogLevel};

use super::bindings::StepComponentPre;
use super::component::{Component, Engine};
use super::contract::{self, Failure, FailureCategory, StepInfo};
use super::error::{ComponentError, StepError};
use super::limits::{DESCRIBE_TIME, GRACE, Limit, Limits, MAX_HANDLES};
use super::meter::Meter;
use super::output::Lines;
use super::state::{StepContext, StepState};

/// How often the waiting thread looks for an interrupt.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a step once. `data` and `artifacts` become `/data` and `/artifacts`, if given.
pub fn execute(
    component: &Component,
    context: &Arc<StepContext>,
    inputs: &Value,
    data: Option<&Path>,
    artifacts: Option<&Path>,
) -> Result<Value, StepError> {
    let lines = |level| Lines::new(&context.step, level, Arc::clone(&context.events), Arc::clone(&context.meter));
    let (stdout, stderr) = (lines(LogLevel::Info), lines(LogLevel::Warn));
    let wasi = wasi(&stdout, &stderr, data, artifacts).map_err(|error| StepError::Host(format!("{error:#}")))?;
    let inputs = inputs.to_string();
    let thread = Arc::clone(context);
    let pre = component.pre.clone();
    let engine = component.engine.clone();
    let call = move || {
        let mut store = store(&engine, wasi, Arc::clone(&thread.meter), Some(thread));
        let instance = pre.instantiate(&mut store);
        instance.and_then(|instance| instance.stepwise_step_step().call_run(&mut store, &inputs))
    };
    let time = context.deadline.remaining().unwrap_or_default();
    let ended = on_thread(&component.engine, time, Some(&context.stop), call);
    stdout.end_line();
    stderr.end_line();
    // What is still in flight may create something: its answer is worth a moment, of which an interrupt may have used some.
    let moment = if let Ended::Stopped(end) = &ended { end.remaining().unwrap_or_default() } else { GRACE };
    context.places.wait_until_empty(moment);
    match ended {
        Ended::Stopped(_) => Err(StepError::Interrupted),
        Ended::OutOfTime => Err(StepError::OutOfTime(context.meter.limits().time)),
        Ended::Lost => Err(StepError::Host("the component's thread ended without an answer".into())),
        Ended::Answered(Ok(Ok(outputs))) => outputs_of(&outputs, &context.meter),
        // It noticed by itself that a call had no more time; who reads it must not learn which of us was first.
        Ended::Answered(Ok(Err(failure)))
            if failure.category == FailureCategory::Unavailable && context.deadline.remaining().is_none() =>
        {
            Err(StepError::OutOfTime(context.meter.limits().time))
        }
        Ended::Answered(Ok(Err(failure))) => Err(failure_of(failure, &context.meter)),
        Ended::Answered(Err(error)) => Err(trap(&error, &stderr, context)),
    }
}

/// Asks a component, built for that version of the contract, what it is.
pub(super) fn describe(
    engine: &Engine,
    pre: &StepComponentPre<StepState>,
    name: &str,
    version: &str,
) -> Result<StepInfo, ComponentError> {
    let events = Arc::new(Events::none());
    let meter = Arc::new(Meter::new(Limits::default()));
    let stderr = Lines::new(name, LogLevel::Debug, events, Arc::clone(&meter));
    let refuse = |reason: String| ComponentError::Describe { component: name.to_owned(), reason };
    let wasi = wasi(&stderr, &stderr, None, None).map_err(|error| refuse(format!("{error:#}")))?;
    let (thread_engine, pre, thread_meter) = (engine.clone(), pre.clone(), Arc::clone(&meter));
    let call = move || {
        let mut store = store(&thread_engine, wasi, thread_meter, None);
        // Only here are the types of its exports compared; a trap, however, is the component's own.
        let instance = pre.instantiate(&mut store).map_err(|error| (!error.is::<Trap>(), error))?;
        instance.stepwise_step_step().call_describe(&mut store).map_err(|error| (false, error))
    };
    match on_thread(engine, DESCRIBE_TIME, None, call) {
        Ended::Answered(Ok(info)) => Ok(info),
        Ended::Answered(Err((misfits, error))) => Err(match meter.hit() {
            Some(hit) => refuse(hit.to_string()),
            None if misfits => contract::misfit(name, version),
            None => refuse(stderr.last_words(&error.root_cause().to_string())),
        }),
        Ended::OutOfTime | Ended::Stopped(_) => Err(refuse(format!("not done within {} s", DESCRIBE_TIME.as_secs()))),
        Ended::Lost => Err(refuse("its thread ended without an answer".into())),
    }
}

/// How a call on a thread ended.
enum Ended<T> {
    Answered(T),
    OutOfTime,
    /// All that follows from it has ended by then.
    Stopped(Deadline),
    Lost,
}

fn on_thread<T: Send + 'static>(
    engine: &Engine,
    time: Duration,
    stop: Option<&Stop>,
    call: impl FnOnce() -> T + Send + 'static,
) -> Ended<T> {
    let (sender, receiver) = channel();
    let started = std::thread::Builder::new().name("component".into()).spawn(move || {
        // Nobody waits any more if the time was up.
        let _ = sender.send(call());
    });
    if started.is_err() {
        return Ended::Lost;
    }
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(LOOK)) {
            Ok(answer) => return Ended::Answered(answer),
            Err(RecvTimeoutError::Disconnected) => return Ended::Lost,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let stopped = stop.is_some_and(Stop::is_stopped);
        if stopped || Instant::now() >= end {
            let grace = Deadline::after(GRACE);
            engine.wasmtime.increment_epoch();
            // Wakes at once for code that ran; a component that sleeps is let go after this, and traps if it wakes.
            let _ = receiver.recv_timeout(if stopped { GRACE } else { LOOK });
            return if stopped { Ended::Stopped(grace) } else { Ended::OutOfTime };
        }
    }
}

fn store(engine: &Engine, wasi: WasiCtx, meter: Arc<Meter>, context: Option<Arc<StepContext>>) -> Store<StepState> {
    // What one call hands to the host: the component can have no more, unless it names the same bytes many times.
    let fuel = usize::try_from(meter.limits().most(Limit::Memory)).unwrap_or(usize::MAX).saturating_add(1 << 20);
    let mut store = Store::new(&engine.wasmtime, StepState::new(wasi, meter, context));
    store.set_hostcall_fuel(fuel);
    store.set_max_component_handles(MAX_HANDLES);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(1);
    store
}

fn wasi(stdout: &Lines, stderr: &Lines, data: Option<&Path>, artifacts: Option<&Path>) -> wasmtime::Result<WasiCtx> {
    use wasmtime_wasi::FsPerms;
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(stdout.clone()).stderr(stderr.clone());
    builder.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    // The component has its thread for itself, so file calls need no other.
    builder.allow_blocking_current_thread(true);
    if let Some(data) = data {
        builder.preopened_dir(data, "/data", FsPerms::ReadOnly)?;
    }
    if let Some(artifacts) = artifacts {
        builder.preopened_dir(artifacts, "/artifacts", FsPerms::ReadWrite)?;
    }
    Ok(builder.build())
}

fn outputs_of(text: &str, meter: &Meter) -> Result<Value, StepError> {
    meter.reach(Limit::Output, text.len() as u64).map_err(StepError::Limit)?;
    serde_json::from_str(text).map_err(|error| StepError::Outputs(format!("not JSON: {error}")))
}

fn failure_of(failure: Failure, meter: &Meter) -> StepError {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes = failure.message.len() + length(&failure.hint) + length(&failure.outputs);
    meter.reach(Limit::Output, bytes as u64).err().map_or(StepError::Failed(failure), StepError::Limit)
}

fn trap(error: &wasmtime::Error, stderr: &Lines, context: &StepContext) -> StepError {
    if let Some(Trap::Interrupt) = error.downcast_ref() {
        return if context.stop.is_stopped() {
            StepError::Interrupted
        } else {
            StepError::OutOfTime(context.meter.limits().time)
        };
    }
    match context.meter.hit() {
        Some(hit) => StepError::Limit(hit),
        None => StepError::Trapped(stderr.last_words(&error.root_cause().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_gives_all_that_must_end_one_moment_together() {
        let engine = Engine::new(None).unwrap();
        let (_sender, never) = channel::<()>();
        let stop = Stop::new();
        stop.stop();

        let ended = on_thread(&engine, Duration::from_hours(1), Some(&stop), move || never.recv().is_ok());

        let Ended::Stopped(end) = ended else { panic!("it was interrupted") };
        assert_eq!(end.remaining(), None, "the component has used it up");
    }
}
