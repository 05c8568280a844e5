//! What is wrong with a spec, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// One error of a spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line and column, from 1; absent when the file as a whole is meant.
    pub place: Option<(usize, usize)>,
    /// What is wrong: lowercase, no full stop.
    pub message: String,
    /// The one action that mends it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place of the file.
    pub fn at(place: (usize, usize), message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into(), hint: None }
    }

    /// A problem of the whole file.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), hint: None }
    }

    /// The same problem with the action that mends it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All errors of one spec, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Problems {
    /// Gathers the problems of `file`, sorted by place, without doubles.
    pub fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { file: file.to_owned(), problems }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some((line, column)) = problem.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
