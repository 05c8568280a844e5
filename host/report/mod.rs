//! A run for people, and for other programs: on stdout, and in the run's folder. It knows no step: what a step marks with
//! `x-report` is shown, what it marks with `x-chart` is drawn.
//!
//! - `text`: stdout
//! - `files`: what is written beside `run.json`; `summary` is what all of these are made of, the record and nothing else
//! - `html` with the charts of `svg`, `markdown`, `junit`: one file each
//! - `headline` and `words`: what all say in the same words; `number` and `grid`: numbers and tables, likewise
//! - `forms`: the forms of outputs that are drawn

mod files;
mod forms;
mod grid;
mod headline;
mod html;
mod junit;
mod markdown;
mod number;
mod summary;
mod svg;
mod text;
mod words;

pub use files::{ReportError, forget_headline, write};
pub use text::{Look, left, text};
