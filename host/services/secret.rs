//! A text that is shown to nobody.

use std::fmt;

use zeroize::Zeroizing;

/// What stands in place of a secret.
pub(super) const MASK: &str = "***";

/// Whether a part of a text may have been a secret.
pub fn is_masked(text: &str) -> bool {
    text.contains(MASK)
}

/// A text that is shown to nobody. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("p\"ss wörd/?+\\");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }
}
