//! `stepwise check`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::console::Console;
use crate::error::Error;
use crate::exit;

use super::{Offline, OverrideArguments, StepsFolder};

/// Check a spec without running anything: every error at once
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Spec to check
    spec: PathBuf,
    #[command(flatten)]
    overrides: OverrideArguments,
    #[command(flatten)]
    offline: Offline,
    #[command(flatten)]
    steps: StepsFolder,
}

impl Check {
    pub(super) fn execute(self, console: &Console, out: &mut impl Write) -> Result<u8, Error> {
        let spec = super::read(&self.spec, &self.overrides.overrides())?;
        let plan = super::plan(&spec, &self.steps, &self.offline.environment(&spec), console)?;
        writeln!(out, "{}: {} steps, no errors", self.spec.display(), plan.all_steps().len())?;
        Ok(exit::DONE)
    }
}
