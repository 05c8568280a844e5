//! What the reports of a run are made of: its record, what its ledger says is left, and nothing else.

use serde_json::Value;

use crate::run::{ChartKind, Events, LedgerEntry, RunRecord, StepRecord};

use super::files::ReportError;
use super::forms::{Form, Gate};
use super::grid::{Cell, Grid, Tone};
use super::number::count;

/// A run to report. All texts are masked, and without characters that could disturb the page.
pub(super) struct Summary {
    pub(super) record: RunRecord,
    pub(super) left: Vec<LedgerEntry>,
    /// The command that removes what is left.
    removal: String,
    drawings: Vec<Drawing>,
}

/// An output that is drawn.
pub(super) struct Drawing {
    pub(super) step: String,
    pub(super) output: String,
    pub(super) about: Option<String>,
    pub(super) form: Form,
}

/// A table of outputs.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) grid: Grid,
}

impl Summary {
    /// Takes what is known of a run.
    pub(super) fn new(
        record: &RunRecord,
        left: Vec<LedgerEntry>,
        removal: &str,
        events: &Events,
    ) -> Result<Self, ReportError> {
        let record: RunRecord = serde_json::from_value(told(serde_json::to_value(record)?, events))?;
        let left = left.into_iter().map(|entry| told_entry(entry, events)).collect();
        let mut drawings: Vec<(ChartKind, Drawing)> = record.steps.iter().flat_map(drawn).collect();
        // Of the same kind in the order of the steps.
        drawings.sort_by_key(|(kind, _)| *kind);
        let drawings = drawings.into_iter().map(|(_, drawing)| drawing).collect();
        Ok(Self { record, left, removal: clean(&events.masked(removal)), drawings })
    }

    /// All gates, with their steps.
    pub(super) fn gates(&self) -> impl Iterator<Item = (&str, &Gate)> {
        self.drawings.iter().flat_map(|drawing| {
            let gates = if let Form::Gates(gates) = &drawing.form { gates.as_slice() } else { &[] };
            gates.iter().map(move |gate| (drawing.step.as_str(), gate))
        })
    }

    /// The gates, those that were missed first.
    pub(super) fn missed_first(&self) -> Vec<&Gate> {
        let mut gates: Vec<_> = self.gates().map(|(_, gate)| gate).collect();
        gates.sort_by_key(|gate| gate.passed);
        gates
    }

    /// How many gates were passed, or missed; none if there is no gate.
    pub(super) fn gates_words(&self) -> Option<String> {
        let (gates, missed) = (self.gates().count(), self.gates().filter(|(_, gate)| !gate.passed).count());
        match (gates, missed) {
            (0, _) => None,
            (_, 0) => Some(format!("{} passed", count(gates, "gate"))),
            _ => Some(format!("{missed} of {} missed", count(gates, "gate"))),
        }
    }

    /// All that is drawn but the gates.
    pub(super) fn charts(&self) -> impl Iterator<Item = &Drawing> {
        self.drawings.iter().filter(|drawing| !matches!(drawing.form, Form::Gates(_)))
    }

    /// What the steps report, but what is drawn.
    pub(super) fn sections(&self) -> Vec<Section> {
        self.record.steps.iter().flat_map(|step| sections(step, true)).collect()
    }

    /// The models that the steps read, each once: what it is called, and its SHA-256.
    pub(super) fn models(&self) -> Vec<(&str, &str)> {
        let mut models = Vec::new();
        for file in self.record.steps.iter().flat_map(|step| &step.files).filter(|file| file.format == "model") {
            let model = (file.value.as_str(), file.sha256.as_str());
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models
    }

    /// Time of all steps, in milliseconds.
    pub(super) fn took(&self) -> f64 {
        self.record.steps.iter().map(|step| step.duration_ms).sum()
    }

    /// What is left, as a table.
    pub(super) fn left(&self) -> Grid {
        left(&self.left)
    }

    /// How much is left, in words.
    pub(super) fn left_words(&self) -> String {
        match (self.left.len(), self.record.dry_run) {
            (0, _) => "nothing".to_owned(),
            (number, false) => count(number, "resource"),
            (number, true) => format!("{} of the stub, gone with it", count(number, "resource")),
        }
    }

    /// What is to be done about it.
    pub(super) fn removal(&self) -> String {
        if self.record.dry_run {
            "the stub has ended, and all of this with it; elsewhere it would still be there".to_owned()
        } else {
            format!("to remove it: {}", self.removal)
        }
    }

    /// Requests of all steps: service, class, how many.
    pub(super) fn requests(&self) -> Vec<(&str, Vec<(&str, u64)>)> {
        let mut services: Vec<(&str, Vec<(&str, u64)>)> = Vec::new();
        for (service, classes) in self.record.steps.iter().flat_map(|step| &step.requests) {
            let at = services.iter().position(|(known, _)| known == service).unwrap_or_else(|| {
                services.push((service, Vec::new()));
                services.len() - 1
            });
            let known = &mut services[at].1;
            for (class, count) in classes {
                match known.iter_mut().find(|(name, _)| name == class) {
                    Some((_, sum)) => *sum += count,
                    None => known.push((class, *count)),
                }
            }
            known.sort_unstable();
        }
        services.sort_unstable();
        services
    }
}

/// What is left, as a table.
pub(super) fn left(entries: &[LedgerEntry]) -> Grid {
    let row = |entry: &LedgerEntry| {
        let announcement = &entry.announcement;
        // Without an id the answer to the request that creates it was lost; cleanup looks for it.
        let id = entry.id.as_deref().unwrap_or("-");
        [announcement.kind.as_str(), &announcement.name, id, &announcement.service].map(Cell::text).into()
    };
    Grid::new(&["kind", "name", "id", "service"], entries.iter().map(row))
}

/// What a step reports, table by table: first the plain values together. In files, what is drawn is left out.
pub(super) fn sections(step: &StepRecord, is_file: bool) -> Vec<Section> {
    let Some(Value::Object(outputs)) = &step.outputs else { return Vec::new() };
    let (mut sections, mut plain) = (Vec::new(), Vec::new());
    // What should be drawn but has another form is shown all the same.
    let others = step.charts.keys().filter(|name| is_file && !step.report.contains(name));
    for name in step.report.iter().chain(others) {
        let Some(value) = outputs.get(name).filter(|value| !is_empty(value)) else { continue };
        let grid = match step.charts.get(name).and_then(|chart| Form::read(chart.kind, value)) {
            Some(_) if is_file => continue,
            Some(Form::Gates(gates)) => gates_of(&gates),
            _ if value.is_object() || value.is_array() => Grid::of(value),
            _ => {
                plain.push((name, value));
                continue;
            }
        };
        sections.push(Section { title: format!("{}: {name}", step.id), grid });
    }
    if !plain.is_empty() {
        sections.insert(0, Section { title: step.id.clone(), grid: Grid::pairs(plain) });
    }
    sections
}

/// Gates as a table.
pub(super) fn gates_of<'a>(gates: impl IntoIterator<Item = &'a Gate>) -> Grid {
    let gates: Vec<_> = gates.into_iter().collect();
    let tones: Vec<_> = gates.iter().map(|gate| if gate.passed { Tone::Plain } else { Tone::Missed }).collect();
    let row = |gate: &Gate| {
        let value = match gate.value {
            Some(value) => Cell::number(value, gate.value_text()),
            None => Cell::text("-"),
        };
        vec![Cell::text(&gate.metric), value, Cell::text(gate.wanted()), Cell::text(gate.verdict())]
    };
    Grid::new(&["metric", "value", "wanted", "verdict"], gates.into_iter().map(row)).toned(tones)
}

fn drawn(step: &StepRecord) -> impl Iterator<Item = (ChartKind, Drawing)> {
    step.charts.iter().filter_map(|(output, chart)| {
        let form = Form::read(chart.kind, step.outputs.as_ref()?.get(output)?)?;
        let drawing = Drawing { step: step.id.clone(), output: output.clone(), about: chart.about.clone(), form };
        Some((chart.kind, drawing))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The same with all texts as they may be told.
fn told(value: Value, events: &Events) -> Value {
    let text = |text: &str| clean(&events.masked(text));
    match value {
        Value::String(value) => text(&value).into(),
        Value::Array(items) => items.into_iter().map(|item| told(item, events)).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (text(&key), told(value, events))).collect(),
        other => other,
    }
}

fn told_entry(mut entry: LedgerEntry, events: &Events) -> LedgerEntry {
    let text = |text: &str| clean(&events.masked(text));
    let announcement = &mut entry.announcement;
    for known in [&mut announcement.kind, &mut announcement.name, &mut announcement.service] {
        *known = text(known);
    }
    entry.id = entry.id.map(|id| text(&id));
    entry
}

/// A text without what XML does not allow, and what would turn the order of the letters around it.
fn clean(text: &str) -> String {
    let disturbs = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    text.replace(disturbs, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_lines_and_lose_what_disturbs() {
        assert_eq!(clean("a\n\tb\r\u{0}\u{1b}[31m\u{202e}c"), "a\n\tb\u{fffd}\u{fffd}\u{fffd}[31m\u{fffd}c");
    }
}
