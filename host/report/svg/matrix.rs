//! A confusion matrix.

use maud::{Markup, html};
use serde_json::Value;

use super::super::forms::ConfusionMatrix;
use super::super::grid::Cell;
use super::{Paint, cut, label, rounded, text};

/// Above the cells: what the columns are, and their labels.
const TOP: f64 = 44.0;
/// Width of a letter, roughly.
const LETTER: f64 = 7.0;

/// A row per actual label, a column per predicted one; the more of its row a cell has, the stronger its colour.
pub(in crate::report) fn matrix(matrix: &ConfusionMatrix) -> Markup {
    let labels: Vec<String> = matrix.labels.iter().map(|label: &Value| Cell::of(label).text).collect();
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).clamp(6, 16);
    let left = longest as f64 * LETTER + 12.0;
    let (wide, high) = match labels.len() {
        0..=3 => (96.0, 64.0),
        4..=6 => (72.0, 44.0),
        _ => (56.0, 30.0),
    };
    let (width, height) = (left + wide * labels.len() as f64 + 2.0, TOP + high * labels.len() as f64 + 2.0);
    html! {
        svg class="plot" role="img" aria-label="confusion matrix" viewBox={ "0 0 " (width) " " (height) } width=(width)
            height=(height) {
            (text(left, 14.0, "start", "predicted"))
            (text(0.0, TOP - 8.0, "start", "actual"))
            @for (column, name) in labels.iter().enumerate() {
                (label(left + wide * (column as f64 + 0.5), TOP - 8.0, "middle", name, letters(wide)))
            }
            @for (row, (name, counts)) in labels.iter().zip(&matrix.values).enumerate() {
                @let y = TOP + high * row as f64;
                @let all = counts.iter().sum::<f64>().max(1.0);
                (label(left - 8.0, y + high / 2.0 + 4.0, "end", name, 16))
                @for (column, count) in counts.iter().enumerate() {
                    @let x = left + wide * column as f64;
                    @let share = count / all;
                    @let paint = if row == column { Paint::Main } else { Paint::Bad };
                    rect x=(rounded(x + 1.0)) y=(rounded(y + 1.0)) width=(wide - 2.0) height=(high - 2.0) class="empty"
                        fill="#f6f8fa" {}
                    rect x=(rounded(x + 1.0)) y=(rounded(y + 1.0)) width=(wide - 2.0) height=(high - 2.0)
                        class=(paint.class()) fill=(paint.colour()) fill-opacity=(rounded(share * 0.85)) {
                        title { "actual " (name) ", predicted " (labels[column]) ": " (count) }
                    }
                    (text(x + wide / 2.0, y + high / 2.0 + 5.0, "middle", &cut(&count.to_string(), letters(wide))))
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width is small and not negative")]
fn letters(wide: f64) -> usize {
    (wide / LETTER) as usize - 1
}
