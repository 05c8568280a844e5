//! `report.html`. It opens under Jenkins' default policy: no script, no style in it, nothing from elsewhere. maud escapes
//! every text.

mod tables;
mod verdict;

use maud::{DOCTYPE, Markup, html};

use super::forms::Form;
use super::number::short;
use super::summary::{Drawing, Summary};
use super::{svg, words};

/// Most classes of a confusion matrix that stands beside other charts.
const BESIDE_OTHERS: usize = 6;

/// The page.
pub(super) fn page(summary: &Summary) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href="report.css";
                title { (summary.headline()) }
            }
            body class=(words::outcome(summary.record.outcome).replace(' ', "-")) {
                (verdict::banner(summary))
                main {
                    (verdict::facts(summary))
                    (verdict::warnings(summary))
                    (tables::gates(summary))
                    (tables::left(summary))
                    (charts(summary))
                    (tables::steps(summary))
                    (tables::requests(summary))
                    (tables::outputs(summary))
                }
                (verdict::footer(summary))
            }
        }
    };
    page.into_string()
}

fn charts(summary: &Summary) -> Markup {
    let figures: Vec<_> = summary.charts().map(figure).collect();
    html! {
        @if !figures.is_empty() {
            section class="charts" { @for figure in figures { (figure) } }
        }
    }
}

fn figure(drawing: &Drawing) -> Markup {
    // What does not fit beside others has the whole width.
    let is_broad = matches!(&drawing.form, Form::ConfusionMatrix(matrix) if matrix.labels.len() > BESIDE_OTHERS);
    let (title, chart, more) = match &drawing.form {
        // These are a table.
        Form::Gates(_) => return html! {},
        Form::ConfusionMatrix(matrix) => ("Confusion matrix", svg::matrix(matrix), html! {}),
        Form::ScoreDistribution(distribution) => ("Score distribution", svg::histogram(distribution), html! {}),
        Form::Roc(roc) => {
            let more = html! {
                p {
                    "Positive: " (roc.positive) "."
                    @if let Some(area) = roc.area { " Area under the curve: " data value=(area) { (short(area)) } "." }
                    @if let Some([x, y]) = roc.chosen {
                        " Predicted labels (the dot): true positive rate " data value=(y) { (short(y)) }
                        ", false positive rate " data value=(x) { (short(x)) } "."
                    }
                }
            };
            ("ROC curve", svg::curve(roc), more)
        }
    };
    html! {
        figure class=[is_broad.then_some("broad")] {
            h2 { (title) small { (drawing.step) ": " (drawing.output) } }
            div class="wide" { (chart) }
            figcaption {
                (more)
                @if let Some(about) = &drawing.about { p class="about" { (inline(about)) } }
            }
        }
    }
}

/// A text of a message: what is in backticks is code.
fn inline(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick is only itself.
    let is_paired = parts.len() % 2 == 1;
    html! {
        @if is_paired {
            @for (n, part) in parts.iter().enumerate() {
                @if n % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else {
            (text)
        }
    }
}
