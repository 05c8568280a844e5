//! The layers of a spec, one over the other: `defaults`, the steps, the chosen profile, `--set`.
//!
//! Each is merged over what is below it as a JSON Merge Patch (RFC 7396): mappings key by key, anything else as a whole,
//! and nothing (`null`) removes a key.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::Document;
use super::names::{Names, Refused, no_item};
use super::problem::Problem;
use super::profile::Profiles;
use super::way::Way;
use super::ways::Ways;

/// What changes a spec from outside of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Overrides {
    /// The profile that is chosen.
    pub profile: Option<String>,
    /// Values, each `path=value`.
    pub set: Vec<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// What the spec says at that very place.
    Spec,
    /// `defaults`.
    Defaults,
    /// A profile.
    Profile(String),
    /// An argument `--set`.
    Set(String),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec => f.write_str("spec"),
            Self::Defaults => f.write_str("defaults"),
            Self::Profile(name) => write!(f, "profile `{name}`"),
            Self::Set(_) => f.write_str("--set"),
        }
    }
}

/// The merged layers.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) value: Value,
    /// Where those values stand in the document that do not stand where they are.
    origins: Origins,
}

impl Layers {
    /// The document alone.
    pub(super) fn of(document: &Document) -> Self {
        let mut value = document.value.clone();
        if let Some(top) = value.as_object_mut() {
            top.remove("profiles");
            top.remove("defaults");
        }
        Self { value, origins: Origins::default() }
    }

    /// Lays everything over it. What cannot be laid anywhere is a problem.
    pub(super) fn apply(&mut self, document: &Document, overrides: &Overrides) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.defaults(document);
        let profiles = Profiles::of(document);
        problems.extend(profiles.problems());
        // All are looked at, also those that are not chosen now.
        for name in profiles.names() {
            let targets = Names::of(&self.value).targets(&profiles, name);
            for (target, source, _) in targets {
                if let Err(refused) = target {
                    problems.push(refused.at(document, &source));
                }
            }
        }
        let chain = overrides.profile.as_deref().map_or(Ok(Vec::new()), |name| profiles.chain(name));
        match chain {
            Ok(chain) => {
                for name in chain {
                    let targets = Names::of(&self.value).targets(&profiles, name);
                    for (target, source, change) in targets {
                        let Ok(target) = target else { continue };
                        if let Err(refused) = self.lay(&target, change, &Layer::Profile(name.to_owned()), &source) {
                            problems.push(refused.at(document, &source));
                        }
                    }
                }
            }
            Err(problem) => problems.extend(problem),
        }
        for argument in &overrides.set {
            if let Err(problem) = self.set(argument) {
                problems.push(Problem { argument: Some(argument.clone()), ..problem });
            }
        }
        problems
    }

    /// Where a value comes from: the layer, and its way in the document.
    pub(super) fn origin(&self, way: &Way) -> (Layer, Way) {
        match self.origins.around(way) {
            Some(((layer, source), rest)) => (layer.clone(), source.down(&rest)),
            None => (Layer::Spec, way.clone()),
        }
    }

    /// Gives every step what `defaults` has and it has not.
    fn defaults(&mut self, document: &Document) {
        let Some(Value::Object(defaults)) = document.value.get("defaults") else { return };
        let steps = self.value.get_mut("steps").and_then(Value::as_array_mut);
        for (n, step) in steps.into_iter().flatten().enumerate() {
            if let Value::Object(step) = step {
                let way = Way::root().to("steps").to(n);
                fill(step, defaults, &way, &Way::root().to("defaults"), &mut self.origins);
            }
        }
    }

    /// Lays `path=value` over all.
    fn set(&mut self, argument: &str) -> Result<(), Problem> {
        let (path, text) = argument.split_once('=').ok_or_else(|| {
            Problem::whole("this is not of the form `path=value`").hint("write for example `params.threshold=0.9`")
        })?;
        let keys: Vec<&str> = path.split('.').collect();
        let target = Names::of(&self.value).target(&keys).map_err(Refused::whole)?;
        let is_text = |value: &Value| value.get("type").is_some_and(|kind| kind == "string");
        let value = match keys.as_slice() {
            // A param's type says how its text is read: `1.0` may be a version.
            ["params", name] if self.value.pointer(&format!("/params/{name}")).is_some_and(is_text) => text.into(),
            _ => Document::scalar(text).map_err(Problem::whole)?,
        };
        self.lay(&target, &value, &Layer::Set(argument.to_owned()), &target).map_err(Refused::whole)
    }

    /// Lays a value over what stands at a way. Mappings that are not there yet are made.
    fn lay(&mut self, target: &Way, value: &Value, layer: &Layer, source: &Way) -> Result<(), Refused> {
        let mut around = &mut self.value;
        let mut way = Way::root();
        for key in target.keys() {
            around = match around {
                Value::Array(items) => {
                    let length = items.len();
                    let item = key.parse::<usize>().ok().and_then(|n| items.get_mut(n));
                    item.ok_or_else(|| no_item(&way, &key, length))?
                }
                other => {
                    if !other.is_object() {
                        *other = Map::new().into();
                        self.origins.remove_within(&way);
                        self.origins.insert(way.clone(), (layer.clone(), source.clone()));
                    }
                    let Some(object) = other.as_object_mut() else { return Ok(()) };
                    if value.is_null() && way.to(&key) == *target {
                        object.remove(&key);
                        self.origins.remove_within(target);
                        return Ok(());
                    }
                    object.entry(&key).or_insert(Value::Null)
                }
            };
            way = way.to(&key);
        }
        merge(around, value, target, layer, source, &mut self.origins);
        Ok(())
    }
}

/// Where values come from that do not stand where they are.
type Origins = Ways<(Layer, Way)>;

fn merge(target: &mut Value, patch: &Value, way: &Way, layer: &Layer, source: &Way, origins: &mut Origins) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                let (way, source) = (way.to(key), source.to(key));
                if value.is_null() {
                    target.remove(key);
                    origins.remove_within(&way);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value, &way, layer, &source, origins);
                }
            }
        }
        (target, Value::Object(_)) => {
            *target = Map::new().into();
            origins.remove_within(way);
            origins.insert(way.clone(), (layer.clone(), source.clone()));
            merge(target, patch, way, layer, source, origins);
        }
        (target, patch) => {
            *target = patch.clone();
            origins.remove_within(way);
            origins.insert(way.clone(), (layer.clone(), source.clone()));
        }
    }
}

fn fill(
    target: &mut Map<String, Value>,
    defaults: &Map<String, Value>,
    way: &Way,
    source: &Way,
    origins: &mut Origins,
) {
    for (key, default) in defaults {
        let (way, source) = (way.to(key), source.to(key));
        match (target.get_mut(key), default) {
            (None, _) => {
                target.insert(key.clone(), default.clone());
                origins.insert(way, (Layer::Defaults, source));
            }
            (Some(Value::Object(target)), Value::Object(default)) => fill(target, default, &way, &source, origins),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layers(text: &str, profile: Option<&str>, set: &[&str]) -> (Layers, Vec<String>) {
        let document = Document::parse(text).unwrap();
        let mut layers = Layers::of(&document);
        let set = set.iter().map(|&text| text.to_owned()).collect();
        let problems = layers.apply(&document, &Overrides { profile: profile.map(str::to_owned), set });
        (layers, problems.into_iter().map(|problem| problem.message).collect())
    }

    const SPEC: &str = "
name: a
defaults: {timeout: 1m, retry: {attempts: 2}}
params: {x: {type: number, default: 1}, v: {type: string}}
profiles:
  base: {params: {x: 2}, steps: {store: {timeout: 3m}}}
  prod: {extends: base, params: {x: 3}, data: {target: {file: b.csv}}}
data: {target: {file: a.csv, sha256: abc}}
steps:
- {step: store, inputs: {a: {b: 1, c: 2}}}
- {step: deploy, timeout: 2m, retry: {on: [refused]}}
";

    #[test]
    fn a_default_stands_below_a_step_and_a_profile_above_it() {
        let (layers, problems) = layers(SPEC, Some("prod"), &[]);

        assert_eq!(problems, [""; 0]);
        assert_eq!(layers.value["steps"][0]["timeout"], "3m");
        assert_eq!(layers.value["steps"][1]["timeout"], "2m");
        assert_eq!(layers.value["steps"][1]["retry"], json!({"on": ["refused"], "attempts": 2}));
        assert_eq!(layers.value["params"]["x"]["default"], 3);
        assert_eq!(layers.value["data"]["target"], json!({"file": "b.csv", "sha256": "abc"}));
    }

    #[test]
    fn set_stands_above_all_and_null_removes() {
        let set = ["params.x=4", "params.v=1.0", "data.target.sha256=null", "steps.store.inputs.a.b=true"];
        let (layers, problems) = layers(SPEC, Some("prod"), &set);

        assert_eq!(problems, [""; 0]);
        assert_eq!(layers.value["params"]["x"]["default"], 4);
        assert_eq!(layers.value["params"]["v"]["default"], "1.0");
        assert_eq!(layers.value["data"]["target"], json!({"file": "b.csv"}));
        assert_eq!(layers.value["steps"][0]["inputs"]["a"], json!({"b": true, "c": 2}));
    }

    #[test]
    fn every_value_knows_its_layer() {
        let (layers, _) = layers(SPEC, Some("base"), &["steps.store.inputs.a.b=7"]);
        let origin = |pointer: &str| layers.origin(&Way::root().down(pointer));

        assert_eq!(origin("/steps/1/retry/attempts"), (Layer::Defaults, Way::root().down("/defaults/retry/attempts")));
        assert_eq!(origin("/steps/1/timeout"), (Layer::Spec, Way::root().down("/steps/1/timeout")));
        let profile = (Layer::Profile("base".into()), Way::root().down("/profiles/base/steps/store/timeout"));
        assert_eq!(origin("/steps/0/timeout"), profile);
        assert_eq!(origin("/steps/0/inputs/a/b").0, Layer::Set("steps.store.inputs.a.b=7".into()));
        assert_eq!(origin("/steps/0/inputs/a/c").0, Layer::Spec);
    }

    #[test]
    fn what_is_not_there_cannot_be_changed() {
        let set = ["params.y=1", "steps.sotre.timeout=1m", "version=2", "nothing"];
        let (_, problems) = layers(SPEC, Some("pord"), &set);

        assert_eq!(
            problems,
            [
                "there is no profile `pord`",
                "there is no param `y`",
                "there is no step `sotre`",
                "`version` is nothing that can be set",
                "this is not of the form `path=value`"
            ]
        );
    }

    #[test]
    fn a_profile_that_extends_itself_is_told_with_its_circle() {
        let text = "profiles: {a: {extends: b}, b: {extends: [c]}, c: {extends: a}}\nsteps: []\n";
        let (_, problems) = layers(text, Some("a"), &[]);

        assert_eq!(
            problems,
            [
                "profile `a` extends itself: a → b → c → a",
                "profile `b` extends itself: b → c → a → b",
                "profile `c` extends itself: c → a → b → c"
            ]
        );
    }
}
