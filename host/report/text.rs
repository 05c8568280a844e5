//! A run on stdout, as tables.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use crate::console::{Colour, Style, wrapped};
use crate::run::{Choice, LedgerEntry, Outcome, RunRecord};

use super::grid::Grid;
use super::{summary, words};

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
    for section in chosen.iter().flat_map(|step| summary::sections(step, false)) {
        write_section(out, look, &section.title, &section.grid)?;
    }
    write_section(out, look, "steps", &words::steps(chosen.iter().copied()))?;
    for (complaint, hint) in chosen.iter().filter_map(|step| words::complaint(step)) {
        look.lines(&complaint, out)?;
        if let Some(hint) = hint {
            look.lines(&format!("{} {hint}", look.style.hint("hint:")), out)?;
        }
    }
    let end = painted(record.outcome, look.style);
    writeln!(out, "run {} of {}: {end}", record.run, words::pipeline(record))
}

/// Writes what a run leaves where it is, and the command that removes it.
pub fn left(entries: &[LedgerEntry], removal: &str, look: Look, out: &mut impl Write) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(out, "\nnothing was left");
    }
    writeln!(out)?;
    write_section(out, look, "left", &summary::left(entries))?;
    writeln!(out, "to remove it: {removal}")
}

fn write_section(out: &mut impl Write, look: Look, title: &str, grid: &Grid) -> io::Result<()> {
    writeln!(out, "{}", look.style.title(title))?;
    let lines: Vec<_> = table(grid).lines().map(|line| format!(" {}", line.trim_end())).collect();
    let lines = match look.width {
        Some(width) if lines.iter().any(|line| line.chars().count() >= width.into()) => stacked(grid, width.into()),
        _ => lines,
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn table(grid: &Grid) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    if !grid.header.is_empty() {
        table.set_header(&grid.header);
    }
    for row in &grid.rows {
        table.add_row(row.iter().map(|cell| &cell.text));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        // Below a header numbers are compared with one another.
        let mut cells = grid.rows.iter().filter_map(|row| row.get(index));
        if !grid.header.is_empty() && cells.all(|cell| cell.number.is_some()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table that is too wide: each row as lines of its own, so that no id is broken.
fn stacked(grid: &Grid, width: usize) -> Vec<String> {
    let rows: Vec<Vec<(&str, &str)>> = grid
        .rows
        .iter()
        .map(|row| {
            let texts: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
            match (grid.header.as_slice(), texts.as_slice()) {
                ([], [name, value]) => vec![(*name, *value)],
                ([], texts) => texts.iter().map(|text| (*text, "")).collect(),
                (names, values) => names.iter().map(String::as_str).zip(values.iter().copied()).collect(),
            }
        })
        .collect();
    let has_header = !grid.header.is_empty();
    let widest = rows.iter().flatten().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        if has_header && n > 0 {
            lines.push(String::new());
        }
        for (name, value) in row.iter().filter(|(_, value)| !has_header || !value.is_empty()) {
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

fn painted(outcome: Outcome, style: Style) -> String {
    let words = words::outcome(outcome);
    match outcome {
        Outcome::Succeeded => style.good(words),
        Outcome::GateMissed | Outcome::Unfinished | Outcome::Interrupted => style.warning(words),
        Outcome::Failed => style.error(words),
    }
}
