//! `stepwise`: parses, calls, prints, exits.

use std::process::ExitCode;

use stepwise::cli::{Cli, usage, version};
use stepwise::console::{Colour, Console};

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let (console, ended) = match Cli::read() {
        Ok(cli) => {
            let console = cli.console();
            let ended = cli.execute(&console, &mut out);
            (console, ended)
        }
        Err(answer) if version::is_asked_for(&answer) => (Console::text(Colour::Auto, false), version::write(&mut out)),
        Err(answer) => match usage::as_json(&answer) {
            Some(error) => (Console::json(), Err(error)),
            // Help, the version alone, or what is wrong with the arguments.
            None => answer.exit(),
        },
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
