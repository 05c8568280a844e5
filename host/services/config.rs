//! A service as the spec configures it, and what can be wrong with that.

use std::fmt;
use std::path::PathBuf;

use ureq::http::Uri;

use crate::spec::Dialect;

use super::{Proxies, RequestPath, Secret, token_file};

/// A service as the spec configures it.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The name in the spec.
    pub name: String,
    /// `https://host[:port][/prefix]`; a prefix is kept before every path.
    pub url: String,
    /// Which product's protocol it speaks, as far as that is known before anything is sent.
    pub dialect: Option<Dialect>,
    /// On IBM Cloud, where requests below `/v2` go.
    pub platform_url: Option<String>,
    /// How the host logs in.
    pub auth: Auth,
    /// PEM file of certificate authorities that are trusted beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Who we are, for services that ask for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Accepts any certificate, and plain `http`.
    pub insecure: bool,
    /// The proxies that may lead there.
    pub proxies: Proxies,
}

/// PEM files that prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How the host logs in to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// At Cloud Pak for Data, as a user.
    Cp4d {
        /// The user's name.
        username: String,
        /// What proves it.
        credential: Credential,
    },
    /// At Cloud Pak for Data 3.5, as a user.
    Cp4dLegacy {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// At IBM Cloud.
    IbmCloud {
        /// The user's or service's API key.
        api_key: Secret,
        /// Where IAM is, if it is not the public one.
        iam_url: Option<String>,
    },
    /// With a token that is used as it is, and never refreshed.
    Token(Secret),
    /// With the token of a file, read anew when that changes.
    TokenFile(PathBuf),
}

/// Where keys of IBM Cloud are exchanged for tokens.
const IAM_URL: &str = "https://iam.cloud.ibm.com";

/// What proves a user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Credential {
    Password(Secret),
    ApiKey(Secret),
}

/// Why a service cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ServiceError {
    #[error("service `{name}`: `{url}` is not of the form `https://host/prefix`: {why}")]
    Url { name: String, key: &'static str, url: String, why: String },
    #[error("service `{name}`: `http` would send the credentials in the clear; use `https`, or set `insecure: true`")]
    Clear { name: String, key: &'static str },
    #[error("service `{name}`: `ca_file` has no effect beside `insecure: true`; remove one of them")]
    CaFileUnused { name: String },
    #[error("service `{name}`: cannot read the {what} `{}`: {source}", file.display())]
    PemFile { name: String, what: &'static str, file: PathBuf, source: std::io::Error },
    #[error("service `{name}`: the {what} `{}` is not PEM: {why}", file.display())]
    Pem { name: String, what: &'static str, file: PathBuf, why: String },
    #[error("service `{name}`: the {what} `{}` has no {wanted} in it", file.display())]
    PemEmpty { name: String, what: &'static str, file: PathBuf, wanted: &'static str },
    #[error("service `{name}`: the proxy of `{variable}`: {why}")]
    Proxy { name: String, variable: &'static str, why: &'static str },
    #[error("service `{name}`: {why}")]
    TokenFile { name: String, why: String },
    #[error("service `{name}`: a user name with `:` cannot log in this way")]
    UserName { name: String },
    #[error("service `{name}`: the {what} is empty")]
    EmptyCredential { name: String, what: &'static str },
    #[error("service `{name}`: the token has a character that no header may have")]
    TokenCharacter { name: String },
    #[error("two services are called `{name}`")]
    Twice { name: String },
}

impl ServiceError {
    /// JSON pointer to what is wrong in the service's entry.
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::Url { key: "iam_url", .. } | Self::Clear { key: "iam_url", .. } => "/auth/iam_url",
            Self::Url { key: "platform_url", .. } | Self::Clear { key: "platform_url", .. } => "/platform_url",
            Self::Url { .. } | Self::Clear { .. } => "/url",
            Self::CaFileUnused { .. } => "/ca_file",
            Self::TokenFile { .. } => "/auth/file",
            Self::UserName { .. } => "/auth/username",
            Self::TokenCharacter { .. } => "/auth/token",
            Self::EmptyCredential { .. } => "/auth",
            Self::PemFile { what, .. } | Self::Pem { what, .. } | Self::PemEmpty { what, .. } => match *what {
                "CA file" => "/ca_file",
                "client certificate" => "/client_certificate/certificate",
                _ => "/client_certificate/key",
            },
            Self::Proxy { .. } | Self::Twice { .. } => "",
        }
    }
}

/// Where a service is, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// `https://host:port`.
    pub(super) origin: String,
    /// What stands before every path, without a slash at its end.
    pub(super) prefix: String,
}

impl Base {
    /// Where a service is.
    pub(super) fn of(config: &ServiceConfig) -> Result<Self, ServiceError> {
        Self::parse(&config.url, "url", &config.name, config.insecure)
    }

    /// Where its platform is, if that is elsewhere.
    pub(super) fn of_platform(config: &ServiceConfig) -> Result<Option<Self>, ServiceError> {
        config
            .platform_url
            .as_ref()
            .map(|url| Self::parse(url, "platform_url", &config.name, config.insecure))
            .transpose()
    }

    /// Where its login is: at the service, or at IAM.
    pub(super) fn of_login(config: &ServiceConfig) -> Result<Self, ServiceError> {
        match &config.auth {
            Auth::IbmCloud { iam_url, .. } => {
                Self::parse(iam_url.as_deref().unwrap_or(IAM_URL), "iam_url", &config.name, config.insecure)
            }
            // The login is the cluster's, whatever prefix a service has there.
            _ => Ok(Self { prefix: String::new(), ..Self::of(config)? }),
        }
    }

    fn parse(url: &str, key: &'static str, name: &str, insecure: bool) -> Result<Self, ServiceError> {
        let refused = |why: &dyn fmt::Display| {
            let (name, url, why) = (name.to_owned(), shown(url), why.to_string());
            ServiceError::Url { name, key, url, why }
        };
        let uri: Uri = url.parse().map_err(|error| refused(&error))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused(&"scheme or host is missing"));
        };
        if authority.host().is_empty() {
            return Err(refused(&"the host is missing"));
        }
        if authority.as_str().contains('@') {
            return Err(refused(&"credentials belong in `auth`"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(refused(&"it has a query or a fragment"));
        }
        let path = RequestPath::parse(uri.path()).map_err(|error| refused(&error))?;
        let is_loopback = is_loopback(authority.host());
        match scheme {
            "https" => {}
            "http" if is_loopback || insecure => {}
            "http" => {
                return Err(ServiceError::Clear { name: name.to_owned(), key });
            }
            _ => return Err(refused(&"the scheme is unknown")),
        }
        Ok(Self { origin: format!("{scheme}://{authority}"), prefix: path.as_str().trim_end_matches('/').to_owned() })
    }
}

impl Auth {
    /// Refuses credentials that cannot be meant.
    pub(super) fn check(&self, service: &str) -> Result<(), ServiceError> {
        let what = match self {
            Self::Cp4d { username, .. } if username.is_empty() => "user name",
            Self::Cp4d { credential: Credential::Password(secret), .. } if secret.expose().is_empty() => "password",
            Self::Cp4d { credential: Credential::ApiKey(secret), .. } if secret.expose().is_empty() => "API key",
            Self::Cp4dLegacy { username, .. } if username.is_empty() => "user name",
            Self::Cp4dLegacy { username, .. } if username.contains(':') => {
                return Err(ServiceError::UserName { name: service.to_owned() });
            }
            Self::Cp4dLegacy { password, .. } if password.expose().is_empty() => "password",
            Self::IbmCloud { api_key, .. } if api_key.expose().is_empty() => "API key",
            Self::TokenFile(file) => {
                return token_file::read(file)
                    .map(|_| ())
                    .map_err(|error| ServiceError::TokenFile { name: service.to_owned(), why: error.to_string() });
            }
            Self::Token(token) if token.expose().is_empty() => "token",
            Self::Token(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(ServiceError::TokenCharacter { name: service.to_owned() });
            }
            _ => return Ok(()),
        };
        Err(ServiceError::EmptyCredential { name: service.to_owned(), what })
    }

    /// Whether the spec itself says where the login is.
    pub(super) fn names_login(&self) -> bool {
        matches!(self, Self::IbmCloud { iam_url: Some(_), .. })
    }

    /// Whether the login is not at the service itself.
    pub(super) fn logs_in_elsewhere(&self) -> bool {
        matches!(self, Self::IbmCloud { .. })
    }
}

impl ServiceConfig {
    /// What everybody should know who trusts the run.
    pub fn warning(&self) -> Option<String> {
        let is_clear = |url: &String| url.starts_with("http://");
        let what = if is_clear(&self.url) || self.platform_url.as_ref().is_some_and(is_clear) {
            "is called without TLS: everybody on the way can read the credentials"
        } else {
            "is called whatever its certificate says: somebody on the way can read the credentials"
        };
        self.insecure.then(|| format!("service `{}` is `insecure`; it {what}", self.name))
    }
}

/// The URL without what may be a password in it.
fn shown(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start + 3 <= end => {
            format!("{}***{}", &url[..start + 3], &url[end..])
        }
        _ => url.to_owned(),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, insecure: bool) -> Result<Base, String> {
        Base::parse(url, "url", "wml", insecure).map_err(|error| error.to_string())
    }

    #[test]
    fn a_prefix_is_kept_without_its_last_slash() {
        for (url, origin, prefix) in [
            ("https://cpd.example.com", "https://cpd.example.com", ""),
            ("https://cpd.example.com/", "https://cpd.example.com", ""),
            ("https://cpd.example.com:8443/zen/", "https://cpd.example.com:8443", "/zen"),
            ("http://[::1]:9/a/b", "http://[::1]:9", "/a/b"),
        ] {
            let base = parse(url, false).unwrap();
            assert_eq!((base.origin.as_str(), base.prefix.as_str()), (origin, prefix));
        }
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        for (url, why) in [
            ("cpd.example.com", "scheme or host is missing"),
            ("/cpd", "scheme or host is missing"),
            ("ftp://cpd.example.com", "the scheme is unknown"),
            ("https://cpd.example.com?x=1", "it has a query or a fragment"),
            ("https://cpd.example.com/a#b", "it has a query or a fragment"),
            ("https://cpd.example.com/a/../b", "the path has a dot segment at byte 3"),
        ] {
            assert_eq!(
                parse(url, false),
                Err(format!("service `wml`: `{url}` is not of the form `https://host/prefix`: {why}"))
            );
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        assert_eq!(
            parse("https://user:secret@cpd.example.com", false),
            Err("service `wml`: `https://***@cpd.example.com` is not of the form `https://host/prefix`: \
                 credentials belong in `auth`"
                .to_owned())
        );
    }

    #[test]
    fn credentials_go_in_the_clear_only_to_this_machine_or_when_asked() {
        assert_eq!(
            parse("http://cpd.example.com", false),
            Err("service `wml`: `http` would send the credentials in the clear; use `https`, or set `insecure: true`"
                .to_owned())
        );
        assert!(parse("http://cpd.example.com", true).is_ok());
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"] {
            assert!(parse(url, false).is_ok(), "{url}");
        }
    }
}
