//! Tables, some with bars in their rows.

use maud::{Markup, html};

use crate::run::StepRecord;

use super::super::grid::{Cell, Grid, Tone};
use super::super::number::{count, seconds};
use super::super::summary::{Summary, gates_of};
use super::super::svg::{self, Paint};
use super::super::words;

/// Most rows of a table of outputs.
const MAX_ROWS: usize = 100;

/// Of the bars of gates.
const LEGEND: [(Paint, &str); 4] = [
    (Paint::Allowed, "allowed"),
    (Paint::Ink, "limit"),
    (Paint::Good, "value that passes"),
    (Paint::Bad, "value that misses"),
];

/// Gates against their limits.
pub(super) fn gates(summary: &Summary) -> Markup {
    let gates = summary.missed_first();
    let bars = gates.iter().map(|gate| svg::gauge(gate)).collect();
    html! {
        @if !gates.is_empty() {
            section class="gates" {
                h2 { "Gates" }
                (with_bars(&gates_of(gates.iter().copied()), "value and limit", bars))
                (legend(&LEGEND))
            }
        }
    }
}

/// How the steps ended, and how long they took.
pub(super) fn steps(summary: &Summary) -> Markup {
    let steps = &summary.record.steps;
    let longest = steps.iter().map(|step| step.duration_ms).fold(0.0, f64::max);
    let bar = |step: &StepRecord| {
        // Threads may wait at the same time.
        let waiting = step.waiting_ms.clamp(0.0, step.duration_ms);
        let working = step.duration_ms - waiting;
        let parts = [
            (working, Paint::Main, format!("working {}", seconds(working))),
            (waiting, Paint::Pale, format!("waiting {}", seconds(waiting))),
        ];
        svg::stacked(&parts, longest, &format!("{} {}", step.id, seconds(step.duration_ms)))
    };
    html! {
        section class="steps" {
            h2 { "Steps" }
            (with_bars(&words::steps(steps), "working, waiting", steps.iter().map(bar).collect()))
            (legend(&[(Paint::Main, "working"), (Paint::Pale, "waiting")]))
        }
    }
}

/// Requests per service.
pub(super) fn requests(summary: &Summary) -> Markup {
    let services = summary.requests();
    let sum = |classes: &[(&str, u64)]| classes.iter().map(|(_, count)| count).sum::<u64>();
    let most = services.iter().map(|(_, classes)| sum(classes)).max().unwrap_or(0) as f64;
    let mut known: Vec<&str> =
        services.iter().flat_map(|(_, classes)| classes.iter().map(|(class, _)| *class)).collect();
    known.sort_unstable();
    known.dedup();
    let number = |count: u64| Cell::number(count as f64, count.to_string());
    let row = |(service, classes): &(&str, Vec<(&str, u64)>)| {
        let of = |class: &&str| classes.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count);
        let counts = known.iter().map(|class| number(of(class)));
        [Cell::text(*service), number(sum(classes))].into_iter().chain(counts).collect()
    };
    let header: Vec<&str> = ["service", "requests"].into_iter().chain(known.iter().copied()).collect();
    let bars = services.iter().map(|(service, classes)| {
        let part = |(class, count): &(&str, u64)| (*count as f64, paint(class), format!("{class}: {count}"));
        svg::stacked(&classes.iter().map(part).collect::<Vec<_>>(), most, &format!("{service} {}", sum(classes)))
    });
    let paints: Vec<_> = known.iter().map(|class| (paint(class), *class)).collect();
    html! {
        @if !services.is_empty() {
            section class="requests" {
                h2 { "Requests per service" }
                (with_bars(&Grid::new(&header, services.iter().map(row)), "by status", bars.collect()))
                (legend(&paints))
            }
        }
    }
}

fn paint(class: &str) -> Paint {
    match class {
        "2xx" => Paint::Good,
        "3xx" => Paint::Main,
        "4xx" => Paint::Warn,
        _ => Paint::Bad,
    }
}

/// What is left behind, and what is to be done about it.
pub(super) fn left(summary: &Summary) -> Markup {
    html! {
        @if !summary.left.is_empty() {
            section class="left" {
                h2 { "Left behind" }
                (table(&summary.left()))
                p { (summary.removal()) }
            }
        }
    }
}

/// What the steps report.
pub(super) fn outputs(summary: &Summary) -> Markup {
    let sections = summary.sections();
    html! {
        @if !sections.is_empty() {
            section class="outputs" {
                h2 { "What the steps report" }
                div class="columns" {
                    @for section in sections { div { h3 { (section.title) } (table(&section.grid)) } }
                }
            }
        }
    }
}

fn table(grid: &Grid) -> Markup {
    with_bars(grid, "", Vec::new())
}

/// A table, and a bar at the end of each row, if there are any.
fn with_bars(grid: &Grid, title: &str, bars: Vec<Markup>) -> Markup {
    let is_number =
        |column: usize| grid.rows.iter().all(|row| row.get(column).is_some_and(|cell| cell.number.is_some()));
    let mut bars = bars.into_iter();
    html! {
        div class="wide" {
            table class=[grid.header.is_empty().then_some("pairs")] {
                @if !grid.header.is_empty() {
                    thead {
                        tr {
                            @for (column, name) in grid.header.iter().enumerate() {
                                th class=[is_number(column).then_some("number")] scope="col" { (name) }
                            }
                            @if !title.is_empty() { th class="bars" scope="col" { (title) } }
                        }
                    }
                }
                tbody {
                    @for (n, row) in grid.rows.iter().take(MAX_ROWS).enumerate() {
                        tr class=(class(grid.tone(n))) {
                            @for (column, cell) in row.iter().enumerate() { (shown(cell, column == 0)) }
                            @if let Some(bar) = bars.next() { td class="bars" { (bar) } }
                        }
                    }
                }
            }
            @if grid.rows.len() > MAX_ROWS { p { (count(grid.rows.len() - MAX_ROWS, "row")) " more in run.json" } }
        }
    }
}

fn shown(cell: &Cell, is_name: bool) -> Markup {
    match cell.number {
        Some(number) => html! { td class="number" { data value=(number) { (cell.text) } } },
        None if is_name => html! { th scope="row" { (cell.clipped()) } },
        None => html! { td { (cell.clipped()) } },
    }
}

/// How a row is coloured.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "is-plain",
        Tone::Missed => "is-missed",
        Tone::Failed => "is-failed",
    }
}

fn legend(paints: &[(Paint, &str)]) -> Markup {
    html! { p class="legend" { @for (paint, name) in paints { span class={ "key " (paint.class()) } { (name) } " " } } }
}
