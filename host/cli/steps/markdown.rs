//! Steps for a page of documentation: tables of inputs, outputs and needs.

use std::io::{self, Write};

use crate::engine::{Component, Schema};

use super::property::{Property, wishes};

pub(super) fn list(names: &[String], components: &[Component], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| step | version | what it does |\n| --- | --- | --- |")?;
    for (name, component) in names.iter().zip(components) {
        row([&code(name), &component.info.version, &component.info.summary], out)?;
    }
    Ok(())
}

pub(super) fn document(component: &Component, out: &mut impl Write) -> io::Result<()> {
    let info = &component.info;
    writeln!(out, "## {}\n\n{}. Version {}.\n", code(&info.name), sentence(&info.summary), info.version)?;
    properties("Inputs", &info.inputs, out)?;
    properties("Outputs", &info.outputs, out)?;
    writeln!(out, "### Needs\n")?;
    if !info.needs.is_empty() {
        writeln!(out, "| service | request | why |\n| --- | --- | --- |")?;
        for need in &info.needs {
            row([&code(&need.service), &code(&need.to_string()), &need.reason], out)?;
        }
        writeln!(out)?;
    }
    let wishes: Vec<_> = wishes(info).collect();
    match (info.needs.is_empty(), wishes.is_empty()) {
        (true, true) => writeln!(out, "Nothing."),
        (_, true) => Ok(()),
        (no_service, _) => writeln!(out, "{}{}.", if no_service { "It needs " } else { "And " }, wishes.join(", ")),
    }
}

fn properties(title: &str, schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "### {title}\n")?;
    let properties = Property::all(schema);
    if properties.is_empty() {
        return writeln!(out, "None.\n");
    }
    writeln!(out, "| name | kind | | what |\n| --- | --- | --- | --- |")?;
    for Property { name, kind, state, description } in &properties {
        let state = state.strip_prefix("default ").map_or(state.clone(), |value| format!("default {}", code(value)));
        row([&code(name), kind, &state, description], out)?;
    }
    writeln!(out)
}

fn row<const N: usize>(cells: [&str; N], out: &mut impl Write) -> io::Result<()> {
    // A line of Markdown has no lines, and `|` ends a cell, in code too.
    let cells = cells.map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"));
    writeln!(out, "| {} |", cells.join(" | "))
}

/// Code, whatever backticks are in it.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest > 0 { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
