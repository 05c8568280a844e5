//! `stepwise steps`. Each form of its output has a file.

mod json;
mod markdown;
mod property;
mod text;

use std::io::Write;

use clap::{Args, ValueEnum};

use crate::engine::names;
use crate::error::Error;
use crate::exit;

use super::StepsFolder;

/// List the steps, or document one
#[derive(Debug, Args)]
pub(super) struct Steps {
    /// Step to document: its inputs, outputs and needs, as the component describes them
    name: Option<String>,
    /// Form of the answer: `json` has the whole schemas, for tools; `markdown` is for a page of documentation
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    steps: StepsFolder,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For reading
    #[default]
    Text,
    /// For tools
    Json,
    /// For documentation
    Markdown,
}

impl Steps {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let (engine, folder) = (super::engine()?, self.steps.path());
        if let Some(name) = &self.name {
            let component = engine.named(&folder, name)?;
            match self.format {
                Format::Text => text::document(&component, out)?,
                Format::Json => writeln!(out, "{:#}", json::document(&component))?,
                Format::Markdown => markdown::document(&component, out)?,
            }
            return Ok(exit::DONE);
        }
        let names = names(&folder);
        if names.is_empty() {
            return Err(Error::NoSteps(folder));
        }
        let components = names.iter().map(|name| engine.named(&folder, name)).collect::<Result<Vec<_>, _>>()?;
        match self.format {
            Format::Text => text::list(&names, &components, out)?,
            Format::Json => writeln!(out, "{:#}", json::list(&components))?,
            Format::Markdown => markdown::list(&names, &components, out)?,
        }
        Ok(exit::DONE)
    }
}
