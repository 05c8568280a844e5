//! What a component's instance has: its WASI world, and the way back to the run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::deadline::{Deadline, Stop};
use crate::run::{Counted, Events, Ledger};
use crate::services::{CallError, Exchange, Observer, Permit, Request, Response, Services};

use super::limits::{Hit, LINE, Limit, MAX_HANDLES};
use super::meter::Meter;

/// Redirects that a request follows; services that mean well need one or two.
const MAX_REDIRECTS: u32 = 5;

/// What one try of a step may do, shared with the threads of its requests.
pub struct StepContext {
    /// The step's id.
    pub step: String,
    /// The run's services.
    pub services: Arc<Services>,
    /// What it may send.
    pub permit: Permit,
    /// Whether it may walk the ledger and remove what is in it.
    pub removes: bool,
    /// Whether it may run models.
    pub scoring: bool,
    /// The models that its inputs name.
    pub models: BTreeMap<String, PathBuf>,
    /// The run's ledger.
    pub ledger: Arc<Ledger>,
    /// Where its log, progress and requests go.
    pub events: Arc<Events>,
    /// The end of its time.
    pub deadline: Deadline,
    /// Whether the run is interrupted.
    pub stop: Stop,
    /// Holds it to its limits.
    pub meter: Arc<Meter>,
    /// Time in which the step waited, for answers or by its own will.
    pub waited: Waited,
    /// Its requests in flight.
    pub places: Places,
    /// What those requests send, and answers that it has not taken.
    pub kept: Kept,
    /// How many requests it has sent.
    pub requests: Counted,
}

impl StepContext {
    /// Sends a request that was granted, under the step's limits.
    pub(super) fn call(&self, service: &str, request: &Request) -> Result<Response, CallError> {
        let most = |limit| self.meter.limits().most(limit);
        let limits = crate::services::Limits {
            deadline: self.deadline,
            stop: self.stop.clone(),
            max_request: most(Limit::Request),
            max_response: most(Limit::Response),
        };
        let mut request = Cow::Borrowed(request);
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.services.call(service, &request, &limits, &Observed(self))?;
            // Both are within their limits, or there were no answer.
            let _ = self.meter.reach(Limit::Request, request.body().map_or(0, <[u8]>::len) as u64);
            let _ = self.meter.reach(Limit::Response, answer.body.len() as u64);
            let Some(next) = self.services.redirected(service, &request, &answer)? else { return Ok(answer) };
            self.permit.check(service, next.method(), next.path()).map_err(|error| {
                CallError::Denied(format!("`{service}` redirects `{} {}`: {error}", request.method(), request.path()))
            })?;
            request = Cow::Owned(next);
        }
        let title = format!("{} {}", request.method(), request.path());
        Err(CallError::Denied(format!("`{service}` redirects more than {MAX_REDIRECTS} times, at last to `{title}`")))
    }

    /// Counts a line of the log before it is written.
    pub(super) fn line(&self, text: &str) -> Result<(), Hit> {
        self.meter.add(Limit::Log, text.len() as u64 + LINE)
    }
}

/// Passes exchanges on to the run's events.
struct Observed<'a>(&'a StepContext);

impl Observer for Observed<'_> {
    fn exchanged(&self, exchange: &Exchange<'_>) {
        self.0.requests.add(exchange);
        self.0.events.request(&self.0.step, exchange);
    }
}

/// A sum of time, added to by several threads.
#[derive(Debug, Default)]
pub struct Waited(AtomicU64);

impl Waited {
    /// Does something that waits.
    pub fn during<T>(&self, wait: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = wait();
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_add(micros, Ordering::Relaxed);
        result
    }

    /// The sum, in milliseconds.
    pub fn millis(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

/// Bytes that the host keeps for the component outside of its memory.
#[derive(Debug, Default)]
pub struct Kept(AtomicU64);

impl Kept {
    pub(super) fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Some of those bytes, until it is dropped.
pub(super) struct Share {
    context: Arc<StepContext>,
    bytes: u64,
}

impl Share {
    pub(super) fn new(context: &Arc<StepContext>, bytes: u64) -> Self {
        context.kept.0.fetch_add(bytes, Ordering::Relaxed);
        Self { context: Arc::clone(context), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.context.kept.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Places for requests in flight.
#[derive(Debug)]
pub struct Places {
    taken: Mutex<u64>,
    changed: Condvar,
    meter: Arc<Meter>,
}

impl Places {
    /// As many places as the step's limits say.
    pub fn new(meter: Arc<Meter>) -> Self {
        Self { taken: Mutex::new(0), changed: Condvar::new(), meter }
    }

    /// Takes a place, if one is free or becomes free before the deadline.
    pub(super) fn take(&self, deadline: &Deadline, stop: &Stop) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= self.meter.limits().most(Limit::OpenRequests) {
            let Some(left) = deadline.remaining() else { return false };
            if stop.is_stopped() {
                return false;
            }
            taken = self
                .changed
                .wait_timeout(taken, left.min(std::time::Duration::from_millis(100)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *taken += 1;
        let _ = self.meter.reach(Limit::OpenRequests, *taken);
        true
    }

    pub(super) fn leave(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.changed.notify_all();
    }

    /// Waits until none is taken, but not longer than `most`.
    pub fn wait_until_empty(&self, most: std::time::Duration) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.changed.wait_timeout_while(taken, most, |taken| *taken > 0);
    }
}

/// The memories and tables of a store: a component may have several, they are limited together.
pub(super) struct Memory {
    pub(super) meter: Arc<Meter>,
    bytes: u64,
    entries: u64,
}

impl Memory {
    /// Passes the limit if this much were needed beside the component's own memory.
    pub(super) fn beside(&self, bytes: u64) -> Result<(), Hit> {
        self.meter.reach(Limit::Memory, self.bytes.saturating_add(bytes))
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current) as u64);
        // No trap: garbage collectors ask for much, and take less.
        let grows = self.meter.reach(Limit::Memory, bytes).is_ok();
        if grows {
            self.bytes = bytes;
        }
        Ok(grows)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let entries = self.entries.saturating_add(desired.saturating_sub(current) as u64);
        self.meter.reach(Limit::Tables, entries)?;
        self.entries = entries;
        Ok(true)
    }
}

/// What a store holds.
pub(super) struct StepState {
    pub(super) table: ResourceTable,
    pub(super) memory: Memory,
    wasi: WasiCtx,
    /// Absent while the component describes itself.
    context: Option<Arc<StepContext>>,
}

impl StepState {
    pub(super) fn new(wasi: WasiCtx, meter: Arc<Meter>, context: Option<Arc<StepContext>>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { table, memory: Memory { meter, bytes: 0, entries: 0 }, wasi, context }
    }

    /// The way to the run; `describe` has none.
    pub(super) fn context(&self) -> wasmtime::Result<Arc<StepContext>> {
        self.context
            .clone()
            .ok_or_else(|| wasmtime::Error::msg("`describe` called an import; it must answer from constants"))
    }

    /// The same for a call that sends a request, or writes to the ledger, and counts as one request.
    pub(super) fn context_of_request(&self) -> wasmtime::Result<Arc<StepContext>> {
        let context = self.context()?;
        context.meter.add(Limit::Requests, 1)?;
        Ok(context)
    }
}

impl WasiView for StepState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
