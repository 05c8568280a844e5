//! Removes exactly what this run created, and proves that it is gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use step_sdk::ledger::{Entry, State};
use step_sdk::lookup::{self, find, find_late, find_users};
use step_sdk::{Deadline, Failure, FailureCategory, Host, Level, Needs, Poll, Response, until};

#[cfg(test)]
mod tests;

step_sdk::step! {
    summary: "removes what the run created, newest first, and proves that it is gone",
    needs: Needs { removes: true, ..Needs::NONE },
    run: run,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// How long to wait for all of it to be gone
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u32,
}

fn timeout_seconds() -> u32 {
    300
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Output {
    /// What the run created and this step removed
    #[schemars(extend("x-report" = true))]
    removed: Vec<Thing>,
    /// What was announced but is not there: removed by somebody else, or never created
    #[schemars(extend("x-report" = true))]
    already_gone: Vec<Thing>,
    /// What stays because others use it
    #[schemars(extend("x-report" = true))]
    kept: Vec<Left>,
    /// What could not be removed
    #[schemars(extend("x-report" = true))]
    failed: Vec<Left>,
}

/// A resource of the run
#[derive(Debug, Serialize, JsonSchema)]
struct Thing {
    kind: String,
    name: String,
    /// Absent when it was never known
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// A resource of the run that is still there
#[derive(Debug, Serialize, JsonSchema)]
struct Left {
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Why it is still there
    why: String,
}

/// What became of an entry.
enum End {
    Removed(String),
    AlreadyGone(Option<String>),
    Kept(String, String),
    /// As an earlier cleanup had found it.
    StillGone,
}

fn run(host: &dyn Host, input: Input) -> Result<Output, Failure> {
    let deadline = Deadline::after_seconds(host, input.timeout_seconds);
    let mut entries = host.entries().map_err(|error| Failure::of_ledger("reading the ledger", error))?;
    // Of what was never seen nobody knows that it is gone: a service may have acted after an earlier cleanup had looked.
    entries.retain(|entry| entry.state != State::Removed || entry.id.is_none());
    let total = entries.len() as u64;

    let mut output = Output::default();
    let mut failures = Vec::new();
    for (done, entry) in (1..).zip(entries.iter().rev()) {
        match clear(host, entry, &deadline) {
            Ok(End::Removed(id)) => output.removed.push(thing(entry, Some(id))),
            Ok(End::AlreadyGone(id)) => output.already_gone.push(thing(entry, id)),
            Ok(End::Kept(id, why)) => {
                let later = "cleaned up after later, the run removes it";
                host.log(Level::Warn, &format!("{} stays, as it is {why}; {later}", title(entry)));
                output.kept.push(left(entry, Some(id), why));
            }
            Ok(End::StillGone) => {}
            // The rest is removed all the same; what hangs on this one is refused by the service itself.
            Err(failure) => {
                host.log(Level::Error, &format!("{} is left: {}", title(entry), failure.message));
                failures.push(failure.category);
                output.failed.push(left(entry, entry.id.clone(), failure.message));
            }
        }
        host.progress(done, Some(total), "resources");
    }
    if failures.is_empty() { Ok(output) } else { Err(incomplete(&output, &failures)) }
}

/// Removes one entry's resource, if it is there and nobody else uses it.
fn clear(host: &dyn Host, entry: &Entry, deadline: &Deadline) -> Result<End, Failure> {
    let Some(id) = known_id(host, entry)? else {
        if entry.state == State::Removed {
            return Ok(End::StillGone);
        }
        settle(host, entry, State::Removed)?;
        return Ok(End::AlreadyGone(None));
    };
    if let Some(why) = in_use(host, entry, &id)? {
        if !entry.announcement.shared {
            return Err(Failure::refused(why));
        }
        settle(host, entry, State::Kept)?;
        return Ok(End::Kept(id, why));
    }
    let answer =
        host.remove(entry.number).map_err(|error| Failure::from_error(&format!("removing {}", title(entry)), error))?;
    let answer = Response::new(format!("removing {}", title(entry)), answer);
    if answer.status() == 409 && entry.announcement.shared {
        // Another run has begun to use it.
        let why = answer.failure().message;
        settle(host, entry, State::Kept)?;
        return Ok(End::Kept(id, why));
    }
    let gone = matches!(answer.status(), 404 | 410);
    if !gone {
        answer.success()?;
    }
    prove_gone(host, entry, &id, deadline)?;
    settle(host, entry, State::Removed)?;
    Ok(if gone { End::AlreadyGone(Some(id)) } else { End::Removed(id) })
}

/// The id of the entry's resource; searched by tag where the answer to its create request never came.
fn known_id(host: &dyn Host, entry: &Entry) -> Result<Option<String>, Failure> {
    if entry.id.is_some() {
        return Ok(entry.id.clone());
    }
    let (lookup, key) = (&entry.announcement.find, key(entry, None));
    let found = if entry.state == State::Removed { find(host, lookup, key) } else { find_late(host, lookup, key) };
    let Some(found) = found?.pop() else {
        return Ok(None);
    };
    let confirmed = host.confirm(entry.number, &found.id);
    confirmed.map_err(|error| Failure::of_ledger(&format!("confirming {}", title(entry)), error))?;
    Ok(Some(found.id))
}

/// Who else uses it, if anybody does.
fn in_use(host: &dyn Host, entry: &Entry, id: &str) -> Result<Option<String>, Failure> {
    let Some(users) = &entry.announcement.users else {
        return Ok(None);
    };
    let found = find_users(host, users, key(entry, Some(id)))?;
    let ids: Vec<_> = found.iter().map(|user| format!("`{}`", user.id)).collect();
    Ok((!ids.is_empty()).then(|| format!("used by {}", ids.join(", "))))
}

/// Waits until the resource is listed no more.
fn prove_gone(host: &dyn Host, entry: &Entry, id: &str, deadline: &Deadline) -> Result<(), Failure> {
    let lookup = &entry.announcement.find;
    until(host, &format!("removing {}", title(entry)), deadline, || {
        let listed = find(host, lookup, key(entry, Some(id)))?;
        if listed.iter().any(|found| found.id == id) {
            return Ok(Poll::Waiting("still listed".to_owned()));
        }
        match listed.first() {
            // A tag is the run's own: whatever carries it was made by the run.
            Some(twin) if lookup.value.contains("{tag}") => {
                Err(Failure::refused(format!("another {} has its tag: `{}`", entry.announcement.kind, twin.id)))
            }
            _ => Ok(Poll::Ready(())),
        }
    })
}

fn settle(host: &dyn Host, entry: &Entry, state: State) -> Result<(), Failure> {
    host.settle(entry.number, state).map_err(|error| Failure::of_ledger(&format!("settling {}", title(entry)), error))
}

fn incomplete(output: &Output, failures: &[FailureCategory]) -> Failure {
    let left: Vec<_> =
        output.failed.iter().map(|left| format!("{} `{}` ({})", left.kind, left.name, left.why)).collect();
    Failure::of_several(failures, format!("not everything is removed: {}", left.join("; "))).with_outputs(output)
}

fn key<'a>(entry: &'a Entry, id: Option<&'a str>) -> lookup::Entry<'a> {
    lookup::Entry { number: entry.number, tag: &entry.tag, id }
}

fn title(entry: &Entry) -> String {
    format!("{} `{}`", entry.announcement.kind, entry.announcement.name)
}

fn thing(entry: &Entry, id: Option<String>) -> Thing {
    Thing { kind: entry.announcement.kind.clone(), name: entry.announcement.name.clone(), id }
}

fn left(entry: &Entry, id: Option<String>, why: String) -> Left {
    Left { kind: entry.announcement.kind.clone(), name: entry.announcement.name.clone(), id, why }
}
