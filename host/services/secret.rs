//! Secrets, and the masks that keep them out of every text that the host writes.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::encode_segment;

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter secrets are not masked: they occur in texts by chance, and the mask would tell them.
const SHORTEST: usize = 8;

/// A text that is shown to nobody. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that sends it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// All known secrets in all spellings. Clones share them, so a token that is fetched later is masked everywhere.
#[derive(Clone, Default)]
pub struct Masks(Arc<RwLock<Vec<Zeroizing<String>>>>);

impl Masks {
    /// Knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Masks this secret too from now on.
    pub fn add(&self, secret: &Secret) {
        let text = secret.expose();
        if text.len() < SHORTEST {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for spelling in spellings(text) {
            if !known.iter().any(|other| **other == spelling) {
                known.push(Zeroizing::new(spelling));
            }
        }
        // Longest first: a spelling that contains another must not lose only its middle.
        known.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// The text without the secrets in it.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for spelling in known.iter() {
            if masked.contains(spelling.as_str()) {
                masked = Cow::Owned(masked.replace(spelling.as_str(), MASK));
            }
        }
        masked
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks")
    }
}

fn spellings(text: &str) -> Vec<String> {
    let encoded = encode_segment(text);
    let json = serde_json::Value::from(text).to_string();
    let mut all = vec![
        text.to_owned(),
        lower_escapes(&encoded),
        encoded.replace("%20", "+"),
        encoded,
        json[1..json.len() - 1].to_owned(),
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        all.extend((0..3).map(|before| within_base64(&engine, text.as_bytes(), before)));
    }
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all
}

/// The characters of a base64 text that are the same whatever stands around the secret, when `before` bytes of its
/// group of three precede it.
fn within_base64(engine: &impl Engine, secret: &[u8], before: usize) -> String {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(secret);
    let encoded = engine.encode(&*bytes);
    // A character holds six bits: drop those that share bits with what comes before or after.
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded[first..last].to_owned()
}

fn lower_escapes(encoded: &str) -> String {
    let mut escape = 0;
    encoded
        .chars()
        .map(|letter| {
            escape = if letter == '%' { 2 } else { i32::max(escape - 1, -1) };
            if escape >= 0 && letter != '%' { letter.to_ascii_lowercase() } else { letter }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "p\"ss wörd/?+\\";

    fn masks(secret: &str) -> Masks {
        let masks = Masks::new();
        masks.add(&Secret::new(secret));
        masks
    }

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new(SECRET);
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }

    #[test]
    fn every_spelling_is_masked() {
        let masks = masks(SECRET);
        assert_eq!(masks.mask(&format!("<{SECRET}> and <{SECRET}>")), "<***> and <***>");
        assert_eq!(masks.mask(&serde_json::json!({"password": SECRET}).to_string()), r#"{"password":"***"}"#);
        assert_eq!(masks.mask("p%22ss%20w%C3%B6rd%2F%3F%2B%5C"), "***");
        assert_eq!(masks.mask("p%22ss%20w%c3%b6rd%2f%3f%2b%5c"), "***");
        assert_eq!(masks.mask("p%22ss+w%C3%B6rd%2F%3F%2B%5C"), "***");
    }

    #[test]
    fn a_token_that_comes_later_is_masked_in_every_clone() {
        let masks = Masks::new();
        let clone = masks.clone();
        masks.add(&Secret::new("token-12345"));
        assert_eq!(clone.mask("Bearer token-12345"), "Bearer ***");
    }

    #[test]
    fn a_secret_within_a_longer_one_leaves_no_rest() {
        let masks = masks("12345678");
        masks.add(&Secret::new("abc12345678xyz"));
        assert_eq!(masks.mask("abc12345678xyz 12345678"), "*** ***");
    }

    #[test]
    fn a_short_secret_is_not_masked() {
        assert_eq!(masks("1234567").mask("1234567"), "1234567");
    }

    #[test]
    fn a_text_without_secrets_is_not_copied() {
        assert!(matches!(masks(SECRET).mask("nothing here"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn a_secret_in_base64_is_masked_whatever_stands_around_it(
            before in ".{0,7}", secret in ".{8,40}", after in ".{0,7}"
        ) {
            let masks = masks(&secret);
            for engine in [STANDARD, URL_SAFE] {
                let encoded = engine.encode(format!("{before}{secret}{after}"));
                let masked = masks.mask(&encoded).into_owned();
                prop_assert!(masked.contains(MASK));
                // What is left holds no more of the secret than the bits that share a character with its neighbours.
                prop_assert!(masked.len() <= (before.len() + after.len()) * 4 / 3 + 8 + MASK.len());
            }
        }

        #[test]
        fn a_masked_text_has_no_secret_left(text in ".{0,20}", secret in "[^*]{8,20}") {
            let masked = masks(&secret).mask(&format!("{text}{secret}{text}")).into_owned();
            prop_assert!(!masked.contains(&secret));
        }
    }
}
