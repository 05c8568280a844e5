//! Secrets that are typed into the spec where only a reference to one may stand, or under a key that is no key: an error
//! shows the line, not them.

use serde_json::{Map, Value};

use crate::services::Secret;
use crate::spec::Spec;

/// Keys of a login that tell nothing.
const OPEN: [&str; 4] = ["kind", "username", "file", "iam_url"];

/// What stands below the `auth` of a service, also in a profile, in an argument `--set` and under keys that nobody knows,
/// but for references and what may be shown.
pub(super) fn secrets(spec: &Spec) -> Vec<Secret> {
    let mut found = Vec::new();
    let profiles = spec.written().get("profiles").and_then(Value::as_object);
    let layers = [spec.value(), spec.written()].into_iter().chain(profiles.into_iter().flat_map(Map::values));
    for layer in layers {
        let services = layer.get("services").and_then(Value::as_object);
        for auth in services.into_iter().flat_map(Map::values).filter_map(|service| service.get("auth")) {
            below(auth, &mut found);
        }
    }
    // One that cannot be laid over the spec is no value there.
    for (path, text) in spec.overrides.set.iter().filter_map(|set| set.split_once('=')) {
        let mut keys = path.split('.').skip_while(|key| *key != "auth");
        if keys.next().is_some() && keys.next().is_none_or(|key| !OPEN.contains(&key)) {
            below(&Value::from(text), &mut found);
        }
    }
    found
}

fn below(value: &Value, found: &mut Vec<Secret>) {
    match value {
        // What refers to a secret is none.
        Value::String(text) if !text.contains("${{") => found.push(Secret::new(text)),
        Value::Number(number) => found.push(Secret::new(number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| below(item, found)),
        Value::Object(members) => {
            for (_, member) in members.iter().filter(|(key, _)| !OPEN.contains(&key.as_str())) {
                below(member, found);
            }
        }
        _ => {}
    }
}
