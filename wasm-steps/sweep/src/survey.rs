//! What carries a tag of the pipeline's runs, and which of the runs are lost.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use step_sdk::Failure;
use step_sdk::host::read_timestamp;
use step_sdk::openscale::stays;

use crate::kind::Kind;
use crate::place::{Place, id_of};
use crate::tag::Tag;

/// A resource that carries a tag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tag: Tag,
    /// Of a monitor instance the subscription, which carries the tag.
    pub(crate) target: Option<String>,
    /// By the clock of the service that created it; unknown if it does not say when.
    pub(crate) age: Option<Duration>,
}

/// All that carries a tag with this prefix.
pub(crate) fn all(place: &Place<'_>, prefix: &str) -> Result<Vec<Found>, Failure> {
    let mut all: Vec<Found> = Vec::new();
    // Subscriptions come before their monitors.
    for kind in Kind::ALL.into_iter().rev().filter(|kind| place.has(*kind)) {
        let subscriptions: BTreeMap<_, _> = all
            .iter()
            .filter(|one| one.kind == Kind::Subscription)
            .map(|one| (one.id.clone(), one.tag.clone()))
            .collect();
        if kind == Kind::MonitorInstance && subscriptions.is_empty() {
            continue;
        }
        let listed = place.list(kind, &[])?;
        for resource in listed.resources.iter().filter(|resource| stays(resource)) {
            let target = target(kind, resource);
            let tag = match &target {
                Some(subscription) => subscriptions.get(subscription).cloned(),
                None => kind.tag(prefix, resource),
            };
            let Some(tag) = tag else { continue };
            let (id, name, age) = (id_of(kind, resource)?, kind.title(resource), age(resource, listed.at));
            all.push(Found { kind, id, name, tag, target, age });
        }
    }
    Ok(all)
}

/// The subscription that a monitor instance watches.
pub(crate) fn target(kind: Kind, resource: &Value) -> Option<String> {
    let target = resource["entity"]["target"]["target_id"].as_str();
    target.filter(|_| kind == Kind::MonitorInstance).map(str::to_owned)
}

/// Clocks of two machines of a service may differ a little: nothing is younger than new.
fn age(resource: &Value, now: SystemTime) -> Option<Duration> {
    let created = read_timestamp(resource["metadata"]["created_at"].as_str()?)?;
    Some(now.duration_since(created).unwrap_or_default())
}

/// What is thought of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All that it left is old enough.
    Stale,
    /// It has something younger.
    Fresh,
    /// It is under way on this machine.
    Alive,
    /// Nobody knows how old anything of it is.
    Undated,
}

/// What is thought of each run.
pub(crate) struct Verdicts(BTreeMap<(String, String), (Verdict, Option<Duration>)>);

impl Verdicts {
    /// A run is as old as the youngest thing that it left.
    pub(crate) fn of(found: &[Found], older_than: Duration, alive: &[String]) -> Self {
        let mut ages: BTreeMap<_, Option<Duration>> = BTreeMap::new();
        for one in found {
            let youngest = ages.entry(one.run()).or_default();
            *youngest = (*youngest).into_iter().chain(one.age).min();
        }
        let judged = ages.into_iter().map(|(run, age)| {
            let verdict = match age {
                _ if alive.contains(&run.0) => Verdict::Alive,
                None => Verdict::Undated,
                Some(age) if age < older_than => Verdict::Fresh,
                Some(_) => Verdict::Stale,
            };
            (run, (verdict, age))
        });
        Self(judged.collect())
    }

    /// What is thought of a resource's run.
    pub(crate) fn of_run(&self, found: &Found) -> Verdict {
        self.0.get(&found.run()).map_or(Verdict::Undated, |(verdict, _)| *verdict)
    }

    /// The age of a resource's run.
    pub(crate) fn age_of(&self, found: &Found) -> Option<Duration> {
        self.0.get(&found.run()).and_then(|(_, age)| *age)
    }
}

impl Found {
    /// What tells its run from all others of the pipeline.
    pub(crate) fn run(&self) -> (String, String) {
        let (run, nonce) = self.tag.run();
        (run.to_owned(), nonce.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(tag: &str, age: Option<u64>) -> Found {
        let tag = Tag::parse("p_", tag).unwrap();
        let age = age.map(Duration::from_secs);
        Found { kind: Kind::Model, id: "m".into(), name: "x".into(), tag, target: None, age }
    }

    fn verdict(found: &[Found], older_than: u64, alive: &[&str]) -> Verdict {
        let alive: Vec<_> = alive.iter().map(|&run| run.to_owned()).collect();
        Verdicts::of(found, Duration::from_secs(older_than), &alive).of_run(&found[0])
    }

    #[test]
    fn a_run_is_as_old_as_the_youngest_thing_that_it_left() {
        let run = [found("p_r_000001_1", Some(100)), found("p_r_000001_2", Some(10)), found("p_r_000001_3", None)];
        assert_eq!(verdict(&run, 10, &[]), Verdict::Stale);
        assert_eq!(verdict(&run, 11, &[]), Verdict::Fresh);
        let other = [found("p_r_000001_1", Some(100)), found("p_r_000002_1", Some(10))];
        assert_eq!(verdict(&other, 50, &[]), Verdict::Stale, "another run of the same name does not count");
    }

    #[test]
    fn a_run_that_is_under_way_or_of_unknown_age_is_never_stale() {
        let run = [found("p_r_000001_1", Some(100))];
        assert_eq!(verdict(&run, 0, &["other", "r"]), Verdict::Alive);
        assert_eq!(verdict(&[found("p_r_000001_1", None)], 0, &[]), Verdict::Undated);
    }

    #[test]
    fn an_age_is_never_less_than_nothing() {
        let now = read_timestamp("2026-01-01T00:00:10Z").unwrap();
        let of = |created: &str| age(&json!({"metadata": {"created_at": created}}), now);
        assert_eq!(of("2026-01-01T00:00:03.5Z"), Some(Duration::from_millis(6500)));
        assert_eq!(of("2026-01-01T00:00:10.7Z"), Some(Duration::ZERO));
        assert_eq!(of("lately"), None);
        assert_eq!(age(&json!({}), now), None);
    }
}
