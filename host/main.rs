//! `stepwise`: parses, calls, prints, exits.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use stepwise::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    match cli.execute(&mut out) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(std::io::stderr(), "{}", error.render(false));
            ExitCode::from(error.exit_code())
        }
    }
}
