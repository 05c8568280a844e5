//! `stepwise completions`.

use std::io::Write;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::error::Error;
use crate::exit;

use super::Cli;

/// Print the completions for a shell, to be put where that shell looks for them
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Shell that is to complete, for example for `source <(stepwise completions bash)`
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        // Whole at once: `generate` panics over a reader that goes away.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "stepwise", &mut script);
        out.write_all(&script)?;
        Ok(exit::DONE)
    }
}
