//! Whether there is colour, and what has which. Colour never carries meaning: the words say it too.

use std::fmt::Display;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Whether to colour what goes to a terminal, or elsewhere. See <https://no-color.org> and
    /// <https://bixense.com/clicolors>.
    pub fn is_on(self, terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR").is_some() => false,
            Self::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Self::Auto => terminal && set("TERM").is_none_or(|value| value != "dumb"),
        }
    }
}

/// Colours texts, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// With or without colour.
    pub fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    /// Whether it colours.
    pub fn is_coloured(self) -> bool {
        self.coloured
    }

    /// A title.
    pub fn title(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// Something that is well.
    pub fn good(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// Something that may need a look.
    pub fn warning(self, text: impl Display) -> String {
        self.paint("1;33", text)
    }

    /// Something that went wrong.
    pub fn error(self, text: impl Display) -> String {
        self.paint("1;31", text)
    }

    /// What to do about it.
    pub fn hint(self, text: impl Display) -> String {
        self.paint("1;36", text)
    }

    /// A step's name.
    pub fn name(self, text: impl Display) -> String {
        self.paint("36", text)
    }

    /// What matters less.
    pub fn faint(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}
