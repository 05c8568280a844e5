//! The names by which a profile or `--set` reaches parts of a spec.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::document::Document;
use super::hint::{Hint, Known, Otherwise};
use super::problem::Problem;
use super::profile::Profiles;
use super::way::Way;

/// Why something cannot be laid over a spec.
pub(super) struct Refused {
    message: String,
    hint: Option<Hint>,
}

impl Refused {
    pub(super) fn whole(self) -> Problem {
        Problem { hint: self.hint, ..Problem::whole(self.message) }
    }

    pub(super) fn at(self, document: &Document, source: &Way) -> Problem {
        Problem { hint: self.hint, ..Problem::at(document.key_place(source), self.message) }
    }
}

/// A list is changed item by item, or as a whole.
pub(super) fn no_item(list: &Way, key: &str, length: usize) -> Refused {
    let message = match (key.parse::<usize>(), length) {
        (Err(_), _) => format!("`{key}` is no item of a list; items have numbers, from 0"),
        (Ok(_), 0) => format!("there is no item {key}: the list is empty"),
        (Ok(_), _) => format!("there is no item {key}: the last one of the list is {}", length - 1),
    };
    let name = list.keys().last().unwrap_or_default();
    Refused { message, hint: Some(format!("set it as a whole: `….{name}=[…]`").into()) }
}

/// The names by which a spec's parts can be changed.
pub(super) struct Names<'a> {
    params: Known,
    steps: Known,
    values: Option<&'a Map<String, Value>>,
    ids: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let values = value.get("params").and_then(Value::as_object);
        let steps = value.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut ids = HashMap::new();
        for (n, id) in steps.iter().enumerate().filter_map(|(n, step)| Some((n, id_of(step)?))) {
            ids.entry(id).or_insert(n);
        }
        // What such a step is called only its component knows, which is not looked at here.
        let is_unnamed = |step: &Value| id_of(step).is_none() && step.get("module").is_some();
        let otherwise = if steps.iter().any(is_unnamed) {
            Otherwise::Text("a step with `module` can be changed if the spec gives it an `id`")
        } else {
            Otherwise::All("there are")
        };
        Self {
            params: Known::new(values.into_iter().flat_map(Map::keys).map(String::as_str), Otherwise::All("there are")),
            steps: Known::new(steps.iter().filter_map(id_of), otherwise),
            values,
            ids,
        }
    }

    /// What a profile changes: where, from where, and to what.
    pub(super) fn targets<'b>(
        &self,
        profiles: &Profiles<'b>,
        name: &str,
    ) -> Vec<(Result<Way, Refused>, Way, &'b Value)> {
        let mut targets = Vec::new();
        for (key, change) in profiles.changes(name) {
            let source = Profiles::way(name).to(key);
            match change {
                Value::Object(entries) if key == "params" || key == "steps" => {
                    for (name, change) in entries {
                        targets.push((self.target(&[key.as_str(), name.as_str()]), source.to(name), change));
                    }
                }
                _ => targets.push((Ok(Way::root().to(key)), source, change)),
            }
        }
        targets
    }

    /// Where a path of names leads: a step is named by its id, a param's value is its default's place.
    pub(super) fn target(&self, keys: &[&str]) -> Result<Way, Refused> {
        let root = Way::root();
        match keys {
            ["params", name] => {
                if self.values.is_some_and(|values| values.contains_key(*name)) {
                    return Ok(root.to("params").to(name).to("default"));
                }
                let message = format!("there is no param `{name}`");
                Err(Refused { message, hint: Some(self.params.hint(name)) })
            }
            ["steps", id, rest @ ..] => {
                if let Some(n) = self.ids.get(id) {
                    return Ok(rest.iter().fold(root.to("steps").to(n), |way, key| way.to(key)));
                }
                let message = format!("there is no step `{id}`");
                Err(Refused { message, hint: Some(self.steps.hint(id)) })
            }
            ["name" | "timeout"] | ["services" | "secrets" | "data" | "models", _, ..] => {
                Ok(keys.iter().fold(root, |way, key| way.to(key)))
            }
            _ => Err(Refused {
                message: format!("`{}` is nothing that can be set", keys.join(".")),
                hint: Some("a path begins with `params`, `steps`, `services`, `data`, `name` or `timeout`".into()),
            }),
        }
    }
}

/// What a step is called, as far as the spec alone tells.
fn id_of(step: &Value) -> Option<&str> {
    step.get("id").or_else(|| step.get("step"))?.as_str()
}
