//! How a secret may be spelled, and where such spellings stand in a text.

use std::collections::HashMap;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Shorter secrets are not masked: they occur in texts by chance, and the mask would tell them.
const SHORTEST: usize = 8;

/// How much of a long secret may show itself before it counts as begun.
const BEGUN: usize = 12;

/// One way to write a secret.
struct Spelling {
    bytes: Zeroizing<Vec<u8>>,
    /// Upper and lower case are the same, also mixed.
    any_case: bool,
}

/// All spellings of all secrets, found in one pass over a text.
#[derive(Default)]
pub(super) struct Spellings {
    all: Vec<Spelling>,
    /// Those that begin with these two bytes.
    by_start: HashMap<[u8; 2], Vec<usize>>,
    /// Whether any begins with two bytes: a bit for each pair, as most of a text begins none.
    starts: Vec<u64>,
    longest: usize,
}

impl Spellings {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Bytes of the longest, with as many line breaks between them.
    pub(super) fn longest(&self) -> usize {
        self.longest * 2
    }

    /// Adds all spellings of a secret, and of each of its lines: of a key in PEM the lines are what may be shown alone.
    pub(super) fn add(&mut self, secret: &str) {
        let lines = secret.lines().map(str::trim).filter(|line| *line != secret);
        for part in std::iter::once(secret).chain(lines).filter(|part| part.len() >= SHORTEST) {
            for spelling in spellings(part) {
                self.insert(spelling);
            }
        }
    }

    fn insert(&mut self, spelling: Spelling) {
        let start = [spelling.bytes[0], spelling.bytes[1]];
        let known = |index: &usize| self.all[*index].is(&spelling);
        if self.by_start.get(&start).is_some_and(|indices| indices.iter().any(known)) {
            return;
        }
        self.starts.resize(1 << 10, 0);
        for start in spelling.starts() {
            let bit = usize::from(u16::from_be_bytes(start));
            self.starts[bit / 64] |= 1 << (bit % 64);
            self.by_start.entry(start).or_default().push(self.all.len());
        }
        self.longest = self.longest.max(spelling.bytes.len());
        self.all.push(spelling);
    }

    /// Tells each place where a spelling stands, and if `begun`, where so much of one stands at the end that the rest
    /// may be about to come.
    pub(super) fn find(&self, text: &[u8], begun: bool, mut found: impl FnMut(Range<usize>)) {
        if self.is_empty() {
            return;
        }
        for (at, pair) in text.windows(2).enumerate() {
            let bit = usize::from(u16::from_be_bytes([pair[0], pair[1]]));
            if self.starts[bit / 64] & 1 << (bit % 64) == 0 {
                continue;
            }
            let rest = &text[at..];
            for &index in self.by_start.get(&[pair[0], pair[1]]).into_iter().flatten() {
                let spelling = &self.all[index];
                let length = spelling.bytes.len();
                if rest.len() >= length {
                    if spelling.begins_with(&rest[..length]) {
                        found(at..at + length);
                    }
                } else if begun && rest.len() > BEGUN.min(length / 2) && spelling.begins_with(rest) {
                    found(at..text.len());
                }
            }
        }
    }
}

impl Spelling {
    fn exact(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: Zeroizing::new(bytes.into()), any_case: false }
    }

    fn is(&self, other: &Self) -> bool {
        self.any_case == other.any_case && self.bytes == other.bytes
    }

    /// Whether it begins with these bytes.
    fn begins_with(&self, bytes: &[u8]) -> bool {
        let start = &self.bytes[..bytes.len()];
        if self.any_case { start.eq_ignore_ascii_case(bytes) } else { start == bytes }
    }

    /// The pairs of bytes that it may begin with.
    fn starts(&self) -> Vec<[u8; 2]> {
        let cases = |byte: u8| {
            let mut cases = vec![byte];
            if self.any_case && byte.is_ascii_alphabetic() {
                cases.push(byte ^ 0x20);
            }
            cases
        };
        let (first, second) = (cases(self.bytes[0]), cases(self.bytes[1]));
        first.iter().flat_map(|first| second.iter().map(|second| [*first, *second])).collect()
    }
}

fn spellings(secret: &str) -> Vec<Spelling> {
    let bytes = secret.as_bytes();
    let mut all = vec![
        Spelling::exact(bytes),
        // As a form writes it.
        Spelling::exact(secret.replace(' ', "+")),
        // As the name of a header or a host comes in.
        Spelling::exact(secret.to_ascii_lowercase()),
        // A text's lines may come without their ends.
        Spelling::exact(secret.replace(['\r', '\n'], "")),
        Spelling { bytes: Zeroizing::new(hex(bytes)), any_case: true },
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        all.extend((0..3).map(|before| Spelling::exact(within_base64(&engine, bytes, before))));
    }
    all.retain(|spelling| spelling.bytes.len() >= SHORTEST);
    all
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 0xf)]]).collect()
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
