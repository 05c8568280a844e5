//! What belongs to the cluster and not to one service: login, versions, assets.

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodFilter;
use serde_json::json;

use crate::answer::{Answer, Dialect, Outcome};
use crate::call::Call;
use crate::login;
use crate::route::route;
use crate::site::Site;

/// The product version that the stub claims to be.
const PRODUCT: &str = "5.1.0";

pub(crate) fn routes() -> Router<Arc<Site>> {
    let open = |method, handler| route(method, Dialect::Wml, |_, _| Ok(()), handler);
    Router::new()
        .route("/icp4d-api/v1/authorize", open(MethodFilter::POST, login::log_in))
        .route("/v1/preauth/validateAuth", open(MethodFilter::GET, login::validate_auth))
        .route("/identity/token", open(MethodFilter::POST, login::exchange_api_key))
        .route("/oidc/token", open(MethodFilter::POST, login::exchange_api_key))
        .route("/ml/wml_services/version", open(MethodFilter::GET, version))
        .route("/ml/wml_services/v2/version", open(MethodFilter::GET, version))
}

fn version(_: &Site, call: &Call) -> Outcome {
    call.allow(&[])?;
    Ok(Answer::ok(&json!({"version": PRODUCT})))
}
