//! `services`: HTTP to the services that were granted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use wasmtime::component::Resource;

use crate::engine::bindings::stepwise::step::services::{Error, Host, HostPending, Repeat, Request, Response};
use crate::engine::state::{Share, StepContext, StepState};
use crate::services as host;

/// A request in flight; empty once it was waited for.
#[expect(unreachable_pub, reason = "generated code exports it")]
pub struct Pending(Option<Receiver<(Result<Response, Error>, Share)>>);

impl Host for StepState {
    fn send(&mut self, service: String, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let context = self.context_of_request()?;
        Ok(allowed(&context, &service, request).and_then(|request| in_place(&context, &service, &request)))
    }

    fn start(&mut self, service: String, request: Request) -> wasmtime::Result<Result<Resource<Pending>, Error>> {
        let context = self.context_of_request()?;
        let request = match allowed(&context, &service, request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        // Who never waits would otherwise have the host keep any number of answers.
        let size = request.body().map_or(0, <[u8]>::len) as u64;
        self.memory.beside(context.kept.sum().saturating_add(size))?;
        let sent = Share::new(&context, size);
        if !context.waited.during(|| context.places.take(&context.deadline, &context.stop)) {
            return Ok(Err(Error::OutOfTime(
                "no place for one more request in flight before the step's time was up".into(),
            )));
        }
        let (sender, receiver) = channel();
        let thread = Arc::clone(&context);
        let started = std::thread::Builder::new().name("request".into()).spawn(move || {
            let answer: Result<Response, Error> = thread.call(&service, &request).map(Into::into).map_err(Into::into);
            drop((request, sent));
            let kept = Share::new(&thread, answer.as_ref().map_or(0, |answer| answer.body.len() as u64));
            thread.places.leave();
            // The step may have dropped what it was to wait with.
            let _ = sender.send((answer, kept));
        });
        if let Err(error) = started {
            context.places.leave();
            return Ok(Err(Error::Unreachable(format!("failed to start a thread for the request: {error}"))));
        }
        Ok(Ok(self.table.push(Pending(Some(receiver)))?))
    }
}

impl HostPending for StepState {
    fn wait(&mut self, pending: Resource<Pending>) -> wasmtime::Result<Result<Response, Error>> {
        let context = self.context()?;
        let Some(receiver) = self.table.get_mut(&pending)?.0.take() else {
            return Ok(Err(Error::Invalid("this request was waited for already".into())));
        };
        // The call itself keeps to the deadline, so this ends.
        let answer = context.waited.during(|| receiver.recv()).map(|(answer, _)| answer);
        Ok(answer.unwrap_or_else(|_| Err(Error::NoAnswer("the request's thread ended without an answer".into()))))
    }

    fn drop(&mut self, pending: Resource<Pending>) -> wasmtime::Result<()> {
        self.table.delete(pending)?;
        Ok(())
    }
}

/// The request as the host sends it, if it is well formed and granted.
fn allowed(context: &StepContext, service: &str, request: Request) -> Result<host::Request, Error> {
    let repeat = match request.repeat {
        Repeat::ByMethod => host::Repeat::ByMethod,
        Repeat::Safe => host::Repeat::Safe,
        Repeat::Never => host::Repeat::Never,
    };
    let Request { method, path, query, headers, body, .. } = request;
    let request = host::Request::new(&method, &path, &query, headers, body, repeat)?;
    context.permit.check(service, request.method(), request.path())?;
    Ok(request)
}

/// Sends a request in a place of its own and counts the wait.
pub(super) fn in_place(context: &StepContext, service: &str, request: &host::Request) -> Result<Response, Error> {
    context.waited.during(|| {
        if !context.places.take(&context.deadline, &context.stop) {
            return Err(Error::OutOfTime(
                "no place for one more request in flight before the step's time was up".into(),
            ));
        }
        let answer = context.call(service, request);
        context.places.leave();
        answer.map(Into::into).map_err(Into::into)
    })
}

impl From<host::Response> for Response {
    fn from(response: host::Response) -> Self {
        Self { status: response.status, headers: response.headers, body: response.body }
    }
}

impl From<host::CallError> for Error {
    fn from(error: host::CallError) -> Self {
        match error {
            host::CallError::Denied(text) => Self::Denied(text),
            host::CallError::Invalid(text) => Self::Invalid(text),
            host::CallError::Login(text) => Self::Login(text),
            host::CallError::Unreachable(text) => Self::Unreachable(text),
            host::CallError::NoAnswer(text) => Self::NoAnswer(text),
            host::CallError::TooLarge(text) => Self::TooLarge(text),
            host::CallError::OutOfTime(text) => Self::OutOfTime(text),
        }
    }
}
