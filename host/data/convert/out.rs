//! Where a table is written to: no more than it may have, and it is known what was written.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::data::digest::hex;
use crate::deadline::Stop;

/// What was made: whoever reuses it looks whether it still is that.
#[derive(Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// Knows what it has written.
pub(super) struct Hashed<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Hashed<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    pub(super) fn made(&self) -> Made {
        Made { sha256: hex(&self.hash.clone().finalize()), bytes: self.bytes }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes no more than it may, and nothing once the run is to stop.
pub(super) struct Limited<'a, W> {
    pub(super) out: W,
    pub(super) left: u64,
    pub(super) stop: &'a Stop,
}

/// Stands in an `io::Error` for what is no error of writing.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Halt {
    #[error("too large")]
    TooLarge,
    #[error("interrupted")]
    Interrupted,
}

impl<W: Write> Write for Limited<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_stopped() {
            return Err(io::Error::other(Halt::Interrupted));
        }
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| io::Error::other(Halt::TooLarge))?;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
