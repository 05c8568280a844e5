//! A checksum as the last member of a JSON object, so that a damaged file is told from a whole one.

use crate::data::digest_of;

/// Hex digits of the checksum; it is to tell damage, not malice.
const DIGITS: usize = 8;

/// How the last member stands in the text of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal {
    before: &'static str,
    after: &'static str,
}

/// Of an object in one line.
pub(super) const OF_LINE: Seal = Seal { before: ",\"sum\":\"", after: "\"}" };

/// Of an object whose members have a line each.
pub(super) const OF_FILE: Seal = Seal { before: ",\n  \"sum\": \"", after: "\"\n}\n" };

impl Seal {
    /// Adds the checksum of all before it to an object that has other members.
    pub(super) fn close(self, object: &str) -> String {
        let open = object.strip_suffix('}').unwrap_or(object).trim_end();
        format!("{open}{}{}{}", self.before, sum(open), self.after)
    }

    /// The object without its checksum; the error says what is wrong with it.
    pub(super) fn open(self, text: &str) -> Result<String, String> {
        let parts = text.strip_suffix(self.after).and_then(|text| text.rsplit_once(self.before));
        let (open, sum_of_it) = parts.ok_or("it has no checksum")?;
        if sum_of_it != sum(open) {
            return Err("its checksum is not that of its text".to_owned());
        }
        Ok(format!("{open}}}"))
    }

    /// Whether the text has a whole checksum in it, wherever: then it is no piece of what was being written.
    pub(super) fn is_in(self, text: &str) -> bool {
        text.rsplit_once(self.before).is_some_and(|(_, rest)| rest.len() >= DIGITS + self.after.len())
    }
}

fn sum(text: &str) -> String {
    let mut digest = digest_of(text.as_bytes());
    digest.truncate(DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_sealed_object_is_json_and_is_opened_again() {
        let object = json!({"a": {"b": 1}, "c": ["}"]});
        for (seal, text) in [(OF_LINE, object.to_string()), (OF_FILE, serde_json::to_string_pretty(&object).unwrap())] {
            let sealed = seal.close(&text);
            let whole: Value = serde_json::from_str(&sealed).unwrap();
            assert_eq!(whole["sum"].as_str().unwrap().len(), DIGITS);
            let opened: Value = serde_json::from_str(&seal.open(&sealed).unwrap()).unwrap();
            assert_eq!(opened, object);
        }
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        for seal in [OF_LINE, OF_FILE] {
            let whole = seal.close(r#"{"event":"confirmed","entry":1}"#);
            for at in 0..whole.len() {
                assert!(seal.open(&whole[..at]).is_err(), "cut at {at}");
                for bit in 0..7 {
                    let mut bytes = whole.as_bytes().to_vec();
                    bytes[at] ^= 1 << bit;
                    let Ok(text) = String::from_utf8(bytes) else { continue };
                    assert!(seal.open(&text).is_err(), "bit {bit} at {at}: {text}");
                }
            }
        }
    }
}
