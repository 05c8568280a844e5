//! WASI's `poll`, timed: a step that sleeps between two looks at a service waits, it does not work.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sync::io::poll::{Host, HostPollable};

use crate::engine::state::StepState;

pub(super) fn shadow_poll(linker: &mut Linker<StepState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.func_wrap("poll", |mut store, (pollables,): (Vec<Resource<DynPollable>>,)| {
        let state: &mut StepState = store.data_mut();
        let context = state.context()?;
        Ok((context.waited.during(|| Host::poll(&mut state.table, pollables))?,))
    })?;
    poll.func_wrap("[method]pollable.block", |mut store, (pollable,): (Resource<DynPollable>,)| {
        let state: &mut StepState = store.data_mut();
        let context = state.context()?;
        context.waited.during(|| HostPollable::block(&mut state.table, pollable))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}
