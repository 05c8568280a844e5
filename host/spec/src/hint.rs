//! The one action that mends a problem.

use std::sync::Arc;

use super::violation::nearest;

/// The one action that mends a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// In these words.
    Text(String),
    /// Another name. Which one is only looked for when the problem is told: of thousands, most are not.
    Name {
        /// The name that is not known.
        given: String,
        /// Those that are.
        known: Known,
    },
}

impl Hint {
    /// What is told; nothing if no name can be meant.
    pub fn text(&self) -> Option<String> {
        let (given, Known(known)) = match self {
            Self::Text(text) => return Some(text.clone()),
            Self::Name { given, known } => (given, known),
        };
        match (nearest(given, known.names.iter().map(String::as_str)), known.otherwise) {
            (Some(nearest), _) => Some(format!("is `{nearest}` meant?")),
            (None, Otherwise::All(words)) if !known.names.is_empty() => {
                Some(format!("{words} `{}`", known.names.join("`, `")))
            }
            (None, Otherwise::All(_) | Otherwise::Nothing) => None,
            (None, Otherwise::Text(text)) => Some(text.to_owned()),
        }
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Names of which one may be meant. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known(Arc<Names>);

#[derive(Debug, PartialEq, Eq)]
struct Names {
    names: Vec<String>,
    otherwise: Otherwise,
}

/// What is told when no name is like the one given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// All names, after these words.
    All(&'static str),
    /// Nothing.
    Nothing,
    /// These words.
    Text(&'static str),
}

impl Known {
    /// These names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, otherwise: Otherwise) -> Self {
        let names = names.into_iter().map(str::to_owned).collect();
        Self(Arc::new(Names { names, otherwise }))
    }

    /// What helps who gave another name.
    pub fn hint(&self, given: &str) -> Hint {
        Hint::Name { given: given.to_owned(), known: self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_answered_with_the_nearest_or_else_with_all() {
        let known = Known::new(["target", "training"], Otherwise::All("there are"));

        assert_eq!(known.hint("traget").text().as_deref(), Some("is `target` meant?"));
        assert_eq!(known.hint("x").text().as_deref(), Some("there are `target`, `training`"));
        assert_eq!(Known::new(["target"], Otherwise::Nothing).hint("x").text(), None);
        assert_eq!(Known::new(["target"], Otherwise::Text("none")).hint("x").text().as_deref(), Some("none"));
        assert_eq!(Known::new([], Otherwise::All("there are")).hint("x").text(), None);
    }
}
