//! `${{ … }}`: what a text of the spec refers to.

use std::fmt;

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `env.NAME`: an environment variable of the host.
    Env(String),
    /// `params.NAME`: a value that the caller may choose.
    Param(String),
    /// `secrets.NAME`: a secret; only where the host alone reads it.
    Secret(String),
    /// `steps.ID.name…`: an output of an earlier step.
    Output {
        /// The step's id.
        step: String,
        /// Keys and indices into the outputs, at least one.
        path: Vec<String>,
    },
}

impl Reference {
    /// Whether a text can stand between the dots of a reference.
    pub(crate) fn is_name(text: &str) -> bool {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env.{name}"),
            Self::Param(name) => write!(f, "params.{name}"),
            Self::Secret(name) => write!(f, "secrets.{name}"),
            Self::Output { step, path } => write!(f, "steps.{step}.{}", path.join(".")),
        }
    }
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Text(String),
    /// A reference to be replaced.
    Reference(Reference),
}

/// A text of the spec, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Reference(reference) => write!(f, "${{{{ {reference} }}}}"),
        })
    }
}

impl Template {
    /// Takes a text apart. `$${{` stands for a literal `${{`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${{") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${{");
                rest = &rest[at + 3..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let Some(end) = rest[at..].find("}}") else {
                return Err("`${{` has no `}}`".to_owned());
            };
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Reference(reference(rest[at + 3..at + end].trim())?));
            rest = &rest[at + end + 2..];
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The pieces, in order; at least one.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The references in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// The same text with those references replaced that `value` answers.
    #[must_use]
    pub fn replaced(&self, mut value: impl FnMut(&Reference) -> Option<String>) -> Self {
        let replace = |part: &Part| match part {
            Part::Reference(reference) => value(reference).map_or_else(|| part.clone(), Part::Text),
            Part::Text(_) => part.clone(),
        };
        Self(self.0.iter().map(replace).collect())
    }

    /// The reference, if the text is nothing else: it then keeps the type of what it refers to.
    pub fn alone(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }
}

fn reference(text: &str) -> Result<Reference, String> {
    let names: Vec<&str> = text.split('.').collect();
    if !names.iter().all(|name| Reference::is_name(name)) {
        return Err(format!(
            "`${{{{ {text} }}}}` is not a reference; there are `env.NAME`, `params.NAME`, `secrets.NAME` and `steps.ID.OUTPUT`"
        ));
    }
    match names.as_slice() {
        ["env", name] => Ok(Reference::Env((*name).to_owned())),
        ["params", name] => Ok(Reference::Param((*name).to_owned())),
        ["secrets", name] => Ok(Reference::Secret((*name).to_owned())),
        ["steps", step, path @ ..] if !path.is_empty() => {
            Ok(Reference::Output { step: (*step).to_owned(), path: path.iter().map(|&key| key.to_owned()).collect() })
        }
        _ => Err(format!(
            "`${{{{ {text} }}}}` refers to nothing; there are `env.NAME`, `params.NAME`, `secrets.NAME` and `steps.ID.OUTPUT`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_references_are_taken_apart() {
        let template = Template::parse("a-${{ env.X }}-${{steps.store.model_id}}").unwrap();

        assert_eq!(
            template.parts(),
            [
                Part::Text("a-".into()),
                Part::Reference(Reference::Env("X".into())),
                Part::Text("-".into()),
                Part::Reference(Reference::Output { step: "store".into(), path: vec!["model_id".into()] }),
            ]
        );
        assert_eq!(template.alone(), None);
    }

    #[test]
    fn a_doubled_dollar_is_literal() {
        let template = Template::parse("$${{ x }}").unwrap();

        assert_eq!(template.parts(), [Part::Text("${{ x }}".into())]);
    }

    #[test]
    fn what_is_not_a_reference_is_refused() {
        for text in ["${{ }}", "${{ env }}", "${{ steps.a }}", "${{ env.A B }}", "${{ env.A", "${{ vars.A }}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
