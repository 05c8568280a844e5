//! A run as tables for people. It knows no step: what a step marks with `x-report` is shown.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table, TableComponent};
use serde_json::{Map, Value};

use crate::console::{Colour, Style, wrapped};
use crate::run::{Choice, LedgerEntry, Outcome, RunRecord, StepOutcome, StepRecord};

/// How the result looks where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    style: Style,
    /// Columns of the terminal, if it is one: what is wider is stacked.
    width: Option<u16>,
}

impl Look {
    /// For stdout.
    pub fn of_stdout(colour: Colour) -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal.then(|| console::Term::stdout().size().1);
        Self { style: Style::new(colour.is_on(terminal)), width }
    }

    /// Writes lines, as wide as the terminal at the most.
    fn lines(self, text: &str, out: &mut impl Write) -> io::Result<()> {
        let Some(width) = self.width else { return writeln!(out, "{text}") };
        let lines = text.lines().flat_map(|line| wrapped(line, usize::from(width).saturating_sub(1).max(20)));
        lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// Writes the result of a run's chosen steps: what each step reports, how each ended, and how the run did.
pub fn text(record: &RunRecord, choice: &Choice, look: Look, out: &mut impl Write) -> io::Result<()> {
    for warning in &record.warnings {
        writeln!(out, "{} {warning}", look.style.warning("warning:"))?;
    }
    if !record.warnings.is_empty() {
        writeln!(out)?;
    }
    let chosen: Vec<_> = record.steps.iter().filter(|step| choice.includes(&step.id)).collect();
    for step in &chosen {
        let Some(Value::Object(outputs)) = &step.outputs else { continue };
        let reported = step.report.iter().filter_map(|name| Some((name, outputs.get(name)?)));
        let (collections, plain): (Vec<_>, Vec<_>) = reported
            .filter(|(_, value)| !is_empty(value))
            .partition(|(_, value)| value.is_object() || value.is_array());
        if !plain.is_empty() {
            section(out, look, &step.id, &pairs(plain))?;
        }
        for (name, value) in collections {
            section(out, look, &format!("{}: {}", step.id, name), &table_of(value))?;
        }
    }
    section(out, look, "steps", &steps(&chosen))?;
    for step in &chosen {
        // That one was interrupted, the table says.
        if let Some(failure) = step.failure.as_ref().filter(|_| step.outcome != StepOutcome::Interrupted) {
            look.lines(&format!("step `{}` {}: {}", step.id, step.outcome.verb(), failure.message), out)?;
            if let Some(hint) = &failure.hint {
                look.lines(&format!("{} {hint}", look.style.hint("hint:")), out)?;
            }
        }
    }
    writeln!(
        out,
        "run {} of {}{}: {}",
        record.run,
        record.pipeline,
        if record.dry_run { " (dry run)" } else { "" },
        painted(record.outcome, look.style)
    )
}

/// Writes what a run leaves where it is, and the command that removes it.
pub fn left(entries: &[LedgerEntry], removal: &str, look: Look, out: &mut impl Write) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(out, "\nnothing was left");
    }
    writeln!(out)?;
    let mut table = plain();
    table.set_header(["kind", "name", "id", "service"]);
    for entry in entries {
        let announcement = &entry.announcement;
        // Without an id the answer to the request that creates it was lost; cleanup looks for it.
        let id = entry.id.as_deref().unwrap_or("-");
        table.add_row([&announcement.kind, &announcement.name, id, &announcement.service]);
    }
    section(out, look, "left", &table)?;
    writeln!(out, "to remove it: {removal}")
}

fn section(out: &mut impl Write, look: Look, title: &str, table: &Table) -> io::Result<()> {
    writeln!(out, "{}", look.style.title(title))?;
    let lines: Vec<_> = table.lines().map(|line| format!(" {}", line.trim_end())).collect();
    let lines = match look.width {
        Some(width) if lines.iter().any(|line| line.chars().count() >= width.into()) => stacked(table, width.into()),
        _ => lines,
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

/// A table that is too wide: each row as lines of its own, so that no id is broken.
fn stacked(table: &Table, width: usize) -> Vec<String> {
    let texts = |row: &Row| row.cell_iter().map(Cell::content).collect::<Vec<_>>();
    let header = table.header().map(texts);
    let rows: Vec<Vec<(String, String)>> = table
        .row_iter()
        .map(|row| match (&header, texts(row).as_slice()) {
            (Some(names), values) => names.iter().cloned().zip(values.iter().cloned()).collect(),
            (None, [name, value]) => vec![(name.clone(), value.clone())],
            (None, values) => vec![(values.join(" "), String::new())],
        })
        .collect();
    let widest = rows.iter().flatten().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        if header.is_some() && n > 0 {
            lines.push(String::new());
        }
        for (name, value) in row.iter().filter(|(_, value)| header.is_none() || !value.is_empty()) {
            let line = format!("  {name:widest$}   {value}");
            if line.chars().count() < width {
                lines.push(line.trim_end().to_owned());
            } else {
                lines.extend([format!("  {name}"), format!("    {value}")]);
            }
        }
    }
    lines
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// An array of objects as rows, an object as pairs.
fn table_of(value: &Value) -> Table {
    let items = match value {
        Value::Object(members) => return pairs(members),
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut table = plain();
    let columns = columns(items);
    if columns.is_empty() {
        for item in items {
            table.add_row([cell(item)]);
        }
        return table;
    }
    table.set_header(&columns);
    for item in items {
        table.add_row(columns.iter().map(|name| item.get(name).map_or(String::new(), cell)));
    }
    table
}

fn pairs<'a>(members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Table {
    let mut table = plain();
    for (name, value) in members {
        table.add_row([name.clone(), cell(value)]);
    }
    table
}

/// The keys of all objects, in the order of their first use.
fn columns(items: &[Value]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for key in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    columns
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => decimal(float),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Six digits are enough to read, and a small difference is still not 0.
fn decimal(float: f64) -> String {
    if float != 0.0 && float.abs() < 1e-4 { format!("{float:.2e}") } else { format!("{float:.6}") }
}

fn steps(steps: &[&StepRecord]) -> Table {
    let mut table = plain();
    table.set_header(["step", "outcome", "time", "tries"]);
    for step in steps {
        let time = format!("{:.2} s", step.duration_ms / 1000.0);
        table.add_row([step.id.clone(), outcome_of(step.outcome).to_owned(), time, step.attempts.to_string()]);
    }
    for index in [2, 3] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    table
}

/// As the table of steps has it.
fn outcome_of(outcome: StepOutcome) -> &'static str {
    outcome.verb().trim_start_matches("was ")
}

fn painted(outcome: Outcome, style: Style) -> String {
    let words = words(outcome);
    match outcome {
        Outcome::Succeeded => style.good(words),
        Outcome::GateMissed | Outcome::Unfinished | Outcome::Interrupted => style.warning(words),
        Outcome::Failed => style.error(words),
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unfinished => "unfinished",
        Outcome::Succeeded => "succeeded",
        Outcome::GateMissed => "missed a gate",
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
    }
}
