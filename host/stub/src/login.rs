//! Login and tokens: the only user of the stub, and what it was given.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::answer::{Answer, Outcome, Problem, Refusal};
use crate::call::Call;
use crate::site::Site;

/// The tokens given out, each with its end.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<Vec<(String, Instant)>>);

impl Tokens {
    fn issue(&self, username: &str, lifetime: Duration) -> String {
        let token = json_web_token(username, lifetime);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((token.clone(), Instant::now() + lifetime));
        token
    }

    /// Ends every token given out so far.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(|(_, end)| *end = now);
    }

    fn check(&self, token: &str) -> Result<(), Refusal> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.iter().find(|(known, _)| known == token) {
            None => Err(Refusal::new(Problem::Unauthorized, "the token is not valid")),
            Some((_, end)) if *end <= Instant::now() => {
                Err(Refusal::new(Problem::TokenExpired, "the token has expired"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn json_web_token(username: &str, lifetime: Duration) -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "username": username, "role": "User", "sub": username, "iss": "KNOXSSO", "aud": "DSX", "uid": "1000330999",
        "iat": now, "exp": now + i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX - now),
        "jti": uuid::Uuid::new_v4().to_string(),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // Nobody can check the signature: the stub knows its tokens by heart.
    let signature = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
    format!("{}.{}.{signature}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims))
}

/// Refuses a call that brings no token of the stub.
pub(crate) fn authorize(site: &Site, call: &Call) -> Result<(), Refusal> {
    let header = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match header.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(token) => site.tokens.check(token),
        None => Err(Refusal::new(Problem::Unauthorized, "there is no bearer token in `Authorization`")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: Option<String>,
    api_key: Option<String>,
    #[serde(rename = "account_id")]
    _account_id: Option<String>,
}

/// `POST /icp4d-api/v1/authorize`: the api key wins when both are given.
pub(crate) fn log_in(site: &Site, call: &Call) -> Outcome {
    let given: Credentials = call.json()?;
    let options = &site.options;
    let right = given.username == options.username
        && match (&given.api_key, &given.password) {
            (Some(key), _) => *key == options.api_key,
            (None, Some(password)) => *password == options.password,
            (None, None) => return Err(Refusal::schema("there is neither `password` nor `api_key`")),
        };
    if !right {
        let body = json!({"_statusCode_": 401, "_messageCode_": "401", "message": "invalid credentials"});
        return Ok(Answer::json(StatusCode::UNAUTHORIZED, &body));
    }
    let token = site.tokens.issue(&given.username, options.token_lifetime);
    Ok(Answer::ok(&json!({"_messageCode_": "200", "message": "Success", "token": token})))
}
