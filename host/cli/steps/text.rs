//! Steps for reading on a terminal.

use std::io::{self, Write};

use crate::engine::{Component, Schema};

use super::property::{Property, wishes};

pub(super) fn list(names: &[String], components: &[Component], out: &mut impl Write) -> io::Result<()> {
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (name, component) in names.iter().zip(components) {
        writeln!(out, "{name:width$}  {}  {}", component.info.version, component.info.summary)?;
    }
    Ok(())
}

pub(super) fn document(component: &Component, out: &mut impl Write) -> io::Result<()> {
    let info = &component.info;
    writeln!(out, "{} {}\n{}\n", info.name, info.version, info.summary)?;
    properties("inputs", &info.inputs, out)?;
    properties("outputs", &info.outputs, out)?;
    writeln!(out, "needs:")?;
    for need in &info.needs {
        writeln!(out, "  {} {need}\n      {}", need.service, need.reason)?;
    }
    for wish in wishes(info) {
        writeln!(out, "  {wish}")?;
    }
    writeln!(out, "\nsha256 {}", component.sha256)
}

fn properties(title: &str, schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{title}:")?;
    let properties = Property::all(schema);
    for Property { name, kind, state, description } in &properties {
        writeln!(out, "  {name} ({kind}, {state})")?;
        for line in description.lines() {
            writeln!(out, "      {line}")?;
        }
    }
    if properties.is_empty() {
        writeln!(out, "  none")?;
    }
    writeln!(out)
}
