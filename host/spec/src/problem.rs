//! What is wrong with a spec, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::hint::Hint;

/// Problems that are told; whoever has mended these sees the others.
const TOLD: usize = 50;
/// Bytes of a line that is shown.
const LONGEST_LINE: usize = 10_000;
/// Characters of a message or a hint.
const LONGEST: usize = 1_000;

/// Where something stands in the file. Ordered as one reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters of that line that are meant, at least 1.
    pub width: usize,
}

impl Place {
    /// A single character.
    pub fn at(line: usize, column: usize) -> Self {
        Self { line, column, width: 1 }
    }
}

/// One error of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Absent when no line of the file is meant.
    pub place: Option<Place>,
    /// The argument `--set` that is meant instead of a place.
    pub argument: Option<String>,
    /// What is wrong: lowercase, no full stop.
    pub message: String,
    /// The one action that mends it.
    pub hint: Option<Hint>,
}

impl Problem {
    /// A problem at a place of the file.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), argument: None, message: message.into(), hint: None }
    }

    /// A problem of the whole file.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: None, argument: None, message: message.into(), hint: None }
    }

    /// The same problem with the action that mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What makes it another one than the next; in this order they are told.
    fn key(&self) -> (Option<Place>, &Option<String>, &str) {
        (self.place, &self.argument, &self.message)
    }
}

/// All errors of one spec, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems {
    file: PathBuf,
    text: String,
    problems: Vec<Problem>,
}

impl Problems {
    /// Gathers the problems of `file`, which holds `text`: sorted by place, without doubles.
    pub fn new(file: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            cut(&mut problem.message);
        }
        problems.sort_by(|one, other| one.key().cmp(&other.key()));
        problems.dedup_by(|next, kept| {
            let same = next.key() == kept.key();
            if same && kept.hint.is_none() {
                kept.hint = next.hint.take();
            }
            same
        });
        Self { file: file.to_owned(), text: text.to_owned(), problems }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Each with the line that is meant, for a terminal with or without colour.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
        let file = self.file.display().to_string();
        let lines: Vec<&str> = self.text.lines().collect();
        let mut text = String::new();
        for problem in self.problems.iter().take(TOLD) {
            text += &renderer.render(&[group(problem, &file, &lines)]);
            text += "\n\n";
        }
        if let Some(more) = self.count().checked_sub(TOLD).filter(|more| *more > 0) {
            text = format!("{text}and {more} more\n\n");
        }
        let count = if self.count() == 1 { "1 error".to_owned() } else { format!("{} errors", self.count()) };
        text + &renderer.render(&[Group::with_title(Level::ERROR.primary_title(format!("{count} in `{file}`")))])
    }
}

/// Shortens a text that quotes too much of the spec.
fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
}

/// A problem with the line that is meant.
fn group<'a>(problem: &'a Problem, file: &'a str, lines: &[&'a str]) -> Group<'a> {
    let group = Group::with_title(Level::ERROR.primary_title(problem.message.as_str()));
    let file = problem.argument.as_ref().map_or_else(|| file.to_owned(), |argument| format!("--set {argument}"));
    let shown =
        |place: Place| lines.get(place.line - 1).filter(|line| line.len() <= LONGEST_LINE).map(|line| (place, *line));
    let group = match problem.place.and_then(shown) {
        Some((place, line)) => {
            let at = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
            let (start, end) = (at(place.column - 1), at(place.column - 1 + place.width));
            let annotation = AnnotationKind::Primary.span(start..end);
            group.element(Snippet::source(line).path(file).line_start(place.line).annotation(annotation))
        }
        None => group.element(match problem.place {
            Some(place) => Origin::path(file).line(place.line).char_column(place.column),
            None => Origin::path(file),
        }),
    };
    match problem.hint.as_ref().and_then(Hint::text) {
        Some(mut hint) => {
            cut(&mut hint);
            group.element(Level::HELP.with_name("hint").message(hint))
        }
        None => group,
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
