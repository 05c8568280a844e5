//! `stepwise steps`.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use crate::engine::{Component, Format, Schema, names, types};
use crate::error::Error;
use crate::exit;

use super::StepsFolder;

/// List the steps, or document one
#[derive(Debug, Args)]
pub(super) struct Steps {
    /// Step to document: its inputs, outputs and needs, as the component describes them
    name: Option<String>,
    #[command(flatten)]
    steps: StepsFolder,
}

impl Steps {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let (engine, folder) = (super::engine()?, self.steps.path());
        if let Some(name) = &self.name {
            document(&engine.named(&folder, name)?, out)?;
            return Ok(exit::DONE);
        }
        let names = names(&folder);
        if names.is_empty() {
            return Err(Error::NoSteps(folder));
        }
        let width = names.iter().map(String::len).max().unwrap_or(0);
        for name in names {
            let component = engine.named(&folder, &name)?;
            writeln!(out, "{name:width$}  {}  {}", component.info.version, component.info.summary)?;
        }
        Ok(exit::DONE)
    }
}

fn document(component: &Component, out: &mut impl Write) -> io::Result<()> {
    let info = &component.info;
    writeln!(out, "{} {}\n{}\n", info.name, info.version, info.summary)?;
    properties("inputs", &info.inputs, out)?;
    properties("outputs", &info.outputs, out)?;
    writeln!(out, "needs:")?;
    for need in &info.needs {
        writeln!(out, "  {} {need}\n      {}", need.service, need.reason)?;
    }
    for (needs, what) in [
        (info.scoring, "local scoring"),
        (info.artifacts, "a folder for artifacts"),
        (info.removes, "to remove what the run created"),
    ] {
        if needs {
            writeln!(out, "  {what}")?;
        }
    }
    writeln!(out, "\nsha256 {}", component.sha256)
}

fn properties(title: &str, schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{title}:")?;
    let mut none = true;
    for (name, property) in schema.properties() {
        none = false;
        let format = property.get("format").and_then(Value::as_str).and_then(Format::parse);
        let kind = match (format, types(property)) {
            (Some(format), _) => format.name().to_owned(),
            (None, Some(types)) => types.into_iter().filter(|name| name != "null").collect::<Vec<_>>().join(" or "),
            (None, None) => "anything".to_owned(),
        };
        let default = property.get("default").filter(|default| !default.is_null());
        let state = match default {
            Some(default) => format!("default {default}"),
            None if schema.requires(name) => "required".to_owned(),
            None => "optional".to_owned(),
        };
        writeln!(out, "  {name} ({kind}, {state})")?;
        for line in property.get("description").and_then(Value::as_str).unwrap_or_default().lines() {
            writeln!(out, "      {line}")?;
        }
    }
    if none {
        writeln!(out, "  none")?;
    }
    writeln!(out)
}
