//! Times and sizes, which may read what is known before the run.

use std::time::Duration;

use crate::spec::{Way, parse_duration, parse_size};

use super::Resolver;

impl Resolver<'_> {
    /// A duration, if one is given.
    pub(super) fn time(&mut self, text: Option<&str>, way: &Way) -> Option<Duration> {
        self.quantity(text, way, parse_duration)
    }

    /// A size in bytes, if one is given.
    pub(super) fn size(&mut self, text: Option<&str>, way: &Way) -> Option<u64> {
        self.quantity(text, way, parse_size)
    }

    fn quantity<T>(
        &mut self,
        text: Option<&str>,
        way: &Way,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.fixed(text?, way, false)?;
        if self.is_unknown(way) {
            return None;
        }
        parse(&text).map_err(|reason| self.problem(way, reason)).ok()
    }
}
