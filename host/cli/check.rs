//! `stepwise check`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::error::Error;
use crate::exit;

use super::{Offline, StepsFolder};

/// Check a spec without running anything: every error at once
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Spec to check
    spec: PathBuf,
    #[command(flatten)]
    offline: Offline,
    #[command(flatten)]
    steps: StepsFolder,
}

impl Check {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let plan = super::plan(&self.spec, &self.steps, &self.offline.environment())?;
        writeln!(out, "{}: {} steps, no errors", self.spec.display(), plan.steps.len())?;
        Ok(exit::DONE)
    }
}
