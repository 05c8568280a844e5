//! What `stepwise cleanup --stale` looks for, and how a step is told.

use std::time::Duration;

use serde_json::{Value, json};

/// How old a run must be if nobody says: longer than any that is still under way.
const OLDER_THAN: Duration = Duration::from_hours(24);

/// Which runs' leftovers are meant, and what is to become of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// How old the youngest thing must be that a run has left.
    pub older_than: Duration,
    /// The only run that is meant, if it is one.
    pub run: Option<String>,
    /// Names of runs that are under way on this machine.
    pub alive: Vec<String>,
    /// Whether they are only listed.
    pub lists: bool,
}

impl Default for Stale {
    fn default() -> Self {
        Self { older_than: OLDER_THAN, run: None, alive: Vec::new(), lists: false }
    }
}

impl Stale {
    /// The input that a step gets (`step.wit`).
    pub(super) fn input<'a>(&self, pipeline: &str, services: impl Iterator<Item = &'a String>) -> Value {
        let mut input = json!({
            "tag_prefix": tag_prefix(pipeline),
            "older_than_seconds": self.older_than.as_secs() + u64::from(self.older_than.subsec_nanos() > 0),
            "alive": self.alive,
            "list_only": self.lists,
            "services": services.collect::<Vec<_>>(),
        });
        if let Some(run) = &self.run {
            input["run"] = run.as_str().into();
        }
        input
    }
}

/// What the tags of all runs of a pipeline begin with. The length of its name keeps them apart from those of pipelines whose
/// names begin with it.
pub fn tag_prefix(pipeline: &str) -> String {
    format!("stepwise_{}_{pipeline}_", pipeline.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_is_one_of_another_pipelines() {
        let prefixes = ["a", "a_b", "a_b_c", "b", "1_a"].map(tag_prefix);
        for (n, prefix) in prefixes.iter().enumerate() {
            assert!(prefixes.iter().enumerate().all(|(m, other)| n == m || !other.starts_with(prefix)), "{prefix}");
        }
    }

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        let stale = Stale { older_than: Duration::from_millis(1500), ..Stale::default() };
        assert_eq!(stale.input("p", [].iter())["older_than_seconds"], 2);
        assert_eq!(Stale::default().input("p", [].iter())["older_than_seconds"], 86_400);
    }
}
