//! `services`: where requests go, and how to log in there. What the schema requires is only absent where it was wrong,
//! so that what stands beside it can be looked at all the same.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Dialect;

/// An entry of `services`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServiceSpec {
    /// `https://…`, to which the paths of requests are appended.
    #[schemars(required)]
    pub url: Option<String>,
    /// Which product's protocol it speaks; if not said, the login tells, or the service itself where that matters.
    pub dialect: Option<Dialect>,
    /// `ibm_cloud`: where the platform is, to which requests below `/v2` go, if that does not follow from `url`.
    pub platform_url: Option<String>,
    /// How to log in.
    #[schemars(required)]
    pub auth: Option<AuthSpec>,
    /// PEM file with further certificate authorities, relative to the spec.
    pub ca_file: Option<String>,
    /// Who we are, for a service that asks for a certificate.
    pub client_certificate: Option<ClientCertificateSpec>,
    /// Accept any certificate, and plain `http`; the run's report warns of it.
    #[serde(default)]
    pub insecure: bool,
}

impl ServiceSpec {
    /// The dialect that is said, or that the login has to itself.
    pub fn known_dialect(&self) -> Option<Dialect> {
        self.dialect.or(match self.kind().map(AuthKind::dialects) {
            Some([only]) => Some(*only),
            _ => None,
        })
    }

    /// How to log in, if that is said.
    pub fn kind(&self) -> Option<AuthKind> {
        self.auth.as_ref()?.kind
    }
}

/// `client_certificate` of a service: PEM files, relative to the spec.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClientCertificateSpec {
    /// The certificate, and those that lead to its authority.
    #[schemars(required)]
    pub certificate: Option<String>,
    /// Its private key, without a password.
    #[schemars(required)]
    pub key: Option<String>,
}

/// `auth` of a service. Which keys belong together depends on the kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AuthSpec {
    /// Which way.
    #[schemars(required)]
    pub kind: Option<AuthKind>,
    /// `cp4d`, `cp4d_legacy`: who logs in.
    pub username: Option<String>,
    /// `cp4d`, `cp4d_legacy`: the password; for `cp4d` maybe `api_key` instead.
    pub password: Option<String>,
    /// `cp4d`, `ibm_cloud`: the API key; for `cp4d` maybe `password` instead.
    pub api_key: Option<String>,
    /// `token`: a ready token.
    pub token: Option<String>,
    /// `token_file`: the file with the token, relative to the spec.
    pub file: Option<String>,
    /// `ibm_cloud`: where IAM is, if it is not the public one.
    pub iam_url: Option<String>,
}

/// The ways to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Cloud Pak for Data 4 and later: user name with password or API key.
    Cp4d,
    /// Cloud Pak for Data 3.5: user name and password.
    Cp4dLegacy,
    /// IBM Cloud: API key.
    IbmCloud,
    /// A ready token.
    Token,
    /// A ready token in a file, read anew when it changes.
    TokenFile,
}

impl AuthKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Cp4d, Self::Cp4dLegacy, Self::IbmCloud, Self::Token, Self::TokenFile];

    /// The kind as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cp4d => "cp4d",
            Self::Cp4dLegacy => "cp4d_legacy",
            Self::IbmCloud => "ibm_cloud",
            Self::Token => "token",
            Self::TokenFile => "token_file",
        }
    }

    /// The dialects that have it.
    pub fn dialects(self) -> &'static [Dialect] {
        match self {
            Self::Cp4d => &[Dialect::Cp4d4, Dialect::Cp4d5],
            Self::Cp4dLegacy => &[Dialect::Cp4d35],
            Self::IbmCloud => &[Dialect::IbmCloud],
            Self::Token | Self::TokenFile => &[Dialect::Cp4d35, Dialect::Cp4d4, Dialect::Cp4d5, Dialect::IbmCloud],
        }
    }

    /// The keys that it may have.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Cp4d => &["username", "password", "api_key"],
            Self::Cp4dLegacy => &["username", "password"],
            Self::IbmCloud => &["api_key", "iam_url"],
            Self::Token => &["token"],
            Self::TokenFile => &["file"],
        }
    }

    /// What it cannot do without.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Cp4d => "`username` and one of `password` and `api_key`",
            Self::Cp4dLegacy => "`username` and `password`",
            Self::IbmCloud => "`api_key`",
            Self::Token => "`token`",
            Self::TokenFile => "`file`",
        }
    }
}
