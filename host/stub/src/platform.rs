//! What belongs to the cluster or the account and not to one service: logins and versions.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::json;

use crate::answer::{Answer, Outcome, Wording};
use crate::call::Call;
use crate::dialect::Dialect;
use crate::login;
use crate::route::{Handler, route};
use crate::site::Site;

/// The logins and the versions that the product has. Without an IAM integration the login that clients try first does
/// not exist on Cloud Pak for Data (wml.md 2c).
pub(crate) fn routes(dialect: Dialect) -> Router<Arc<Site>> {
    let authorize = ("/icp4d-api/v1/authorize", post(login::log_in));
    let version = ("/ml/wml_services/version", get(version));
    let version_2 = ("/ml/wml_services/v2/version", get(self::version));
    let routes = match dialect {
        Dialect::Cp4d35 => vec![("/v1/preauth/validateAuth", get(login::validate_auth))],
        Dialect::Cp4d4 => vec![authorize, version, version_2],
        Dialect::Cp4d5 => vec![authorize, version_2],
        Dialect::IbmCloud => {
            vec![("/identity/token", post(login::exchange_api_key)), ("/oidc/token", post(login::exchange_api_key))]
        }
    };
    routes.into_iter().fold(Router::new(), |router, (path, method)| router.route(path, method))
}

fn get(handler: Handler) -> MethodRouter<Arc<Site>> {
    route(MethodFilter::GET, Wording::Wml, |_, _| Ok(()), handler)
}

fn post(handler: Handler) -> MethodRouter<Arc<Site>> {
    route(MethodFilter::POST, Wording::Wml, |_, _| Ok(()), handler)
}

fn version(site: &Site, call: &Call) -> Outcome {
    call.allow(&[])?;
    Ok(Answer::ok(&json!({"version": site.options.dialect.version()})))
}
