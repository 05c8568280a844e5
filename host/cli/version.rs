//! `stepwise --version --verbose`: what this program is made of, so that a report of a fault names it all.

use std::io::Write;

use clap::Args;

use crate::engine::{CONTRACT, digest, names, target};
use crate::error::Error;
use crate::exit;

use super::StepsFolder;

#[derive(Debug, Args)]
pub(super) struct Verbose {
    /// With `--version`: also the versions of the contract and of wasmtime, the target, and the digests of the components
    #[arg(long, requires = "version")]
    verbose: bool,
}

/// Whether it is asked for: `--version` ends the reading of arguments, so that it is an error of its own kind.
pub fn is_asked_for(error: &clap::Error) -> bool {
    error.kind() == clap::error::ErrorKind::DisplayVersion
        && std::env::args_os().any(|argument| argument == "--verbose")
}

/// Writes it.
pub fn write(out: &mut impl Write) -> Result<u8, Error> {
    let folder = StepsFolder::of_environment().path();
    writeln!(out, "stepwise {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "contract stepwise:step@{CONTRACT}")?;
    writeln!(out, "wasmtime {}", wasmtime_environ::VERSION)?;
    writeln!(out, "target {}", target())?;
    writeln!(out, "steps {}", folder.display())?;
    for name in names(&folder) {
        writeln!(out, "  {name} {}", digest(&folder.join(format!("{name}.wasm")))?)?;
    }
    Ok(exit::DONE)
}
