//! The way to a value of a document.

use std::fmt::{self, Write as _};

/// Keys and indices that lead to a value; written as a JSON pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Way(String);

impl Way {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value under a key or an index.
    #[must_use]
    pub fn to(&self, key: impl fmt::Display) -> Self {
        let mut way = self.0.clone();
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        let _ = write!(way, "/{key}"); // writing to a String cannot fail
        Self(way)
    }

    /// The value that a JSON pointer leads to from here.
    #[must_use]
    pub fn down(&self, pointer: &str) -> Self {
        Self(format!("{}{pointer}", self.0))
    }

    /// As a JSON pointer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The collection around it, and what leads from there to here.
    pub fn up(&self) -> Option<(Self, &str)> {
        self.0.rsplit_once('/').map(|(way, key)| (Self(way.to_owned()), key))
    }

    /// The keys and indices, from the document on.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"))
    }

    /// Whether this lies in a value, or is it.
    pub fn is_in(&self, around: &Self) -> bool {
        self.0.strip_prefix(&around.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
