//! `stepwise schema`.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::data::with_kinds;
use crate::engine::names;
use crate::error::Error;
use crate::exit;
use crate::run::RunRecord;
use crate::spec::{KnownStep, schema_with};

use super::StepsFolder;

/// Print the JSON Schema of a spec, with the inputs of every step, for editors and other validators
#[derive(Debug, Args)]
pub(super) struct SchemaCommand {
    /// What to print the schema of: `run` is for programs that read a run's `run.json`
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    of: Subject,
    #[command(flatten)]
    steps: StepsFolder,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Subject {
    /// A spec
    #[default]
    Spec,
    /// `run.json`, the record of a run
    Run,
}

impl SchemaCommand {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let schema = match self.of {
            Subject::Spec => self.of_spec()?,
            Subject::Run => RunRecord::schema(),
        };
        serde_json::to_writer_pretty(&mut *out, &schema).map_err(std::io::Error::from)?;
        writeln!(out)?;
        Ok(exit::DONE)
    }

    fn of_spec(&self) -> Result<Value, Error> {
        let (engine, folder) = (super::engine()?, self.steps.path());
        let names = names(&folder);
        if names.is_empty() {
            return Err(Error::NoSteps(folder));
        }
        let components = names.iter().map(|name| engine.named(&folder, name)).collect::<Result<Vec<_>, _>>()?;
        let known: Vec<_> = names
            .iter()
            .zip(&components)
            .map(|(name, component)| KnownStep {
                name,
                summary: &component.info.summary,
                inputs: &component.info.inputs.value,
            })
            .collect();
        Ok(with_kinds(schema_with(&known)))
    }
}
