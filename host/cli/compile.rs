//! `stepwise compile`.

use std::io::Write;

use clap::Args;

use crate::engine::names;
use crate::error::Error;
use crate::exit;

use super::StepsFolder;

/// Compile the components of the steps folder ahead of time, for an image that starts at once
#[derive(Debug, Args)]
pub(super) struct Compile {
    #[command(flatten)]
    steps: StepsFolder,
}

impl Compile {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let (engine, folder) = (super::engine()?, self.steps.path());
        let names = names(&folder);
        if names.is_empty() {
            return Err(Error::NoSteps(folder));
        }
        for name in names {
            let file = engine.compile(&folder.join(format!("{name}.wasm")))?;
            writeln!(out, "{}", file.display())?;
        }
        Ok(exit::DONE)
    }
}
