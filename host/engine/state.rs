//! What a component's instance has: its WASI world, and the way back to the run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::deadline::{Deadline, Stop};
use crate::run::{Events, Ledger};
use crate::services::{CallError, Exchange, Observer, Permit, Request, Response, Services};

use super::limits::{Limits, MAX_TABLE};

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
    /// Its limits.
    pub limits: Limits,
    /// Time in which the step waited, for answers or by its own will.
    pub waited: Waited,
    /// Its requests in flight.
    pub places: Places,
}

impl StepContext {
    /// Sends a request that was granted, under the step's limits.
    pub(super) fn call(&self, service: &str, request: &Request) -> Result<Response, CallError> {
        let limits = crate::services::Limits {
            deadline: self.deadline,
            stop: self.stop.clone(),
            max_request: self.limits.request as u64,
            max_response: self.limits.response as u64,
        };
        self.services.call(service, request, &limits, &Observed(self))
    }
}

/// Passes exchanges on to the run's events.
struct Observed<'a>(&'a StepContext);

impl Observer for Observed<'_> {
    fn exchanged(&self, exchange: &Exchange<'_>) {
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

/// Places for requests in flight.
#[derive(Debug)]
pub struct Places {
    taken: Mutex<usize>,
    changed: Condvar,
    most: usize,
}

impl Places {
    /// As many places.
    pub fn new(most: usize) -> Self {
        Self { taken: Mutex::new(0), changed: Condvar::new(), most }
    }

    /// Takes a place, if one is free or becomes free before the deadline.
    pub(super) fn take(&self, deadline: &Deadline, stop: &Stop) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= self.most {
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

/// The limits of a store, and whether the component wanted more memory than they allow.
pub(super) struct Memory {
    limits: StoreLimits,
    /// Of all memories together: a component may have several.
    most: usize,
    used: usize,
    pub(super) is_short: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let grows = used <= self.most && self.limits.memory_growing(current, desired, maximum)?;
        if grows {
            self.used = used;
        }
        self.is_short |= !grows;
        Ok(grows)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
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
    pub(super) fn new(wasi: WasiCtx, memory: usize, context: Option<Arc<StepContext>>) -> Self {
        let limits = StoreLimitsBuilder::new().memory_size(memory).table_elements(MAX_TABLE).build();
        Self {
            table: ResourceTable::new(),
            memory: Memory { limits, most: memory, used: 0, is_short: false },
            wasi,
            context,
        }
    }

    /// The way to the run; `describe` has none.
    pub(super) fn context(&self) -> wasmtime::Result<Arc<StepContext>> {
        self.context
            .clone()
            .ok_or_else(|| wasmtime::Error::msg("`describe` called an import; it must answer from constants"))
    }
}

impl WasiView for StepState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
