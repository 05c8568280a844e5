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

/// All spellings of all secrets, found in one pass over a text.
#[derive(Default)]
pub(super) struct Spellings {
    all: Vec<Zeroizing<Vec<u8>>>,
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

    /// Adds all spellings of a secret.
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        for spelling in spellings(secret) {
            if !self.all.iter().any(|known| **known == spelling) {
                self.insert(spelling);
            }
        }
    }

    fn insert(&mut self, spelling: Vec<u8>) {
        let start = [spelling[0], spelling[1]];
        self.starts.resize(1 << 10, 0);
        let bit = usize::from(u16::from_be_bytes(start));
        self.starts[bit / 64] |= 1 << (bit % 64);
        self.longest = self.longest.max(spelling.len());
        self.by_start.entry(start).or_default().push(self.all.len());
        self.all.push(Zeroizing::new(spelling));
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
                let spelling = self.all[index].as_slice();
                if rest.starts_with(spelling) {
                    found(at..at + spelling.len());
                } else if begun && rest.len() > BEGUN.min(spelling.len() / 2) && spelling.starts_with(rest) {
                    found(at..text.len());
                }
            }
        }
    }
}

fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let mut all = vec![
        bytes.to_vec(),
        // As a form writes it.
        secret.replace(' ', "+").into_bytes(),
        // A text's lines may come without their ends.
        secret.replace(['\r', '\n'], "").into_bytes(),
        hex(bytes, b"0123456789abcdef"),
        hex(bytes, b"0123456789ABCDEF"),
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        all.extend((0..3).map(|before| within_base64(&engine, bytes, before).into_bytes()));
    }
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
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
