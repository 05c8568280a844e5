//! The HTTP server: connections, and around every exchange the record and the faults.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::answer::error_body;
use crate::door::Door;
use crate::faults::FaultKind;
use crate::request_log::{Recorded, masked_body, masked_headers};
use crate::site::Site;
use crate::{moment, openscale, platform, route, wml};

/// The end of a connection that a fault asked for.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
struct Dropped;

/// Serves connections until the runtime is shut down.
pub(crate) async fn serve(mut door: Door, tls: Option<TlsAcceptor>, site: Arc<Site>, router: Router) {
    loop {
        let socket = tokio::select! {
            socket = door.accept() => socket,
            () = site.faults.begins_to_refuse() => {
                door.close();
                site.faults.ends_to_refuse().await;
                continue;
            }
        };
        // Answers are small; without this each waits for the client's acknowledgement.
        let _ = socket.set_nodelay(true);
        let (site, router, tls) = (Arc::clone(&site), router.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(socket, site, router).await,
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        connection(socket, site, router).await;
                    }
                }
            }
        });
    }
}

/// What one address serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of a cluster.
    Cluster,
    /// WML on IBM Cloud.
    CloudWml,
    /// What else IBM Cloud has: spaces and assets, IAM, `OpenScale`.
    CloudPlatform,
}

pub(crate) fn router(site: &Arc<Site>, part: Part) -> Router {
    let logins = platform::routes(site.options.dialect);
    let routes = match part {
        Part::Cluster => logins.merge(wml::platform_routes()).merge(wml::routes()).merge(openscale::routes()),
        Part::CloudWml => wml::routes().merge(wml::instance_routes()),
        Part::CloudPlatform => {
            let openscale = openscale::routes().merge(openscale::entitlement_routes());
            logins.merge(wml::platform_routes()).merge(openscale)
        }
    };
    routes.fallback(route::unknown_path).method_not_allowed_fallback(route::unknown_method).with_state(Arc::clone(site))
}

async fn connection(socket: impl AsyncRead + AsyncWrite + Unpin, site: Arc<Site>, router: Router) {
    let service = service_fn(move |request| {
        // A service acts on what it was asked, also when nobody waits for its answer any more.
        let exchange = tokio::spawn(exchange(Arc::clone(&site), router.clone(), request));
        async move { exchange.await.unwrap_or(Err(Dropped)) }
    });
    // What ends a connection early is the client's doing, or a fault's.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn exchange(site: Arc<Site>, router: Router, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    if site.faults.is_refusing() {
        return Err(Dropped);
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let faults = site.faults.strike(parts.method.as_str(), parts.uri.path());
    let mut recorded = record(&parts.method, &parts.uri, &parts.headers, &body, &faults);
    let answered = answer(&site, router, Request::from_parts(parts, Body::from(body)), faults).await;
    recorded.status = answered.as_ref().ok().and_then(|answer| Some(answer.as_ref()?.status().as_u16()));
    site.log.add(recorded);
    let Some(response) = answered? else {
        site.faults.hold();
        return std::future::pending().await;
    };
    Ok(response)
}

fn record(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8], faults: &[FaultKind]) -> Recorded {
    Recorded {
        at: moment::now(),
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        headers: masked_headers(headers),
        body: masked_body(headers, body),
        status: None,
        faults: faults.iter().map(|fault| format!("{fault:?}")).collect(),
    }
}

/// None is an answer that never comes.
async fn answer(
    site: &Site,
    router: Router,
    request: Request<Body>,
    faults: Vec<FaultKind>,
) -> Result<Option<Response<Body>>, Dropped> {
    for fault in &faults {
        match fault {
            FaultKind::Delay(time) => site.faults.delay(*time).await,
            FaultKind::ExpireTokens => site.tokens.expire(),
            FaultKind::DropConnection => return Err(Dropped),
            FaultKind::Refuse(time) => {
                site.faults.refuse(*time);
                return Err(Dropped);
            }
            FaultKind::Status { code, body, headers } => {
                let body = body.clone().unwrap_or_else(|| error_body("fault", &format!("a fault answers {code}")));
                return Ok(Some(replacement(*code, headers, &body)));
            }
            FaultKind::Body { .. }
            | FaultKind::Merge(_)
            | FaultKind::DropAfter
            | FaultKind::Truncate
            | FaultKind::Stall
            | FaultKind::Endless => {}
        }
    }
    let transaction = request.headers().get("x-global-transaction-id").cloned();
    let mut response = router.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {});
    if let Some(transaction) = transaction {
        response.headers_mut().insert("x-global-transaction-id", transaction);
    }
    for fault in faults {
        match fault {
            FaultKind::Body { status, json } => return Ok(Some(replacement(status, &[], &json))),
            FaultKind::Merge(patch) => response = merged(response, &patch).await?,
            FaultKind::DropAfter => return Err(Dropped),
            FaultKind::Truncate => return truncated(response).await.map(Some),
            FaultKind::Stall => return Ok(None),
            FaultKind::Endless => return Ok(Some(endless())),
            _ => {}
        }
    }
    Ok(Some(response))
}

fn replacement(status: u16, headers: &[(String, String)], body: &Value) -> Response<Body> {
    let (kind, body) = match body {
        Value::String(text) => ("text/html", text.clone()),
        body => ("application/json", body.to_string()),
    };
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("the fault's status or headers are not valid"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// The same answer with its JSON changed; what is no JSON is `null` to the patch.
async fn merged(response: Response<Body>, patch: &Value) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let mut json = serde_json::from_slice(&bytes).unwrap_or_default();
    json_patch::merge(&mut json, patch);
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(json.to_string())))
}

/// An answer that goes on as long as anybody reads it.
fn endless() -> Response<Body> {
    let chunks = stream::repeat_with(|| Ok::<Bytes, io::Error>(Bytes::from_static(&[b' '; 1 << 14])));
    Response::new(Body::from_stream(chunks))
}

/// The same answer, but the connection ends after half of its body.
async fn truncated(response: Response<Body>) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let halves = stream::unfold(Some(half), |half| async move {
        if let Some(half) = half {
            return Some((Ok::<Bytes, io::Error>(half), None));
        }
        // hyper sends what it has while it waits, and nothing once the body has failed.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
    });
    Ok(Response::from_parts(parts, Body::from_stream(halves)))
}
