//! `stepwise run-id`.

use std::io::Write;

use clap::Args;

use crate::error::Error;
use crate::exit;
use crate::run::RunId;

/// Print the name for the run of a build: the same for the same text, another for every other
#[derive(Debug, Args)]
pub(super) struct RunIdCommand {
    /// Text that no other build has, for example Jenkins' `BUILD_TAG`
    text: String,
}

impl RunIdCommand {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        writeln!(out, "{}", RunId::of(&self.text).as_str())?;
        Ok(exit::DONE)
    }
}
