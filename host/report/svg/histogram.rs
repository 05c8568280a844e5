//! How often which score was given, a row of bars per class.

use maud::{Markup, html};

use super::super::forms::ScoreDistribution;
use super::super::number::{count, short};
use super::{Paint, cut, label, rect, text};

const WIDTH: f64 = 340.0;
const LEFT: f64 = 10.0;
const PLOT: f64 = 320.0;
/// Of a class: its label, and its bars.
const ROW: f64 = 84.0;
const BARS: f64 = 56.0;

/// Each class's bars are as high as its own most frequent score makes them: a rare class is to be seen too.
pub(in crate::report) fn histogram(distribution: &ScoreDistribution) -> Markup {
    let height = ROW * distribution.classes.len() as f64 + 44.0;
    let bottom = height - 40.0;
    let (from, to) = (distribution.from, distribution.to);
    html! {
        svg class="plot fit" role="img" aria-label="score distribution" viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH)
            height=(height) {
            @for (n, class) in distribution.classes.iter().enumerate() {
                @let base = ROW * (n as f64 + 1.0);
                @let most = class.counts.iter().copied().max().unwrap_or(0).max(1) as f64;
                @let rows: u64 = class.counts.iter().sum();
                @let step = PLOT / class.counts.len() as f64;
                (label(LEFT, base - BARS - 10.0, "start", &class.label, 30))
                (text(LEFT + PLOT, base - BARS - 10.0, "end", &rows_of(rows)))
                (rect(LEFT, base, PLOT, 1.0, Paint::Ink, ""))
                @for (bar, rows) in class.counts.iter().enumerate().filter(|(_, rows)| **rows > 0) {
                    // A single row among a million is still seen.
                    @let tall = (*rows as f64 / most * BARS).max(1.5);
                    @let edge = |bar: usize| short(from + (to - from) * bar as f64 / class.counts.len() as f64);
                    @let title = format!("{} to {}: {}", edge(bar), edge(bar + 1), rows_of(*rows));
                    (rect(LEFT + step * bar as f64 + 0.5, base - tall, step - 1.0, tall, Paint::Main, &title))
                }
            }
            @for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
                (text(LEFT + PLOT * part, bottom + 12.0, anchor, &short(from + (to - from) * part)))
            }
            (text(LEFT + PLOT / 2.0, bottom + 32.0, "middle", &cut(&distribution.score, 46)))
        }
    }
}

fn rows_of(rows: u64) -> String {
    count(usize::try_from(rows).unwrap_or(usize::MAX), "row")
}
