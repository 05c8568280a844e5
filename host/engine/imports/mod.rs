//! The interfaces that the host offers to steps, one file each.

pub(super) mod files;
pub(super) mod ledger;
pub(super) mod log;
pub(super) mod pause;
pub(super) mod progress;
pub(super) mod scoring;
pub(super) mod services;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::StepComponent;
use super::state::StepState;

/// A linker with everything a step may import.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<StepState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    pause::shadow_poll(&mut linker)?;
    files::shadow_files(&mut linker)?;
    StepComponent::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}

impl super::bindings::stepwise::step::types::Host for StepState {}
