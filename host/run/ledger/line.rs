//! A line of the ledger: an event in JSON, whose last member is a checksum of all before it.

use serde::{Deserialize, Serialize};

use crate::data::digest_of;
use crate::engine::Announcement;

/// Hex digits of the checksum; it is to tell damage, not malice.
const DIGITS: usize = 8;

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
        let text = serde_json::to_string(self)?;
        let open = text.strip_suffix('}').unwrap_or(&text);
        Ok(format!("{open},\"sum\":\"{}\"}}\n", sum(open)))
    }

    /// Reads a line without its end; the error says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let Some((open, sum_of_it)) = text.strip_suffix("\"}").and_then(|text| text.rsplit_once(",\"sum\":\"")) else {
            return Err("it has no checksum".to_owned());
        };
        if sum_of_it != sum(open) {
            return Err("its checksum is not that of its text".to_owned());
        }
        serde_json::from_str(&format!("{open}}}")).map_err(|error| error.to_string())
    }
}

fn sum(text: &str) -> String {
    let mut digest = digest_of(text.as_bytes());
    digest.truncate(DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirmed() -> String {
        Line::Confirmed { at: "now".into(), entry: 1, id: "m-1".into() }.write().unwrap()
    }

    #[test]
    fn a_line_is_json_and_is_read_again() {
        let text = confirmed();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((value["event"].as_str(), value["id"].as_str()), (Some("confirmed"), Some("m-1")));
        assert!(matches!(Line::read(text.trim_end()), Ok(Line::Confirmed { entry: 1, id, .. }) if id == "m-1"));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        let text = confirmed();
        let whole = text.trim_end();
        for at in 0..whole.len() {
            assert!(Line::read(&whole[..at]).is_err(), "cut at {at}");
            for bit in 0..7 {
                let mut bytes = whole.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert!(Line::read(&text).is_err(), "bit {bit} at {at}: {text}");
            }
        }
    }
}
