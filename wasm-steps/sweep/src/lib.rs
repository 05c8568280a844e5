//! Removes what lost runs of the pipeline have left: found by the tags that runs put on what they create, so that nothing of a
//! run need be known here. What carries no such tag is not touched.

use std::cmp::Reverse;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_sdk::openscale::InstanceId;
use step_sdk::wml::ApiVersion;
use step_sdk::{Failure, FailureCategory, Host, Level, Need, Needs, openscale, wml};

mod age;
mod kind;
mod place;
mod removal;
mod survey;
mod tag;
#[cfg(test)]
mod tests;

use place::Place;
use removal::{End, Removal};
use survey::{Found, Verdict, Verdicts};

step_sdk::step! {
    summary: "removes what lost runs of the pipeline have left, found by their tags",
    needs: Needs {
        services: &[
            Need::new(wml::SERVICE, "GET", "/v2/spaces", "finds the space by name"),
            Need::new(wml::SERVICE, "GET", "/v2/spaces/*", "finds the space by id"),
            Need::new(wml::SERVICE, "GET", "/ml/v4/models", "finds models of lost runs"),
            Need::new(wml::SERVICE, "GET", "/ml/v4/models/*", "reads the tag once more"),
            Need::new(wml::SERVICE, "DELETE", "/v2/assets/*", "removes a model"),
            Need::new(wml::SERVICE, "GET", "/ml/v4/deployments", "finds deployments of lost runs, and who uses a model"),
            Need::new(wml::SERVICE, "GET", "/ml/v4/deployments/*", "reads the tag once more"),
            Need::new(wml::SERVICE, "DELETE", "/ml/v4/deployments/*", "removes a deployment"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/data_marts", "finds the data mart of a lost run"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/data_marts/*", "reads the tag once more"),
            Need::new(openscale::SERVICE, "DELETE", "/openscale/*/v2/data_marts/*", "removes a data mart"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/service_providers", "finds service providers"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/service_providers/*", "reads the tag once more"),
            Need::new(openscale::SERVICE, "DELETE", "/openscale/*/v2/service_providers/*", "removes a service provider"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/subscriptions", "finds subscriptions, and who uses what"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/subscriptions/*", "reads the tag once more"),
            Need::new(openscale::SERVICE, "DELETE", "/openscale/*/v2/subscriptions/*", "removes a subscription"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/monitor_instances", "finds quality monitors"),
            Need::new(openscale::SERVICE, "GET", "/openscale/*/v2/monitor_instances/*", "reads its subscription once more"),
            Need::new(openscale::SERVICE, "DELETE", "/openscale/*/v2/monitor_instances/*", "removes a quality monitor"),
        ],
        ..Needs::NONE
    },
    run: run,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Id or name of the deployment space that the pipeline stores its models in
    space: String,
    /// Which leftovers are meant
    #[schemars(extend("x-stale" = true))]
    stale: Stale,
    /// How long to wait for all of it to be gone
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
    #[serde(default)]
    api_version: ApiVersion,
    #[serde(default)]
    instance_id: InstanceId,
}

/// What `stepwise cleanup --stale` says
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stale {
    /// What the tags of all of the pipeline's runs begin with
    tag_prefix: String,
    /// How old the youngest thing of a run must be
    older_than_seconds: u64,
    /// Name of the only run that is meant; any if absent
    run: Option<String>,
    /// Names of runs that are under way
    alive: Vec<String>,
    /// Whether to list only
    list_only: bool,
    /// The services of the pipeline
    services: Vec<String>,
}

fn timeout_seconds() -> u32 {
    300
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// How much was found, and what became of it
    #[schemars(extend("x-report" = true))]
    summary: String,
    /// All that carries a tag of one of the pipeline's runs
    #[schemars(extend("x-report" = true))]
    leftovers: Vec<Leftover>,
}

/// A resource that carries a tag of one of the pipeline's runs
#[derive(Debug, Serialize, JsonSchema)]
struct Leftover {
    kind: &'static str,
    name: String,
    id: String,
    /// The run that created it
    run: String,
    /// How old it is, as the spec writes durations; absent when the service does not tell
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<String>,
    outcome: Outcome,
    /// Why it is still there
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What became of it
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It is removed
    Removed,
    /// Somebody else removed it meanwhile
    AlreadyGone,
    /// It would be removed, if this were not only a list
    Stale,
    /// It stays, because others use it, or because its tag is not there any more
    Kept,
    /// It could not be removed
    Failed,
    /// Its run has something that is younger than what is meant
    Fresh,
    /// Its run is under way
    Alive,
    /// The service does not say when anything of its run was created
    Undated,
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    let Input { space, stale, timeout_seconds, api_version, instance_id } = input;
    let place = Place::find(host, &space, stale.services, api_version, instance_id)?;
    let mut found = survey::all(&place, &stale.tag_prefix)?;
    found.retain(|found| stale.run.as_ref().is_none_or(|run| *run == found.tag.run));
    let verdicts = Verdicts::of(&found, Duration::from_secs(stale.older_than_seconds), &stale.alive);
    let (meant, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| verdicts.of_run(one) == Verdict::Stale);

    let mut removal = Removal::new(&place, &stale.tag_prefix, stale.list_only, timeout_seconds);
    let mut all: Vec<_> = removal.clear(meant);
    all.extend(others.into_iter().map(|one| {
        let end = match verdicts.of_run(&one) {
            Verdict::Alive => End::of(Outcome::Alive),
            Verdict::Undated => End::of(Outcome::Undated),
            Verdict::Fresh | Verdict::Stale => End::of(Outcome::Fresh),
        };
        (one, end)
    }));
    // Run by run, the oldest first, each in the order of removal.
    all.sort_by_cached_key(|(one, _)| (Reverse(verdicts.age_of(one)), one.run(), one.kind));
    let failures: Vec<_> = all.iter().filter_map(|(_, end)| end.failed).collect();
    let leftovers: Vec<_> = all.into_iter().map(|(one, end)| leftover(one, end)).collect();
    let output = Output { summary: summary(&leftovers), leftovers };
    if failures.is_empty() { Ok(output) } else { Err(incomplete(host, &output, &failures)) }
}

fn leftover(found: Found, end: End) -> Leftover {
    let age = found.age.map(age::text);
    let (kind, outcome) = (found.kind.name(), end.outcome);
    Leftover { kind, name: found.name, id: found.id, run: found.tag.run, age, outcome, why: end.why }
}

fn summary(leftovers: &[Leftover]) -> String {
    let count = |outcome| leftovers.iter().filter(|one| one.outcome == outcome).count();
    let counts = [
        (Outcome::Removed, "removed"),
        (Outcome::AlreadyGone, "already gone"),
        (Outcome::Stale, "to be removed"),
        (Outcome::Kept, "kept"),
        (Outcome::Failed, "not removed"),
        (Outcome::Fresh, "not old enough"),
        (Outcome::Alive, "of a run that is under way"),
        (Outcome::Undated, "of unknown age"),
    ];
    let parts = counts.map(|(outcome, words)| (count(outcome), words)).into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, words)| format!("{count} {words}")).collect();
    if parts.is_empty() {
        "nothing was found".to_owned()
    } else {
        format!("{} found: {}", leftovers.len(), parts.join(", "))
    }
}

fn incomplete(host: &dyn Host, output: &Output, failures: &[FailureCategory]) -> Failure {
    let mut left = Vec::new();
    for one in output.leftovers.iter().filter(|one| one.outcome == Outcome::Failed) {
        let why = one.why.as_deref().unwrap_or_default();
        host.log(Level::Error, &format!("{} `{}` of run `{}` is left: {why}", one.kind, one.name, one.run));
        left.push(format!("{} `{}` of run `{}` ({why})", one.kind, one.name, one.run));
    }
    Failure::of_several(failures, format!("not everything is removed: {}", left.join("; "))).with_outputs(output)
}
