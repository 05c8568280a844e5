//! The ways to get a token: what is sent, and where the answer has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::token::{Scheme, Token};
use super::version::{self, Version};
use super::{Credential, Method, Secret, encode_segment};

/// A way to get a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// At Cloud Pak for Data 4 and later.
    Cp4d { username: String, credential: Credential },
    /// At Cloud Pak for Data 3.5.
    Legacy { username: String, password: Secret },
    /// At IBM Cloud.
    Iam { api_key: Secret },
}

/// The request that asks for a token.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) headers: Vec<(&'static str, Secret)>,
    pub(super) body: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Cp4dAnswer {
    token: String,
}

#[derive(Deserialize)]
struct LegacyAnswer {
    #[serde(rename = "accessToken")]
    access_token: String,
}

#[derive(Deserialize)]
struct IamAnswer {
    access_token: String,
    /// Seconds.
    expires_in: Option<f64>,
    /// Seconds since 1970.
    expiration: Option<f64>,
}

impl Login {
    pub(super) fn path(&self) -> &'static str {
        match self {
            Self::Cp4d { .. } => "/icp4d-api/v1/authorize",
            Self::Legacy { .. } => "/v1/preauth/validateAuth",
            Self::Iam { .. } => "/identity/token",
        }
    }

    pub(super) fn question(&self) -> Question {
        let accept = ("accept", Secret::new("application/json"));
        let (method, mut headers, body) = match self {
            Self::Cp4d { username, credential } => {
                let body = match credential {
                    Credential::Password(password) => json!({"username": username, "password": password.expose()}),
                    Credential::ApiKey(key) => json!({"username": username, "api_key": key.expose()}),
                };
                let headers = vec![("content-type", Secret::new("application/json"))];
                (Method::Post, headers, Some(body.to_string()))
            }
            Self::Legacy { username, password } => {
                (Method::Get, vec![("authorization", basic(username, password))], None)
            }
            Self::Iam { api_key } => {
                let form = format!(
                    "grant_type={}&apikey={}",
                    encode_segment("urn:ibm:params:oauth:grant-type:apikey"),
                    encode_segment(api_key.expose())
                );
                let headers = vec![
                    ("content-type", Secret::new("application/x-www-form-urlencoded")),
                    // The public client `bx`, as IBM's own clients name themselves.
                    ("authorization", Secret::new("Basic Yng6Yng=")),
                ];
                (Method::Post, headers, Some(form))
            }
        };
        headers.push(accept);
        Question { method, path: self.path(), headers, body: body.map(Zeroizing::new) }
    }

    /// The token of a good answer.
    pub(super) fn read(&self, answer: &[u8]) -> Option<(Secret, Token)> {
        let (text, lifetime, scheme) = match self {
            Self::Cp4d { .. } => {
                let Cp4dAnswer { token } = serde_json::from_slice(answer).ok()?;
                (token, None, None)
            }
            Self::Legacy { .. } => {
                let LegacyAnswer { access_token } = serde_json::from_slice(answer).ok()?;
                (access_token, None, Some(Scheme::Bearer))
            }
            Self::Iam { .. } => {
                let answer: IamAnswer = serde_json::from_slice(answer).ok()?;
                let lifetime = answer.lifetime(SystemTime::now());
                (answer.access_token, lifetime, Some(Scheme::Bearer))
            }
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let token = Token::new(&text, scheme.unwrap_or_else(|| Scheme::of(&text)), lifetime);
        Some((Secret::new(text), token))
    }

    /// What a refused user is to check.
    pub(super) fn credentials(&self) -> &'static str {
        match self {
            Self::Cp4d { credential: Credential::Password(_), .. } | Self::Legacy { .. } => "user name and password",
            Self::Cp4d { credential: Credential::ApiKey(_), .. } => "user name and API key",
            Self::Iam { .. } => "the API key",
        }
    }

    /// Whether it is at a cluster, whose version may explain why it is not there.
    pub(super) fn is_of_cluster(&self) -> bool {
        !matches!(self, Self::Iam { .. })
    }

    /// What is said when the answer is none of such a login.
    pub(super) fn misplaced(&self, service: &str, status: u16) -> String {
        let address = match self {
            Self::Cp4d { .. } => "its `url` is that of a Cloud Pak for Data cluster",
            Self::Legacy { .. } => "its `url` is that of a Cloud Pak for Data cluster of version 3.5",
            Self::Iam { .. } => "its `iam_url` is that of IBM Cloud's IAM",
        };
        format!("`{service}` answered {status} to the login at `{}`; check that {address}", self.path())
    }

    /// What is said when a cluster has no such login.
    pub(super) fn missing(&self, service: &str, version: Option<&Version>) -> String {
        let misplaced = || self.misplaced(service, 404);
        match (self, version) {
            (_, Some(version)) if version.is_too_old() => version::too_old(service, &version.to_string()),
            (Self::Cp4d { .. }, None) => {
                format!("{}\nhint: a cluster of version 3.5 has the login `kind: cp4d_legacy`", misplaced())
            }
            (Self::Legacy { .. }, Some(version)) => format!(
                "`{service}` is Cloud Pak for Data {version}, which has no login at `{}`\nhint: use the login `kind: cp4d`",
                self.path()
            ),
            _ => misplaced(),
        }
    }

    /// What must be masked.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Cp4d { credential: Credential::Password(secret) | Credential::ApiKey(secret), .. } => {
                vec![secret.clone()]
            }
            Self::Legacy { username, password } => {
                let basic = basic(username, password);
                let encoded = basic.expose().trim_start_matches("Basic ");
                vec![password.clone(), Secret::new(encoded)]
            }
            Self::Iam { api_key } => vec![api_key.clone()],
        }
    }
}

fn basic(username: &str, password: &Secret) -> Secret {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

impl IamAnswer {
    /// How long the token lives from now on; where the two disagree, the shorter time.
    fn lifetime(&self, now: SystemTime) -> Option<Duration> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        // A moment that is over by this machine's clock says more of the clock than of a token that is new.
        let by_clock = self.expiration.map(|end| end - now).filter(|left| *left > 0.0);
        let seconds = [self.expires_in, by_clock].into_iter().flatten().reduce(f64::min)?;
        Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iam() -> Login {
        Login::Iam { api_key: Secret::new("k+y&=") }
    }

    #[test]
    fn a_form_is_encoded_so_that_no_key_ends_early() {
        let question = iam().question();
        assert_eq!(
            question.body.unwrap().as_str(),
            "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%2By%26%3D"
        );
    }

    #[test]
    fn a_basic_login_has_name_and_password_in_one() {
        let login = Login::Legacy { username: "admin".to_owned(), password: Secret::new("pä:ss") };
        let question = login.question();
        let header = &question.headers[0];
        assert_eq!((header.0, header.1.expose()), ("authorization", "Basic YWRtaW46cMOkOnNz"));
        assert_eq!(login.secrets()[1].expose(), "YWRtaW46cMOkOnNz");
    }

    #[test]
    fn the_shorter_lifetime_of_an_answer_counts() {
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        for (expires_in, expiration, seconds) in [
            (Some(3600.0), Some(1_800_003_600.0), Some(3600)),
            (Some(3600.0), Some(1_800_000_060.0), Some(60)),
            (Some(3600.0), Some(1_700_000_000.0), Some(3600)),
            (None, Some(1_800_000_060.0), Some(60)),
            (Some(-1.0), None, Some(0)),
            (None, None, None),
        ] {
            let answer = IamAnswer { access_token: String::new(), expires_in, expiration };
            assert_eq!(answer.lifetime(now).map(|time| time.as_secs()), seconds);
        }
    }
}
