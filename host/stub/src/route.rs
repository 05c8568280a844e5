//! From axum to the handlers: plain functions over `Site` and `Call`.

use std::sync::Arc;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::answer::{Outcome, Problem, Refusal, Wording};
use crate::call::Call;
use crate::site::Site;

/// What serves a route.
pub(crate) type Handler = fn(&Site, &Call) -> Outcome;

/// What must hold before a route is served.
pub(crate) type Check = fn(&Site, &Call) -> Result<(), Refusal>;

/// A route of one method: the check, then the handler, refusals in the wording of the service.
pub(crate) fn route(method: MethodFilter, wording: Wording, check: Check, handler: Handler) -> MethodRouter<Arc<Site>> {
    on(method, move |State(site): State<Arc<Site>>, request: Request| async move {
        let call = match read(request).await {
            Ok(call) => call,
            Err(refusal) => return refusal.into_response(wording),
        };
        let serve = || check(&site, &call).and_then(|()| handler(&site, &call));
        match tokio::task::block_in_place(serve) {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(wording),
        }
    })
}

async fn read(mut request: Request) -> Result<Call, Refusal> {
    let params = request
        .extract_parts::<RawPathParams>()
        .await
        .map_err(|error| Refusal::argument(error.to_string()))?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let body: Bytes =
        axum::body::to_bytes(body, usize::MAX).await.map_err(|error| Refusal::entity(error.to_string()))?;
    Ok(Call {
        path: parts.uri.path().to_owned(),
        params,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
    })
}

/// Answers for paths that do not exist.
pub(crate) async fn unknown_path(request: Request) -> Response {
    Refusal::unknown("path", request.uri().path()).into_response(wording(&request))
}

/// Answers for methods that a path does not have.
pub(crate) async fn unknown_method(request: Request) -> Response {
    let message = format!("path `{}` has no method {}", request.uri().path(), request.method());
    Refusal::new(Problem::Method, message).into_response(wording(&request))
}

fn wording(request: &Request) -> Wording {
    if request.uri().path().starts_with("/openscale") { Wording::OpenScale } else { Wording::Wml }
}
