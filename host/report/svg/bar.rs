//! Bars as wide as the cell of the table that has their names and numbers.

use maud::{Markup, html};

use super::super::forms::{Gate, Limit};
use super::{Paint, rect};

/// The whole width, whatever it is on the screen.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 16.0;

/// Parts in a row, as parts of a whole.
pub(in crate::report) fn stacked(parts: &[(f64, Paint, String)], whole: f64, about: &str) -> Markup {
    let mut x = 0.0;
    let shapes = parts.iter().map(|(part, paint, title)| {
        let width = if whole > 0.0 { part / whole * WIDTH } else { 0.0 };
        let shape = rect(x, 2.0, width, HEIGHT - 4.0, *paint, title);
        x += width;
        shape
    });
    bar(about, &html! { @for shape in shapes { (shape) } })
}

/// A gate: where values are allowed, up to where the metric's goes, and the limit.
pub(in crate::report) fn gauge(gate: &Gate) -> Markup {
    let (limit, value) = (gate.limit().number(), gate.value.filter(|value| value.is_finite()));
    let numbers = || [0.0, limit].into_iter().chain(value);
    // Most metrics are from 0 to 1.
    let (low, high) = (numbers().fold(0.0, f64::min), numbers().fold(0.0, f64::max));
    let (low, high) = (if low < 0.0 { low * 1.1 } else { 0.0 }, if high > 1.0 { high * 1.1 } else { 1.0 });
    let at = |number: f64| (number - low) / (high - low) * WIDTH;
    let allowed = match gate.limit() {
        Limit::AtLeast(limit) => (at(limit), WIDTH),
        Limit::AtMost(limit) => (0.0, at(limit)),
    };
    let paint = if gate.passed { Paint::Good } else { Paint::Bad };
    let about = format!("{} {}, {}", gate.metric, gate.value_text(), gate.wanted());
    bar(
        &about,
        &html! {
            (rect(0.0, 0.0, WIDTH, HEIGHT, Paint::Faint, ""))
            (rect(allowed.0, 0.0, allowed.1 - allowed.0, HEIGHT, Paint::Allowed, &gate.wanted()))
            @if let Some(value) = value {
                @let (from, to) = (at(0.0).min(at(value)), at(0.0).max(at(value)));
                (rect(from, 5.0, to - from, HEIGHT - 10.0, paint, &about))
            }
            (rect((at(limit) - 3.0).clamp(0.0, WIDTH - 6.0), 0.0, 6.0, HEIGHT, Paint::Ink, &gate.wanted()))
        },
    )
}

fn bar(about: &str, shapes: &Markup) -> Markup {
    html! {
        svg class="bar" role="img" aria-label=(about) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width="100%"
            height=(HEIGHT) preserveAspectRatio="none" { (shapes) }
    }
}
