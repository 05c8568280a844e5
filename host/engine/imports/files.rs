//! WASI's writing to files, counted: a step that writes without end is ended before the disk is full.
//!
//! Whatever makes a file longer, or a new entry in a folder, is counted before it is done. So nothing passes the limit,
//! not by one byte, however fast a component writes, and also in files that it has removed and keeps open.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsResult, OutputStream, Pollable, StreamError, StreamResult};

use crate::engine::limits::{ENTRY, Hit, Limit};
use crate::engine::meter::Meter;
use crate::engine::state::StepState;

type Folder = Resource<Descriptor>;

pub(super) fn shadow_files(linker: &mut Linker<StepState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut files = linker.instance("wasi:filesystem/types@0.2.12")?;
    shadow_writes(&mut files)?;
    shadow_entries(&mut files)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What makes files longer, or shorter.
fn shadow_writes(files: &mut LinkerInstance<'_, StepState>) -> wasmtime::Result<()> {
    files.func_wrap(
        "[method]descriptor.write",
        |mut store, (file, bytes, offset): (Resource<Descriptor>, Vec<u8>, u64)| {
            let state: &mut StepState = store.data_mut();
            if let Some(open) = open_file(&state.table, &file)? {
                count(&state.memory.meter, &open, Some(offset), bytes.len())?;
            }
            answer(state.filesystem().write(file, bytes, offset))
        },
    )?;
    files.func_wrap("[method]descriptor.set-size", |mut store, (file, size): (Resource<Descriptor>, u64)| {
        let state: &mut StepState = store.data_mut();
        let before = open_file(&state.table, &file)?.map_or(0, |open| length(&open));
        state.memory.meter.add(Limit::Artifacts, size.saturating_sub(before))?;
        let done = state.filesystem().set_size(file, size);
        if done.is_ok() {
            state.memory.meter.give_back(Limit::Artifacts, before.saturating_sub(size));
        }
        answer(done)
    })?;
    files.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store, (file, offset): (Resource<Descriptor>, u64)| {
            let state: &mut StepState = store.data_mut();
            let open = open_file(&state.table, &file)?;
            let stream = state.filesystem().write_via_stream(file, offset);
            counted(state, open, Some(offset), stream)
        },
    )?;
    files.func_wrap("[method]descriptor.append-via-stream", |mut store, (file,): (Resource<Descriptor>,)| {
        let state: &mut StepState = store.data_mut();
        let open = open_file(&state.table, &file)?;
        let stream = state.filesystem().append_via_stream(file);
        counted(state, open, None, stream)
    })
}

/// What makes entries in folders.
fn shadow_entries(files: &mut LinkerInstance<'_, StepState>) -> wasmtime::Result<()> {
    files.func_wrap(
        "[method]descriptor.open-at",
        |mut store, (folder, follow, path, how, flags): (Folder, PathFlags, String, OpenFlags, DescriptorFlags)| {
            let state: &mut StepState = store.data_mut();
            let meter = Arc::clone(&state.memory.meter);
            let mut files = state.filesystem();
            let there = if how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE) {
                files.stat_at(Resource::new_borrow(folder.rep()), follow, path.clone()).ok()
            } else {
                None
            };
            if how.contains(OpenFlags::CREATE) && there.is_none() {
                return entry(&meter, &mut files, |files| files.open_at(folder, follow, path, how, flags));
            }
            let opened = files.open_at(folder, follow, path, how, flags);
            if opened.is_ok() && how.contains(OpenFlags::TRUNCATE) {
                meter.give_back(
                    Limit::Artifacts,
                    there.map_or(0, |there: DescriptorStat| match there.type_ {
                        DescriptorType::RegularFile => there.size,
                        _ => 0,
                    }),
                );
            }
            answer(opened)
        },
    )?;
    files.func_wrap("[method]descriptor.create-directory-at", |mut store, (folder, path): (Folder, String)| {
        let state: &mut StepState = store.data_mut();
        let meter = Arc::clone(&state.memory.meter);
        entry(&meter, &mut state.filesystem(), |files| files.create_directory_at(folder, path))
    })?;
    files.func_wrap("[method]descriptor.symlink-at", |mut store, (folder, to, path): (Folder, String, String)| {
        let state: &mut StepState = store.data_mut();
        let meter = Arc::clone(&state.memory.meter);
        entry(&meter, &mut state.filesystem(), |files| files.symlink_at(folder, to, path))
    })?;
    files.func_wrap(
        "[method]descriptor.link-at",
        |mut store, (folder, follow, path, to, name): (Folder, PathFlags, String, Folder, String)| {
            let state: &mut StepState = store.data_mut();
            let meter = Arc::clone(&state.memory.meter);
            entry(&meter, &mut state.filesystem(), |files| files.link_at(folder, follow, path, to, name))
        },
    )
}

/// The call that makes an entry, if it may.
fn entry<T>(
    meter: &Meter,
    files: &mut WasiFilesystemCtxView<'_>,
    make: impl FnOnce(&mut WasiFilesystemCtxView<'_>) -> FsResult<T>,
) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    meter.add(Limit::Artifacts, ENTRY)?;
    let made = make(files);
    if made.is_err() {
        meter.give_back(Limit::Artifacts, ENTRY);
    }
    answer(made)
}

fn answer<T>(result: FsResult<T>) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        // What is no code of WASI is a trap.
        Err(error) => Ok((Err(error.downcast()?.into()),)),
    }
}

fn open_file(table: &ResourceTable, file: &Resource<Descriptor>) -> wasmtime::Result<Option<Arc<File>>> {
    Ok(match table.get(file)? {
        Descriptor::File(file) => Some(Arc::clone(&file.file)),
        Descriptor::Dir(_) => None,
    })
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Counts how much longer a write makes the file; a hole that it leaves counts too. Without a place it appends.
fn count(meter: &Meter, file: &File, place: Option<u64>, bytes: usize) -> Result<(), Hit> {
    let length = length(file);
    let end = place.unwrap_or(length).saturating_add(bytes as u64);
    meter.add(Limit::Artifacts, end.saturating_sub(length))
}

/// Puts the counter before a stream that was opened.
fn counted(
    state: &mut StepState,
    file: Option<Arc<File>>,
    place: Option<u64>,
    stream: FsResult<Resource<DynOutputStream>>,
) -> wasmtime::Result<(Result<Resource<DynOutputStream>, ErrorCode>,)> {
    let (stream, file) = match (stream, file) {
        (Ok(stream), Some(file)) => (stream, file),
        (stream, _) => return answer(stream),
    };
    let inner = state.table.delete(stream)?;
    let meter = Arc::clone(&state.memory.meter);
    let counted: DynOutputStream = Box::new(Counted { inner, file, place, meter });
    Ok((Ok(state.table.push(counted)?),))
}

/// A stream into a file, counted.
struct Counted {
    inner: DynOutputStream,
    file: Arc<File>,
    /// Where the next byte goes; at the end if there is none.
    place: Option<u64>,
    meter: Arc<Meter>,
}

impl Counted {
    fn count(&mut self, bytes: usize) -> StreamResult<()> {
        count(&self.meter, &self.file, self.place, bytes).map_err(|hit| StreamError::Trap(hit.into()))?;
        self.place = self.place.map(|place| place.saturating_add(bytes as u64));
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Counted {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Counted {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}
