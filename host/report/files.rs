//! The files of a report, in the run's folder.

use crate::run::{Events, FolderError, Ledger, LedgerError, RunFolder, RunRecord, write_atomically};

use super::summary::Summary;
use super::{html, junit, markdown};

/// What `report.html` looks like: Jenkins lets a page have no style of its own.
const STYLE: &str = include_str!("report.css");

/// The run in one line. It is gone while a call is under way, so that what is there is of the last call.
const HEADLINE: &str = "headline.txt";

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The record.
    #[error("the record cannot be told: {0}")]
    Record(#[from] serde_json::Error),
    /// `junit.xml`.
    #[error("failed to make `junit.xml`: {0}")]
    Junit(#[from] quick_junit::SerializeError),
}

/// A call begins: what an earlier one said in one line holds no longer.
pub fn forget_headline(folder: &RunFolder) -> Result<(), FolderError> {
    folder.remove(HEADLINE)
}

/// Writes the reports of a run, from what is kept of it. Each file is replaced as a whole: where this fails, the former
/// reports stay.
pub fn write(folder: &RunFolder, ledger: &Ledger, events: &Events, removal: &str) -> Result<(), ReportError> {
    // Of two processes that run steps, the later one knows more.
    let _lock = folder.lock()?;
    let record = RunRecord::read(folder)?;
    let summary = Summary::new(&record, ledger.left()?, removal, events)?;
    for (name, text) in [
        (HEADLINE, summary.headline() + "\n"),
        ("junit.xml", junit::text(&summary)?),
        ("summary.md", markdown::text(&summary)),
        ("report.css", STYLE.to_owned()),
        ("report.html", html::page(&summary)),
    ] {
        let file = folder.path().join(name);
        if std::fs::read(&file).is_ok_and(|known| known == text.as_bytes()) {
            continue;
        }
        write_atomically(&file, text.as_bytes())?;
    }
    Ok(())
}
