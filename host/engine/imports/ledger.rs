//! `ledger`: the run's write-ahead log, and the requests that it entitles to.

use crate::engine::bindings::stepwise::step::ledger::{Announced, Announcement, Entry, Host, Lookup, State};
use crate::engine::bindings::stepwise::step::services::{Error, Response};
use crate::engine::state::{StepContext, StepState};
use crate::run::{LedgerEntry, LedgerError};
use crate::services::{Repeat, Request, RequestPath, encode_segment};

use super::services::in_place;

impl Host for StepState {
    fn announce(&mut self, announcement: Announcement) -> wasmtime::Result<Result<Announced, Error>> {
        let context = self.context_of_request()?;
        // The ledger is kept as the log is, and would fill the disk as well.
        context.line(&serde_json::to_string(&announcement)?)?;
        Ok(clean(&context, &announcement)
            .and_then(|()| entitled(&context, &announcement))
            .and_then(|()| Ok(context.ledger.announce(&context.step, announcement)?)))
    }

    fn confirm(&mut self, entry: u32, id: String) -> wasmtime::Result<Result<(), Error>> {
        let context = self.context_of_request()?;
        context.line(&id)?;
        Ok(clean(&context, &id)
            .and_then(|()| entry_of(&context, entry))
            .and_then(|_| Ok(context.ledger.confirm(entry, &id)?)))
    }

    fn look_up(&mut self, entry: u32, next: Option<String>) -> wasmtime::Result<Result<Response, Error>> {
        let context = self.context_of_request()?;
        Ok(entry_of(&context, entry).and_then(|entry| {
            let lookup = entry.announcement.find.clone();
            look_up(&context, &entry, &lookup, next)
        }))
    }

    fn entries(&mut self) -> wasmtime::Result<Result<Vec<Entry>, Error>> {
        let context = self.context_of_request()?;
        Ok(may_remove(&context).and_then(|()| Ok(context.ledger.entries()?.into_iter().map(Into::into).collect())))
    }

    fn look_up_users(&mut self, entry: u32, next: Option<String>) -> wasmtime::Result<Result<Response, Error>> {
        let context = self.context_of_request()?;
        Ok(may_remove(&context).and_then(|()| entry_of(&context, entry)).and_then(|entry| {
            let lookup = entry.announcement.users.clone();
            let lookup = lookup.ok_or_else(|| Error::Invalid(format!("entry {} names no users", entry.number)))?;
            look_up(&context, &entry, &lookup, next)
        }))
    }

    fn remove(&mut self, entry: u32) -> wasmtime::Result<Result<Response, Error>> {
        let context = self.context_of_request()?;
        Ok(may_remove(&context).and_then(|()| entry_of(&context, entry)).and_then(|entry| {
            if entry.id.is_none() {
                return Err(Error::Invalid(format!("entry {entry} has no confirmed id", entry = entry.number)));
            }
            let announcement = &entry.announcement;
            let request = filled(&entry, "DELETE", &announcement.remove_path, &announcement.remove_query)?;
            in_place(&context, &announcement.service, &request)
        }))
    }

    fn settle(&mut self, entry: u32, state: State) -> wasmtime::Result<Result<(), Error>> {
        let context = self.context_of_request()?;
        Ok(may_remove(&context).and_then(|()| Ok(context.ledger.settle(entry, state)?)))
    }
}

/// Every request that the announcement names must be the step's own to send.
fn entitled(context: &StepContext, announcement: &Announcement) -> Result<(), Error> {
    let mut requests = vec![("GET", &announcement.find.path), ("DELETE", &announcement.remove_path)];
    if let Some(users) = &announcement.users {
        requests.push(("GET", &users.path));
    }
    for (method, path) in requests {
        // Any id: what matters is the path's shape. It must be one segment, as `filled` makes it.
        let request = request(method, &path.replace("{id}", "id").replace("{tag}", "tag"), &[])?;
        context.permit.check(&announcement.service, request.method(), request.path())?;
    }
    Ok(())
}

/// The ledger is written as it is, so that what it names can be removed: nothing with a secret comes into it.
fn clean(context: &StepContext, told: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(told).unwrap_or_default();
    if context.events.tells(&text) {
        return Err(Error::Invalid("the ledger takes nothing that has a secret in it".to_owned()));
    }
    Ok(())
}

fn may_remove(context: &StepContext) -> Result<(), Error> {
    if context.removes {
        return Ok(());
    }
    Err(Error::Denied(format!(
        "step `{}` may not remove what the run created\nhint: add to the step:\n  grant:\n    ledger: [remove]",
        context.step
    )))
}

fn entry_of(context: &StepContext, number: u32) -> Result<LedgerEntry, Error> {
    let entry = context.ledger.entry(number)?;
    if entry.step != context.step {
        may_remove(context)?;
    }
    Ok(entry)
}

fn look_up(
    context: &StepContext,
    entry: &LedgerEntry,
    lookup: &Lookup,
    next: Option<String>,
) -> Result<Response, Error> {
    let mut request = filled(entry, "GET", &lookup.path, &lookup.query)?;
    if let Some(next) = next {
        let (path, given) = next.split_once('?').unwrap_or((&next, ""));
        let path = RequestPath::parse(path).map_err(|error| Error::Invalid(error.to_string()))?;
        if path != *request.path() {
            return Err(Error::Invalid(format!("the next page `{path}` is not a page of `{}`", request.path())));
        }
        // What the service gave counts; what it left out (as `version`) stays as it was.
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let names: Vec<_> = given.split('&').map(name).collect();
        let left_out = request.query().split('&').filter(|pair| !names.contains(&name(pair)));
        let query: Vec<_> = given.split('&').chain(left_out).filter(|pair| !pair.is_empty()).collect();
        request = Request::get(path, &query.join("&"))?;
    }
    in_place(context, &entry.announcement.service, &request)
}

/// A request of an entry, with its id and tag filled in.
fn filled(entry: &LedgerEntry, method: &str, path: &str, query: &[(String, String)]) -> Result<Request, Error> {
    let id = entry.id.as_deref().unwrap_or_default();
    let fill = |text: &str, id: &str| text.replace("{id}", id).replace("{tag}", &entry.tag);
    let query: Vec<_> = query.iter().map(|(name, value)| (name.clone(), fill(value, id))).collect();
    request(method, &fill(path, &encode_segment(id)), &query)
}

fn request(method: &str, path: &str, query: &[(String, String)]) -> Result<Request, Error> {
    Ok(Request::new(method, path, query, Vec::new(), None, Repeat::ByMethod)?)
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<LedgerEntry> for Entry {
    fn from(entry: LedgerEntry) -> Self {
        Self {
            number: entry.number,
            step: entry.step,
            announcement: entry.announcement,
            tag: entry.tag,
            id: entry.id,
            state: entry.state,
        }
    }
}
