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
    #[arg(value_parser = not_blank)]
    text: String,
}

/// A variable that is not set would give all builds the same name.
fn not_blank(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("there is nothing in it to know a build by".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

impl RunIdCommand {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        writeln!(out, "{}", RunId::of(&self.text).as_str())?;
        Ok(exit::DONE)
    }
}
