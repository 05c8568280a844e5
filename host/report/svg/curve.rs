//! A ROC curve.

use maud::{Markup, html};

use super::super::forms::Roc;
use super::{Paint, text};

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 34.0;
const TOP: f64 = 26.0;
const PLOT: (f64, f64) = (294.0, 250.0);

/// The curve, the diagonal of guessing, and the point of the predicted labels.
pub(in crate::report) fn curve(roc: &Roc) -> Markup {
    let at = |[x, y]: [f64; 2]| (LEFT + x * PLOT.0, TOP + (1.0 - y) * PLOT.1);
    let path = roc.points.iter().enumerate().map(|(n, point)| {
        let (x, y) = at(*point);
        format!("{}{x:.2} {y:.2}", if n == 0 { 'M' } else { 'L' })
    });
    let path: String = path.collect();
    let ((left, bottom), (right, top)) = (at([0.0, 0.0]), at([1.0, 1.0]));
    html! {
        svg class="plot fit" role="img" aria-label="ROC curve" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH)
            height=(HEIGHT) {
            rect x=(left) y=(top) width=(right - left) height=(bottom - top) class="frame" fill="none" stroke="#8c959f" {}
            line x1=(left) y1=(bottom) x2=(right) y2=(top) class="guess" stroke="#8c959f" stroke-dasharray="4 4" {}
            path class="curve" d=(path) fill="none" stroke="#2f6fb5" stroke-width="2" {}
            @if let Some(chosen) = roc.chosen {
                @let (x, y) = at(chosen);
                circle class=(Paint::Warn.class()) cx={ (format!("{x:.2}")) } cy={ (format!("{y:.2}")) } r="5"
                    fill=(Paint::Warn.colour()) { title { "the predicted labels" } }
            }
            @for tick in [0.0, 0.5, 1.0] {
                @let ((x, _), (_, y)) = (at([tick, 0.0]), at([0.0, tick]));
                (text(x, bottom + 16.0, "middle", &tick.to_string()))
                (text(left - 6.0, y + 4.0, "end", &tick.to_string()))
            }
            (text(left, TOP - 10.0, "start", "true positive rate"))
            (text(right, bottom + 34.0, "end", "false positive rate"))
        }
    }
}
