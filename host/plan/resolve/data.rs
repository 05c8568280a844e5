//! `data`: the data sets, and digests.

use std::collections::BTreeMap;

use crate::data::{self, DataSet, Source};
use crate::spec::Way;

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn data(&mut self) -> BTreeMap<String, DataSet> {
        let spec = self.spec;
        let mut sets = BTreeMap::new();
        for (name, entry) in &spec.data {
            let Some(entry) = entry else { continue };
            let way = Way::root().to("data").to(name);
            let Some(file) = &entry.file else {
                self.problem(&way, format!("data set `{name}` needs `file`"));
                continue;
            };
            if let Some(sha256) = &entry.sha256 {
                self.check_sha256(sha256, &way.to("sha256"));
            }
            let Some(file) = self.fixed(file, &way.to("file"), false) else { continue };
            let set = DataSet { source: Source::File(self.base.join(file)), sha256: entry.sha256.clone() };
            if !self.is_unset(&way)
                && let Err(error) = data::fetch(&set)
            {
                self.problem(&way.to("file"), format!("data set `{name}`: {error}"));
            }
            sets.insert(name.clone(), set);
        }
        sets
    }

    pub(super) fn check_sha256(&mut self, text: &str, way: &Way) {
        if text.len() != 64 || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            self.problem(way, "a SHA-256 has 64 hex digits");
        }
    }
}
