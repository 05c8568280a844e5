//! The masks that keep secrets out of every text that the host writes.
//!
//! A secret is looked for raw, in base64 and in hex, in the text as it stands and in what the text says once its URL
//! escapes, its JSON escapes and its line breaks are resolved (`reading`). A [`Trail`] also knows the text before.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::Secret;
use super::reading::{self, Reading};
use super::secret::MASK;
use super::spelling::Spellings;

/// Readings are made of pieces of this length, as they take many times the memory of the text.
const PIECE: usize = 64 << 10;

/// All known secrets in all spellings. Clones share them, so a token that is fetched later is masked everywhere.
#[derive(Clone, Default)]
pub struct Masks(Arc<RwLock<Spellings>>);

impl Masks {
    /// Knows no secret yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows these.
    pub fn of(secrets: &[Secret]) -> Self {
        let masks = Self::new();
        for secret in secrets {
            masks.add(secret);
        }
        masks
    }

    /// Masks this secret too from now on.
    pub fn add(&self, secret: &Secret) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(secret.expose());
    }

    /// The text without the secrets in it.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some(masked) => Cow::Owned(into_text(masked)),
        }
    }

    /// The text with `*` for every character of the secrets in it, so that all else stays in its line and column.
    pub fn mask_in_place(&self, text: &str) -> String {
        let spellings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = if spellings.is_empty() { Vec::new() } else { find(&spellings, text.as_bytes(), false) };
        found.sort_by_key(|range| range.start);
        let mut found = found.into_iter().peekable();
        let (mut masked, mut end) = (String::with_capacity(text.len()), 0);
        for (at, c) in text.char_indices() {
            while let Some(range) = found.next_if(|range| range.start < at + c.len_utf8()) {
                end = end.max(range.end);
            }
            masked.push(if at < end && !matches!(c, '\n' | '\r') { '*' } else { c });
        }
        masked
    }

    /// Bytes without the secrets in them; none where there are none.
    pub fn mask_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let spellings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if spellings.is_empty() {
            return None;
        }
        let found = find(&spellings, bytes, false);
        (!found.is_empty()).then(|| replaced(bytes, found, 0))
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks")
    }
}

/// Texts that come one after the other, as the lines of a log: a secret that is broken over several of them is masked
/// too. Of one that has only begun at most a few characters, or half of a short one, are let through.
#[derive(Default)]
pub struct Trail {
    /// The end of what came so far, as long as a secret may be.
    before: Zeroizing<Vec<u8>>,
}

impl Trail {
    /// The next text without secrets. It need not be whole: the break before it may stand within a character, and only
    /// what is left once the secrets are found is made a text.
    pub fn mask(&mut self, masks: &Masks, text: &[u8]) -> String {
        let spellings = masks.0.read().unwrap_or_else(PoisonError::into_inner);
        if spellings.is_empty() {
            return String::from_utf8_lossy(text).into_owned();
        }
        let mut joined = Zeroizing::new(Vec::with_capacity(self.before.len() + 1 + text.len()));
        joined.extend_from_slice(&self.before);
        joined.push(b'\n');
        let start = joined.len();
        joined.extend_from_slice(text);
        let mut found = find(&spellings, &joined, true);
        found.retain_mut(|range| {
            range.start = range.start.max(start);
            range.end > start
        });
        let kept = joined.len().saturating_sub(spellings.longest());
        let masked = into_text(replaced(&joined, found, start));
        self.before = Zeroizing::new(joined[kept..].to_vec());
        masked
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trail")
    }
}

/// Where secrets stand, also such as have only `begun` at the end.
fn find(spellings: &Spellings, bytes: &[u8], begun: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    spellings.find(bytes, begun, |range| found.push(range));
    let overlap = spellings.longest() * reading::LONGEST_ESCAPE;
    let mut end = 0;
    while end < bytes.len() {
        let start = end.saturating_sub(overlap);
        end = bytes.len().min(end + PIECE);
        for Reading { text, places } in reading::all(&bytes[start..end]) {
            spellings.find(&text, begun && end == bytes.len(), |range| {
                found.push(start + places[range.start].start..start + places[range.end - 1].end);
            });
        }
    }
    found
}

/// The bytes from `start` on with those ranges masked.
fn replaced(bytes: &[u8], mut found: Vec<Range<usize>>, start: usize) -> Vec<u8> {
    found.sort_by_key(|range| range.start);
    let mut masked = Vec::with_capacity(bytes.len() - start);
    let mut at = start;
    for range in found {
        // Overlapping ones are one.
        if range.start >= at {
            masked.extend_from_slice(&bytes[at..range.start]);
            masked.extend_from_slice(MASK.as_bytes());
        }
        at = at.max(range.end);
    }
    masked.extend_from_slice(&bytes[at..]);
    masked
}

fn into_text(bytes: Vec<u8>) -> String {
    // A secret is a whole text, so what is left of the text around it is one too.
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;
    use crate::services::encode_segment;

    const SECRET: &str = "p\"ss wörd/?+\\";

    fn masks(secret: &str) -> Masks {
        Masks::of(&[Secret::new(secret)])
    }

    fn trail(masks: &Masks, lines: &[&str]) -> String {
        let mut trail = Trail::default();
        lines.iter().map(|line| trail.mask(masks, line.as_bytes())).collect::<Vec<_>>().join("|")
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn every_spelling_is_masked() {
        let masks = masks(SECRET);
        assert_eq!(masks.mask(&format!("<{SECRET}> and <{SECRET}>")), "<***> and <***>");
        assert_eq!(masks.mask(&serde_json::json!({"password": SECRET}).to_string()), r#"{"password":"***"}"#);
        assert_eq!(masks.mask(r"p\u0022ss w\u00f6rd\/?+\\"), "***");
        assert_eq!(masks.mask("p%22ss%20w%C3%B6rd%2F%3F%2B%5C"), "***");
        assert_eq!(masks.mask("p%22ss%20w%c3%b6rd%2f%3f%2b%5c"), "***");
        assert_eq!(masks.mask("p%22ss+w%C3%B6rd%2F%3F%2B%5C"), "***");
        assert_eq!(masks.mask("%70%22%73%73%20w%C3%B6rd%2F%3F%2B%5C"), "***");
        assert_eq!(masks.mask(&format!("<{}>", hex(SECRET))), "<***>");
        assert_eq!(masks.mask(&format!("<{}>", hex(SECRET).to_uppercase())), "<***>");
        let mixed: String =
            hex(SECRET).char_indices().map(|(at, c)| if at % 3 == 0 { c.to_ascii_uppercase() } else { c }).collect();
        assert_eq!(masks.mask(&format!("<{mixed}>")), "<***>");
        assert_eq!(Masks::of(&[Secret::new("Some-API-Key-42")]).mask("x-some-api-key-42: 1"), "x-***: 1");
    }

    #[test]
    fn a_secret_in_an_encoding_within_another_is_masked() {
        let masks = masks("12345678/abc");
        let base64 = STANDARD.encode("?12345678/abc?");
        let masked = masks.mask(&encode_segment(&base64)).into_owned();
        assert!(masked.contains(MASK) && masked.len() < 12, "{masked}");
    }

    #[test]
    fn a_secret_that_is_broken_over_lines_of_a_text_is_masked() {
        let masks = masks("token-1234567890");
        for text in
            ["token-123\n4567890", "token-123\r\n4567890", "token-\n    1234\n    567890", r"token-123\n4567890"]
        {
            assert_eq!(masks.mask(&format!("<{text}>")), "<***>", "{text:?}");
        }
        let wrapped =
            hex("token-1234567890").as_bytes().chunks(8).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>();
        assert_eq!(masks.mask(std::str::from_utf8(&wrapped.concat()).unwrap()), "***\n");
    }

    #[test]
    fn a_secret_that_has_lines_is_masked_in_one_line_and_line_by_line() {
        let masks = masks("-----BEGIN-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END-----");
        assert_eq!(masks.mask("-----BEGIN-----MIIEvQIBADANBgkqhkiG9w0BAQEF-----END-----"), "***");
        let lines = ["-----BEGIN-----", "MIIEvQIBADANBg", "kqhkiG9w0BAQEF", "-----END-----", "more"];
        assert_eq!(trail(&masks, &lines), "***|***|***|***|more");
        for line in &lines[..4] {
            assert_eq!(masks.mask(&format!("<{line}>")), "<***>");
            assert_eq!(masks.mask(&hex(line)), "***");
        }
    }

    #[test]
    fn a_secret_that_is_broken_over_two_texts_of_a_trail_is_masked() {
        let masks = masks("token-1234567890");
        assert_eq!(trail(&masks, &["a token-123", "4567890 b"]), "a ***|*** b");
        assert_eq!(trail(&masks, &["a token-12345678", "9", "0 b"]), "a ***|***|*** b");
        assert_eq!(trail(&masks, &["t", "oken-1234567890"]), "t|***");
        assert_eq!(trail(&masks, &["a token-123456789", "is no such thing"]), "a ***|is no such thing");
        assert_eq!(trail(&masks, &["a token", "of our appreciation"]), "a token|of our appreciation");
        let letters: Vec<String> = "token-1234567890".chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(trail(&masks, &letters), "t|o|k|e|n|-|1|2|***|***|***|***|***|***|***|***");
    }

    #[test]
    fn a_secret_that_is_broken_within_a_character_is_masked() {
        let masks = masks("k\u{e9}y-\u{20ac}-of-all");
        for at in 1..b"k__y-___-of-all".len() {
            let text = "k\u{e9}y-\u{20ac}-of-all".as_bytes();
            let mut trail = Trail::default();
            let told = [trail.mask(&masks, &text[..at]), trail.mask(&masks, &text[at..])];
            // Of what has only begun half of a short one may be let through.
            assert!(told[0] == "***" || at <= text.len() / 2, "{at}: {told:?}");
            assert_eq!(told[1], "***", "{at}");
        }
    }

    #[test]
    fn a_text_that_is_masked_in_place_keeps_its_lines_and_columns() {
        let masks = masks("t\u{f6}ken-1234567890");
        for (text, masked) in [
            ("a: t\u{f6}ken-1234567890, b: 1\n", "a: ****************, b: 1\n"),
            ("a: t\u{f6}ken-123\r\n   4567890, b: 1", "a: *********\r\n**********, b: 1"),
            // Its last bits share a character of base64 with nothing else.
            ("a: dMO2a2VuLTEyMzQ1Njc4OTA=", "a: **********************A="),
            ("no secret", "no secret"),
        ] {
            assert_eq!(masks.mask_in_place(text), masked);
        }
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
        assert!(matches!(masks(SECRET).mask("nothing here\n%41 \\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_that_are_no_text_are_masked_too() {
        let masked = masks("token-12345").mask_bytes(b"\xff\xfetoken-12345\xff\n");
        assert_eq!(masked.as_deref(), Some(&b"\xff\xfe***\xff\n"[..]));
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

        #[test]
        fn lines_of_a_trail_never_make_up_a_secret(secret in "[a-z0-9]{8,24}", cuts in prop::collection::vec(0_usize..30, 0..4)) {
            let masks = masks(&secret);
            let text = format!("xx {secret} yy");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut trail, mut at, mut whole) = (Trail::default(), 0, String::new());
            for cut in cuts.into_iter().chain([text.len()]) {
                whole += &trail.mask(&masks, &text.as_bytes()[at..cut]);
                at = cut;
            }
            prop_assert!(!whole.contains(&secret));
        }
    }
}
