//! How a command speaks: colour, form of the log, and how much of it. For every command.

use clap::{Args, ValueEnum};

use crate::console::{Colour, Console};

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// When to colour; `auto` does so on a terminal, and heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    color: When,
    /// Form of what goes to stderr; `json` writes one object a line, for a machine that follows a run
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    /// Say nothing but warnings, errors and the result, for example in a script
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum When {
    /// On a terminal
    #[default]
    Auto,
    /// Also where there is no terminal
    Always,
    /// Nowhere
    Never,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    /// Lines for people; on a terminal the steps as they go
    #[default]
    Text,
    /// The events of `events.jsonl`, and what the command itself has to say
    Json,
}

impl Output {
    pub(super) fn colour(&self) -> Colour {
        match self.color {
            When::Auto => Colour::Auto,
            When::Always => Colour::Always,
            When::Never => Colour::Never,
        }
    }

    pub(super) fn console(&self) -> Console {
        match self.log_format {
            LogFormat::Text => Console::text(self.colour(), self.quiet),
            LogFormat::Json => Console::json(),
        }
    }
}
