//! `stepwise`: parses, calls, prints, exits.

use std::process::ExitCode;

use clap::Parser as _;
use stepwise::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    let console = cli.console();
    match cli.execute(&console, &mut out) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
