//! Reading JSON into a type, and where it did not fit; writing it. Both in the way that makes components small.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a text could not be read.
pub(crate) struct Misread {
    /// Path to what did not fit, as `steps[0].name`; absent when it is the whole text.
    pub(crate) place: Option<String>,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// Reads a type by way of a value: a parser for each type would make a fifth of a component.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Misread> {
    let value: Value =
        serde_json::from_slice(text).map_err(|error| Misread { place: None, reason: error.to_string() })?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        Misread { place: (place != ".").then_some(place), reason: error.inner().to_string() }
    })
}

/// A value's text. `Display` would bring a writer of its own.
pub(crate) fn write(value: &Value) -> String {
    serde_json::to_string(value).expect("a value has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_were_read_to_the_last_digit() {
        let text = "[0.9418245553970337,0.05817544460296631,0.9990918636322021]";
        assert_eq!(write(&serde_json::from_str(text).unwrap()), text);
    }
}
