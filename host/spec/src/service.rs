//! `services`: where requests go, and how to log in there.

use schemars::JsonSchema;
use serde::Deserialize;

/// An entry of `services`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServiceSpec {
    /// `https://…`, to which the paths of requests are appended.
    pub url: String,
    /// How to log in.
    pub auth: AuthSpec,
    /// PEM file with further certificate authorities, relative to the spec.
    pub ca_file: Option<String>,
    /// Accept any certificate.
    #[serde(default)]
    pub insecure: bool,
}

/// `auth` of a service. Which keys belong together depends on the kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AuthSpec {
    /// Which way.
    pub kind: AuthKind,
    /// `cp4d`: who logs in.
    pub username: Option<String>,
    /// `cp4d`: the password, or else `api_key`.
    pub password: Option<String>,
    /// `cp4d`: the API key, or else `password`.
    pub api_key: Option<String>,
    /// `token`: a ready token.
    pub token: Option<String>,
}

/// The ways to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Cloud Pak for Data: user name with password or API key.
    Cp4d,
    /// A ready token.
    Token,
}
