//! Watson Machine Learning as Cloud Pak for Data 3.5 and later and IBM Cloud have it: `/ml/v4`, and the `/v2` calls of
//! the platform that go with it.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};

use crate::answer::{Refusal, Wording};
use crate::call::Call;
use crate::login;
use crate::moment;
use crate::route::{Handler, route};
use crate::site::Site;

mod archive;
mod assets;
mod deployments;
mod functions;
mod instances;
mod models;
mod page;
mod predictions;
mod serving;
mod shapes;
mod spaces;
mod specifications;

pub(crate) use deployments::Deployment;
pub(crate) use models::Model;
pub(crate) use serving::{Rows, Scores, Servable};
pub(crate) use spaces::Space;

/// Spaces, specifications and assets, which belong to the platform.
pub(crate) fn platform_routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/v2/spaces", platform(MethodFilter::GET, spaces::list))
        .route("/v2/spaces/{id}", platform(MethodFilter::GET, spaces::get))
        .route("/v2/software_specifications", platform(MethodFilter::GET, specifications::software))
        .route("/v2/hardware_specifications", platform(MethodFilter::GET, specifications::hardware))
        .route(
            "/v2/assets/{id}",
            platform(MethodFilter::GET, assets::get).merge(platform(MethodFilter::DELETE, assets::delete)),
        )
}

/// The instances that spaces of IBM Cloud compute with.
pub(crate) fn instance_routes() -> Router<Arc<Site>> {
    Router::new().route("/ml/v4/instances/{id}", get(instances::get))
}

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ml/v4/list/software_specifications", get(specifications::life_cycles))
        .route("/ml/v4/functions", get(functions::list))
        .route("/ml/v4/models", get(models::list).merge(post(models::create)))
        .route("/ml/v4/models/{id}", get(models::get).merge(patch(models::update)).merge(delete(models::delete)))
        .route("/ml/v4/models/{id}/content", get(models::attachments).merge(put(models::upload)))
        .route("/ml/v4/models/{id}/content/{attachment}", get(models::attachment))
        .route("/ml/v4/models/{id}/download", get(models::download))
        .route("/ml/v4/deployments", get(deployments::list).merge(post(deployments::create)))
        .route(
            "/ml/v4/deployments/{id}",
            get(deployments::get).merge(patch(deployments::update)).merge(delete(deployments::delete)),
        )
        .route("/ml/v4/deployments/{id}/predictions", post(predictions::predict))
}

fn platform(method: MethodFilter, handler: Handler) -> MethodRouter<Arc<Site>> {
    route(method, Wording::Wml, login::authorize, handler)
}

fn versioned(method: MethodFilter, handler: Handler) -> MethodRouter<Arc<Site>> {
    let check = |site: &Site, call: &Call| login::authorize(site, call).and_then(|()| check_version(call));
    route(method, Wording::Wml, check, handler)
}

fn get(handler: Handler) -> MethodRouter<Arc<Site>> {
    versioned(MethodFilter::GET, handler)
}

fn post(handler: Handler) -> MethodRouter<Arc<Site>> {
    versioned(MethodFilter::POST, handler)
}

fn put(handler: Handler) -> MethodRouter<Arc<Site>> {
    versioned(MethodFilter::PUT, handler)
}

fn patch(handler: Handler) -> MethodRouter<Arc<Site>> {
    versioned(MethodFilter::PATCH, handler)
}

fn delete(handler: Handler) -> MethodRouter<Arc<Site>> {
    versioned(MethodFilter::DELETE, handler)
}

/// Follow-up pages come without a version: one of the official clients sends the link as it is (wml.md 14).
fn check_version(call: &Call) -> Result<(), Refusal> {
    match call.query("version") {
        Some(date) if moment::is_date(date) => Ok(()),
        Some(date) => Err(Refusal::argument(format!("query parameter `version` is `{date}`, not a date"))),
        None if call.query("start").is_some() => Ok(()),
        None => Err(Refusal::argument("query parameter `version` is missing")),
    }
}
