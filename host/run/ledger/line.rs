//! A line of the ledger: an event in JSON, sealed.

use serde::{Deserialize, Serialize};

use crate::engine::Announcement;
use crate::run::seal::OF_LINE;

/// What happened to an entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line {
    Announced { at: String, entry: u32, step: String, tag: String, announcement: Box<Announcement> },
    Confirmed { at: String, entry: u32, id: String },
    Removed { at: String, entry: u32 },
    Kept { at: String, entry: u32 },
}

impl Line {
    /// The line as it is written, with its end.
    pub(super) fn write(&self) -> Result<String, serde_json::Error> {
        Ok(OF_LINE.close(&serde_json::to_string(self)?) + "\n")
    }

    /// Reads a line without its end; the error says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(&OF_LINE.open(text)?).map_err(|error| error.to_string())
    }

    /// Whether it is a piece of a line, as a kill in the middle of an append leaves it at the end of the file.
    pub(super) fn is_piece(text: &str) -> bool {
        !OF_LINE.is_in(text)
    }
}
