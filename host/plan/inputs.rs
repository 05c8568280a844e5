//! A step's inputs, with what is not known before the run.

use serde_json::{Map, Value};

use crate::spec::{Part, Reference, Template};

/// Finds the outputs of a step that has run.
pub type OutputsOf<'a> = dyn Fn(&str) -> Option<Value> + 'a;

/// Inputs as the plan knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// A value that is known.
    Known(Value),
    /// Known members, and others.
    Object(Vec<(String, Inputs)>),
    /// Known items, and others.
    Array(Vec<Inputs>),
    /// A text with outputs of other steps in it.
    Later(Template),
    /// All outputs of another step.
    Outputs(String),
}

impl Inputs {
    /// The inputs as one value, with `null` where a value comes later.
    pub fn sketch(&self) -> Value {
        match self {
            Self::Known(value) => value.clone(),
            Self::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), value.sketch())).collect::<Map<_, _>>().into()
            }
            Self::Array(items) => items.iter().map(Self::sketch).collect(),
            Self::Later(_) | Self::Outputs(_) => Value::Null,
        }
    }

    /// The texts whose value comes later, with their JSON pointers.
    pub fn later(&self) -> Vec<(String, &Template)> {
        let mut found = Vec::new();
        self.collect(String::new(), &mut found);
        found
    }

    fn collect<'a>(&'a self, pointer: String, found: &mut Vec<(String, &'a Template)>) {
        match self {
            Self::Known(_) | Self::Outputs(_) => {}
            Self::Object(members) => {
                for (key, value) in members {
                    value.collect(format!("{pointer}/{key}"), found);
                }
            }
            Self::Array(items) => {
                for (n, value) in items.iter().enumerate() {
                    value.collect(format!("{pointer}/{n}"), found);
                }
            }
            Self::Later(template) => found.push((pointer, template)),
        }
    }

    /// Whether an input is there.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self, Self::Object(members) if members.iter().any(|(key, _)| key == name))
    }

    /// Sets an input that the host gives.
    pub(super) fn give(&mut self, name: &str, value: Self) {
        if let Self::Object(members) = self {
            members.retain(|(key, _)| key != name);
            members.push((name.to_owned(), value));
        }
    }

    /// The inputs with the outputs filled in. An error says which reference has no value.
    pub fn resolve(&self, outputs_of: &OutputsOf<'_>) -> Result<Value, String> {
        Ok(match self {
            Self::Known(value) => value.clone(),
            Self::Object(members) => {
                let mut object = Map::new();
                for (key, value) in members {
                    // An optional output that is absent makes its input absent.
                    if let Some(value) = value.resolve_member(outputs_of)? {
                        object.insert(key.clone(), value);
                    }
                }
                object.into()
            }
            Self::Array(items) => {
                items.iter().map(|item| item.resolve(outputs_of)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Self::Later(template) => match template.alone() {
                Some(reference) => output(reference, outputs_of)?.unwrap_or(Value::Null),
                None => text(template, outputs_of)?.into(),
            },
            Self::Outputs(step) => outputs_of(step)
                .ok_or_else(|| format!("it reads what step `{step}` answered, which has no outputs in this run"))?,
        })
    }

    fn resolve_member(&self, outputs_of: &OutputsOf<'_>) -> Result<Option<Value>, String> {
        if let Self::Later(template) = self
            && let Some(reference) = template.alone()
        {
            return output(reference, outputs_of);
        }
        self.resolve(outputs_of).map(Some)
    }
}

/// The value of a reference; none if the step has run and left this output out.
fn output(reference: &Reference, outputs_of: &OutputsOf<'_>) -> Result<Option<Value>, String> {
    let Reference::Output { step, path } = reference else {
        return Err(format!("`{reference}` was not resolved when the plan was made"));
    };
    let outputs = outputs_of(step)
        .ok_or_else(|| format!("it reads `{reference}`, but step `{step}` has no outputs in this run"))?;
    let pointer = format!("/{}", path.join("/"));
    Ok(outputs.pointer(&pointer).cloned())
}

fn text(template: &Template, outputs_of: &OutputsOf<'_>) -> Result<String, String> {
    let mut text = String::new();
    for part in template.parts() {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Reference(reference) => match output(reference, outputs_of)? {
                Some(Value::String(value)) => text.push_str(&value),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => text.push_str(&value.to_string()),
                _ => return Err(format!("`{reference}` has no value that can stand in a text")),
            },
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn later(text: &str) -> Inputs {
        Inputs::Later(Template::parse(text).unwrap())
    }

    fn store(step: &str) -> Option<Value> {
        (step == "store").then(|| json!({"id": "m-1", "fields": [{"name": "x"}], "n": 3}))
    }

    #[test]
    fn a_reference_alone_keeps_its_type() {
        let inputs = Inputs::Object(vec![("fields".into(), later("${{ steps.store.fields }}"))]);

        assert_eq!(inputs.resolve(&store), Ok(json!({"fields": [{"name": "x"}]})));
    }

    #[test]
    fn references_stand_in_texts() {
        assert_eq!(later("of ${{ steps.store.id }}, ${{ steps.store.n }}").resolve(&store), Ok(json!("of m-1, 3")));
    }

    #[test]
    fn an_output_that_was_left_out_leaves_the_input_out() {
        let inputs = Inputs::Object(vec![("label".into(), later("${{ steps.store.label }}"))]);

        assert_eq!(inputs.resolve(&store), Ok(json!({})));
    }

    #[test]
    fn a_step_that_has_not_run_is_named() {
        let error = later("${{ steps.deploy.id }}").resolve(&store).unwrap_err();

        assert_eq!(error, "it reads `steps.deploy.id`, but step `deploy` has no outputs in this run");
    }
}
