//! `profiles`: sets of changes to a spec, chosen by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document::Document;
use super::hint::{Known, Otherwise};
use super::problem::Problem;
use super::way::Way;

/// Profiles that a spec may have: each can extend all others.
const MAX_PROFILES: usize = 50;

/// The profiles of a document.
pub(super) struct Profiles<'a> {
    document: &'a Document,
    profiles: Option<&'a Map<String, Value>>,
    known: Known,
}

impl<'a> Profiles<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let profiles = document.value.get("profiles").and_then(Value::as_object);
        let known =
            Known::new(profiles.into_iter().flat_map(Map::keys).map(String::as_str), Otherwise::All("there are"));
        Self { document, profiles, known }
    }

    /// Every profile that extends what is not there, or itself.
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.names().count() > MAX_PROFILES {
            let place = self.document.place(&Way::root().to("profiles"));
            return vec![Problem::at(place, format!("there are more than {MAX_PROFILES} profiles"))];
        }
        let mut problems = Vec::new();
        for name in self.profiles.into_iter().flat_map(Map::keys) {
            let mut circles = true;
            for (n, base) in self.bases(name).iter().enumerate() {
                let way = Self::way(name).to("extends");
                let place = match self.document.value.pointer(way.as_str()) {
                    Some(Value::Array(_)) => self.document.place(&way.to(n)),
                    _ => self.document.place(&way),
                };
                if !self.has(base) {
                    problems.push(Problem { place: Some(place), ..self.unknown(base) });
                } else if circles && let Some(circle) = self.circle(name, base) {
                    // One is enough to see it, and looking for all could take long.
                    circles = false;
                    let message = format!("profile `{name}` extends itself: {}", circle.join(" → "));
                    problems.push(Problem::at(place, message));
                }
            }
        }
        problems
    }

    /// A profile's chain: those that it extends before it, each once. None if there is no such profile or its chain has no
    /// end.
    pub(super) fn chain(&self, name: &str) -> Result<Vec<&'a str>, Option<Problem>> {
        let Some((known, _)) = self.profiles.and_then(|profiles| profiles.get_key_value(name)) else {
            return Err(Some(self.unknown(name)));
        };
        let (mut chain, mut seen) = (Vec::new(), BTreeSet::new());
        // What has no end was told with all profiles' problems.
        let ends = self.names().count() <= MAX_PROFILES && self.collect(known, &mut chain, &mut seen);
        if ends { Ok(chain) } else { Err(None) }
    }

    fn collect(&self, name: &'a str, chain: &mut Vec<&'a str>, seen: &mut BTreeSet<&'a str>) -> bool {
        if !seen.insert(name) {
            return chain.contains(&name);
        }
        let ends = self.bases(name).into_iter().all(|base| self.has(base) && self.collect(base, chain, seen));
        chain.push(name);
        ends
    }

    /// A profile's changes.
    pub(super) fn changes(&self, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let profile = self.profiles.and_then(|profiles| profiles.get(name)).and_then(Value::as_object);
        profile.into_iter().flatten().filter(|(key, _)| *key != "extends")
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.profiles.into_iter().flat_map(Map::keys)
    }

    pub(super) fn way(name: &str) -> Way {
        Way::root().to("profiles").to(name)
    }

    fn has(&self, name: &str) -> bool {
        self.profiles.is_some_and(|profiles| profiles.contains_key(name))
    }

    fn unknown(&self, name: &str) -> Problem {
        Problem::whole(format!("there is no profile `{name}`")).hint(self.known.hint(name))
    }

    fn bases(&self, name: &str) -> Vec<&'a str> {
        match self.profiles.and_then(|profiles| profiles.get(name)?.get("extends")) {
            Some(Value::String(base)) => vec![base],
            Some(Value::Array(bases)) => bases.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The way from a profile over one of its bases back to itself, if there is one.
    fn circle(&self, name: &str, base: &'a str) -> Option<Vec<String>> {
        let mut circle = vec![name.to_owned()];
        self.leads_back(name, base, &mut circle, &mut BTreeSet::new()).then_some(circle)
    }

    fn leads_back(&self, name: &str, at: &'a str, circle: &mut Vec<String>, seen: &mut BTreeSet<&'a str>) -> bool {
        circle.push(at.to_owned());
        let mut bases = self.bases(at).into_iter();
        let leads = at == name || (seen.insert(at) && bases.any(|base| self.leads_back(name, base, circle, seen)));
        if !leads {
            circle.pop();
        }
        leads
    }
}
