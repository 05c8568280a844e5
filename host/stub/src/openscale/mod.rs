//! Watson OpenScale, `/openscale/<instance>/v2`, with one service instance.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::{Value, json};

use crate::answer::{Refusal, Wording};
use crate::call::Call;
use crate::login;
use crate::route::{Handler, route};
use crate::site::Site;

mod data_marts;
mod data_sets;
mod definitions;
mod entitlements;
mod evaluation;
mod instances;
mod measurements;
mod ml_deployments;
mod payload;
mod providers;
mod records;
mod records_read;
mod rows;
mod runs;
mod schemas;
mod stored;
mod subscription_body;
mod subscriptions;

pub(crate) use data_marts::DataMart;
pub(crate) use data_sets::DataSet;
pub(crate) use instances::MonitorInstance;
pub(crate) use payload::log as log_payload;
pub(crate) use providers::Provider;
pub(crate) use subscriptions::Subscription;

pub(crate) fn routes() -> Router<Arc<Site>> {
    let path = |rest: &str| format!("/openscale/{{instance}}/v2/{rest}");
    Router::new()
        .route(&path("data_marts"), get(data_marts::list).merge(post(data_marts::create)))
        .route(&path("data_marts/{id}"), get(data_marts::get).merge(delete(data_marts::delete)))
        .route(&path("service_providers"), get(providers::list).merge(post(providers::create)))
        .route(
            &path("service_providers/{id}"),
            get(providers::get).merge(patch(providers::update)).merge(delete(providers::delete)),
        )
        .route(&path("ml_deployments"), get(ml_deployments::list))
        .route(&path("ml_deployments/{id}"), get(ml_deployments::get))
        .route(&path("subscriptions"), get(subscriptions::list).merge(post(subscriptions::create)))
        .route(
            &path("subscriptions/{id}"),
            get(subscriptions::get).merge(patch(subscriptions::update)).merge(delete(subscriptions::delete)),
        )
        .route(&path("subscriptions/{id}/schemas"), post(subscriptions::infer_schemas))
        .route(&path("subscriptions/{id}/tables/feedback"), post(data_sets::create_feedback_table))
        .route(&path("data_sets"), get(data_sets::list))
        .route(&path("data_sets/{id}"), get(data_sets::get).merge(delete(data_sets::delete)))
        .route(&path("data_sets/{id}/records"), get(records_read::list).merge(post(records::create)))
        .route(&path("data_sets/{id}/requests/{request}"), get(records::request))
        .route(&path("monitor_definitions"), get(definitions::list))
        .route(&path("monitor_definitions/{id}"), get(definitions::get))
        .route(&path("monitor_instances"), get(instances::list).merge(post(instances::create)))
        .route(
            &path("monitor_instances/{id}"),
            get(instances::get).merge(patch(instances::update)).merge(delete(instances::delete)),
        )
        .route(&path("monitor_instances/{id}/runs"), get(runs::list).merge(post(runs::create)))
        .route(&path("monitor_instances/{id}/runs/{run}"), get(runs::get))
        .route(&path("monitor_instances/{id}/measurements"), get(measurements::list))
        .route(&path("monitor_instances/{id}/measurements/{measurement}"), get(measurements::get))
        .route(&path("monitor_instances/{id}/metrics"), get(measurements::metrics))
        .route(&path("measurements"), get(measurements::query))
}

/// What an account of IBM Cloud has.
pub(crate) fn entitlement_routes() -> Router<Arc<Site>> {
    let entitlements = route(MethodFilter::GET, Wording::OpenScale, login::authorize, entitlements::list);
    Router::new().route("/v1/entitlements", entitlements)
}

fn guarded(method: MethodFilter, handler: Handler) -> MethodRouter<Arc<Site>> {
    let check = |site: &Site, call: &Call| login::authorize(site, call).and_then(|()| check_instance(site, call));
    route(method, Wording::OpenScale, check, handler)
}

fn get(handler: Handler) -> MethodRouter<Arc<Site>> {
    guarded(MethodFilter::GET, handler)
}

fn post(handler: Handler) -> MethodRouter<Arc<Site>> {
    guarded(MethodFilter::POST, handler)
}

fn patch(handler: Handler) -> MethodRouter<Arc<Site>> {
    guarded(MethodFilter::PATCH, handler)
}

fn delete(handler: Handler) -> MethodRouter<Arc<Site>> {
    guarded(MethodFilter::DELETE, handler)
}

fn check_instance(site: &Site, call: &Call) -> Result<(), Refusal> {
    let instance = call.param("instance");
    if instance == site.options.instance_id { Ok(()) } else { Err(Refusal::unknown("service instance", instance)) }
}

/// The query parameters that nearly every call may carry, and those of this one.
fn allow(call: &Call, own: &[&str]) -> Result<(), Refusal> {
    let scope = ["project_id", "space_id", "container_type", "container_id"];
    call.allow(&[own, &scope].concat())
}

/// The `metadata` of a resource.
fn metadata(plural: &str, id: &str, created_at: &str, modified_at: &str) -> Value {
    json!({
        "id": id, "url": format!("/v2/{plural}/{id}"),
        "crn": format!("crn:v1:bluemix:public:aiopenscale:us-south:a/na:00000000-0000-0000-0000-000000000000:{plural}:{id}"),
        "created_at": created_at, "created_by": "stepwise", "modified_at": modified_at, "modified_by": "stepwise",
    })
}
