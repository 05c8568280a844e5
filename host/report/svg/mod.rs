//! Charts as SVG within the page. Jenkins allows no style in it, so colours are classes of `report.css`; the attributes
//! beside them hold where that file is not.

mod bar;
mod curve;
mod histogram;
mod matrix;

pub(super) use bar::{gauge, stacked};
pub(super) use curve::curve;
pub(super) use histogram::histogram;
pub(super) use matrix::matrix;

use maud::{Markup, html};

/// What a shape means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    Good,
    Bad,
    Warn,
    Main,
    Pale,
    Faint,
    Allowed,
    Ink,
}

impl Paint {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Main => "main",
            Self::Pale => "pale",
            Self::Faint => "faint",
            Self::Allowed => "allowed",
            Self::Ink => "ink",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Good => "#1a7f37",
            Self::Bad => "#cf222e",
            Self::Warn => "#bf8700",
            Self::Main => "#2f6fb5",
            Self::Pale => "#a9c7e8",
            Self::Faint => "#e4e8ed",
            Self::Allowed => "#cfe8d5",
            Self::Ink => "#1f2328",
        }
    }
}

fn rect(x: f64, y: f64, width: f64, height: f64, paint: Paint, title: &str) -> Markup {
    html! {
        rect x=(rounded(x)) y=(rounded(y)) width=(rounded(width)) height=(rounded(height)) class=(paint.class())
            fill=(paint.colour()) { @if !title.is_empty() { title { (title) } } }
    }
}

/// A line of text that begins, ends or has its middle there.
fn text(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! {
        text x=(rounded(x)) y=(rounded(y)) text-anchor=(anchor) font-size="12" class=(Paint::Ink.class())
            fill=(Paint::Ink.colour()) { (text) }
    }
}

/// A name that must not be longer than so many letters, whole when pointed at.
fn label(x: f64, y: f64, anchor: &str, whole: &str, letters: usize) -> Markup {
    html! {
        text x=(rounded(x)) y=(rounded(y)) text-anchor=(anchor) font-size="12" class=(Paint::Ink.class())
            fill=(Paint::Ink.colour()) { (cut_middle(whole, letters)) title { (whole) } }
    }
}

fn cut(text: &str, letters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(letters) {
        Some(_) => line.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
        None => line,
    }
}

/// A text without its middle where it is too long: names of classes often differ at their ends.
fn cut_middle(text: &str, letters: usize) -> String {
    let line: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    if line.len() <= letters {
        return line.into_iter().collect();
    }
    let end = letters.saturating_sub(1) / 2;
    let begin = letters.saturating_sub(1) - end;
    line[..begin].iter().chain(&['…']).chain(&line[line.len() - end..]).collect()
}

/// Hundredths of a pixel are enough.
fn rounded(length: f64) -> f64 {
    (length * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_both_ends() {
        assert_eq!(cut_middle("segmentation-left", 17), "segmentation-left");
        assert_eq!(cut_middle("segmentation-left", 8), "segm…eft");
        assert_eq!(cut_middle("segmentation-right", 7), "seg…ght");
        assert_eq!(cut_middle("é\n è", 2), "é…");
    }
}
