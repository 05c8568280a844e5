//! Data sets and models: how the bytes that a spec names get to this machine, in the form that steps read.
//!
//! - [`source`](Source): a kind of source says where its bytes are; `kinds` has them all
//! - [`entry`](read): an entry of the spec's `data` or `models` becomes a [`DataSet`]
//! - `fetch` brings it here: `download` resumes what broke off, over `exchange`, into the user's `cache`
//! - `shard` takes a part of its rows
//! - `convert` makes CSV of what comes in another form
//! - [`digest`]: SHA-256, once per file and process

mod cache;
mod convert;
mod digest;
mod download;
mod entry;
mod error;
mod exchange;
mod fetch;
mod kinds;
mod part;
mod shard;
mod source;

use std::path::{Component, Path};

pub use digest::{digest, digest_of, digest_once};
pub use entry::{Role, kinds, read, schema, violated, with_kinds};
pub use error::DataError;
pub(crate) use exchange::is_allowed;
pub use fetch::{DataSet, Local};
pub use shard::{Shard, ShardError, copy_shard, digest_shard};
pub use source::{Kind, Location, Refusal, Source, Wrong};

use kinds::KINDS;

/// Whether a path stays below the folder that it is relative to.
pub fn is_below(value: &str) -> bool {
    Path::new(value).components().all(|part| matches!(part, Component::Normal(_)))
}
