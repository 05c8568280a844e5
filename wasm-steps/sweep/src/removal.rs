//! Removing what lost runs have left: kind by kind, so that what hangs on another goes first.

use std::collections::BTreeSet;

use step_sdk::{Deadline, Failure, FailureCategory, Poll, until};

use crate::Outcome;
use crate::kind::Kind;
use crate::place::{Place, id_of};
use crate::survey::{Found, target};

/// How it ended with a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// Why it is still there.
    pub(crate) why: Option<String>,
    /// The category of the failure, if it is one.
    pub(crate) failed: Option<FailureCategory>,
}

impl End {
    pub(crate) fn of(outcome: Outcome) -> Self {
        Self { outcome, why: None, failed: None }
    }

    fn kept(why: String) -> Self {
        Self { outcome: Outcome::Kept, why: Some(why), failed: None }
    }

    fn failed(failure: Failure) -> Self {
        Self { outcome: Outcome::Failed, why: Some(failure.message), failed: Some(failure.category) }
    }
}

/// A removal, or its rehearsal.
pub(crate) struct Removal<'a> {
    place: &'a Place<'a>,
    prefix: &'a str,
    list_only: bool,
    deadline: Deadline,
    /// Ids of what is removed, or would be: it uses nothing any more.
    gone: BTreeSet<String>,
    /// Ids of what could not be removed.
    failed: BTreeSet<String>,
}

impl<'a> Removal<'a> {
    pub(crate) fn new(place: &'a Place<'a>, prefix: &'a str, list_only: bool, timeout_seconds: u32) -> Self {
        let deadline = Deadline::after_seconds(place.host, timeout_seconds);
        Self { place, prefix, list_only, deadline, gone: BTreeSet::new(), failed: BTreeSet::new() }
    }

    /// Removes all of it, the newest of a kind first, and tells of each how it ended.
    pub(crate) fn clear(&mut self, mut meant: Vec<Found>) -> Vec<(Found, End)> {
        meant.sort_by_key(|found| (found.kind, found.age));
        let total = meant.len() as u64;
        let mut ended: Vec<(Found, End)> = Vec::new();
        for kind in Kind::ALL {
            let first = ended.len();
            for found in meant.extract_if(.., |found| found.kind == kind) {
                // The rest is removed all the same.
                let end = self.one(&found).unwrap_or_else(End::failed);
                self.note(&found, &end);
                ended.push((found, end));
                self.place.host.progress(ended.len() as u64, Some(total), "resources");
            }
            self.prove_gone(kind, &mut ended[first..]);
        }
        ended
    }

    fn note(&mut self, found: &Found, end: &End) {
        match end.outcome {
            Outcome::Removed | Outcome::AlreadyGone | Outcome::Stale => self.gone.insert(found.id.clone()),
            Outcome::Failed => self.failed.insert(found.id.clone()),
            _ => false,
        };
    }

    fn one(&self, found: &Found) -> Result<End, Failure> {
        if let Some(end) = self.in_use(found)? {
            return Ok(end);
        }
        if self.list_only {
            return Ok(End::of(Outcome::Stale));
        }
        // The list may be old by now.
        let Some(resource) = self.place.read(found.kind, &found.id)? else {
            return Ok(End::of(Outcome::AlreadyGone));
        };
        let tag = match &found.target {
            Some(subscription) if target(found.kind, &resource).as_ref() == Some(subscription) => {
                let subscription = self.place.read(Kind::Subscription, subscription)?;
                subscription.and_then(|subscription| Kind::Subscription.tag(self.prefix, &subscription))
            }
            Some(_) => None,
            None => found.kind.tag(self.prefix, &resource),
        };
        if tag.as_ref() != Some(&found.tag) {
            return Ok(End::kept("its tag is not there any more".to_owned()));
        }
        let answer = self.place.remove(found.kind, &found.id)?;
        match answer.status() {
            404 | 410 => Ok(End::of(Outcome::AlreadyGone)),
            // Somebody has begun to use it.
            409 if found.kind.is_shared() => Ok(End::kept(answer.failure().message)),
            _ => answer.success().map(|_| End::of(Outcome::Removed)),
        }
    }

    /// What becomes of a resource that something uses.
    fn in_use(&self, found: &Found) -> Result<Option<End>, Failure> {
        let mut users = self.place.users(found.kind, &found.id)?;
        users.retain(|user| !self.gone.contains(user));
        if users.is_empty() {
            return Ok(None);
        }
        let names: Vec<_> = users.iter().map(|user| format!("`{user}`")).collect();
        let why = format!("used by {}", names.join(", "));
        if users.iter().any(|user| self.failed.contains(user)) {
            return Err(Failure::refused(why));
        }
        Ok(Some(End::kept(why)))
    }

    /// Waits until nothing that was removed is listed any more.
    fn prove_gone(&mut self, kind: Kind, ended: &mut [(Found, End)]) {
        let is_removed = |end: &End| matches!(end.outcome, Outcome::Removed | Outcome::AlreadyGone);
        let mut left: BTreeSet<_> =
            ended.iter().filter(|(_, end)| is_removed(end)).map(|(found, _)| found.id.clone()).collect();
        if left.is_empty() {
            return;
        }
        let proved = until(self.place.host, &format!("removing each {}", kind.name()), &self.deadline, || {
            let listed = self.place.list(kind, &[])?.resources;
            let listed = listed.iter().map(|resource| id_of(kind, resource)).collect::<Result<BTreeSet<_>, _>>()?;
            left.retain(|id| listed.contains(id));
            Ok(if left.is_empty() { Poll::Ready(()) } else { Poll::Waiting("still listed".to_owned()) })
        });
        let Err(failure) = proved else { return };
        for (found, end) in ended.iter_mut().filter(|(found, _)| left.contains(&found.id)) {
            *end = End::failed(failure.clone());
            self.gone.remove(&found.id);
            self.failed.insert(found.id.clone());
        }
    }
}
