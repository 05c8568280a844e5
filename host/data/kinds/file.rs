//! `file`: a file of this machine.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Location, Source};

/// A local file, relative to the spec.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct File(String);

impl Source for File {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn location(&self) -> Location {
        Location::File(PathBuf::from(&self.0))
    }
}
