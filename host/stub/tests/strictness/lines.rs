//! `Document`: the tables of `refusals.md`, read and written.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use stepwise_stub::Dialect;

/// Status or state, code, message.
pub(super) type Answer = (String, String, String);

/// A line of a table.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) request: String,
    pub(super) body: String,
    pub(super) answer: Answer,
    /// Whether the request is accepted, and what is wrong told by a state.
    pub(super) later: bool,
    /// Which product refuses it.
    pub(super) product: Dialect,
}

impl Line {
    /// A request without a body.
    pub(super) fn of(request: &str) -> Self {
        let body =
            if request.starts_with("GET") || request.starts_with("DELETE") { "" } else { "application/json: {}" };
        let answer = Answer::default();
        let product = Dialect::default();
        Self { what: String::new(), request: request.into(), body: body.into(), answer, later: false, product }
    }

    /// Method and path.
    pub(super) fn route(&self) -> (String, String) {
        let request = self.request.rsplit(") ").next().unwrap();
        let (method, target) = request.split_once(' ').unwrap();
        (method.to_owned(), target.split('?').next().unwrap().to_owned())
    }
}

/// A document: lines of tables, and what is between them.
pub(super) struct Document(Vec<Part>);

enum Part {
    Text(String),
    Line(Line),
}

impl Document {
    pub(super) fn read() -> Self {
        let (mut later, mut product) = (false, Dialect::default());
        let text = fs::read_to_string(path()).unwrap();
        let part = |line: &str| {
            if line.starts_with("## ") {
                later = line.ends_with("told later");
                product = named(line);
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells.as_slice() {
                ["", what, request, body, status, code, message, ""] if !["what is wrong", "---"].contains(what) => {
                    let [what, request, body] = [what, request, body].map(|cell| (*cell).to_owned());
                    let answer = ((*status).to_owned(), (*code).to_owned(), (*message).to_owned());
                    Part::Line(Line { what, request, body, answer, later, product })
                }
                _ => Part::Text(line.to_owned()),
            }
        };
        Self(text.lines().map(part).collect())
    }

    pub(super) fn lines(&mut self) -> impl Iterator<Item = &mut Line> {
        self.0.iter_mut().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Line(line) => Some(line),
        })
    }

    pub(super) fn write(&self) {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(line) => writeln!(text, "{line}").unwrap(),
                Part::Line(line) => {
                    let (status, code, message) = &line.answer;
                    let cells = [&line.what, &line.request, &line.body, status, code, message];
                    writeln!(text, "| {} |", cells.map(String::as_str).join(" | ")).unwrap();
                }
            }
        }
        fs::write(path(), text).unwrap();
    }
}

/// The product that a heading names, the newest if it names none.
fn named(heading: &str) -> Dialect {
    match heading {
        _ if heading.contains("Cloud Pak for Data 3.5") => Dialect::Cp4d35,
        _ if heading.contains("Cloud Pak for Data 4") => Dialect::Cp4d4,
        _ if heading.contains("IBM Cloud") => Dialect::IbmCloud,
        _ => Dialect::default(),
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refusals.md")
}
