//! Login and tokens: the only user of the stub, and what it was given. The logins are those of CP4D 4 and later, of 3.5,
//! and of IBM Cloud (wml.md 2a, 2b, 2d); which of them there is, `platform` says.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
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

/// `GET /v1/preauth/validateAuth`: user name and password in `Authorization: Basic`. There is no login by API key.
pub(crate) fn validate_auth(site: &Site, call: &Call) -> Outcome {
    call.allow(&[])?;
    let given = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Basic "));
    let right = STANDARD.encode(format!("{}:{}", site.options.username, site.options.password));
    if given != Some(right.as_str()) {
        // The form of this body is not known.
        let body = json!({"_statusCode_": 401, "_messageCode_": "401", "message": "invalid credentials"});
        return Ok(Answer::json(StatusCode::UNAUTHORIZED, &body));
    }
    let token = site.tokens.issue(&site.options.username, site.options.token_lifetime);
    let body = json!({
        "username": site.options.username, "role": "User", "_messageCode_": "success", "message": "success",
        "accessToken": token,
    });
    Ok(Answer::ok(&body))
}

/// What IAM wants every client to say of itself: the public client `bx`, without a secret.
const BX: &str = "Basic Yng6Yng=";

/// `POST /identity/token`, and `/oidc/token` of older clients: IAM's exchange of an API key for a token.
pub(crate) fn exchange_api_key(site: &Site, call: &Call) -> Outcome {
    call.allow(&[])?;
    call.expect_media_type("application/x-www-form-urlencoded")?;
    // IAM's own words for a wrong form are not known; its code for a wrong key is.
    let refuse = |code: &str, message: &str| {
        Ok(Answer::json(StatusCode::BAD_REQUEST, &json!({"errorCode": code, "errorMessage": message})))
    };
    let mut form: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
    // The clients of OpenScale ask so, and do not say who they are.
    let is_openscale = form.iter().any(|(key, value)| key == "response_type" && value == "cloud_iam");
    form.retain(|(key, _)| !is_openscale || key != "response_type");
    let client = call.headers.get(header::AUTHORIZATION);
    if client.map_or(!is_openscale, |value| value != BX) {
        return refuse("BXNIMST1E", "the client is not `bx:bx`");
    }
    form.sort();
    let [(key, api_key), (kind, grant_type)] = form.as_slice() else {
        return refuse("BXNIMST2E", "the form has not the two fields `grant_type` and `apikey`");
    };
    if key != "apikey" || kind != "grant_type" || grant_type != "urn:ibm:params:oauth:grant-type:apikey" {
        return refuse("BXNIMST2E", "the form has not the two fields `grant_type` and `apikey`");
    }
    if *api_key != site.options.api_key {
        return refuse("BXNIM0415E", "Provided API key could not be found.");
    }
    let lifetime = site.options.token_lifetime;
    let token = site.tokens.issue(&site.options.username, lifetime);
    let end = OffsetDateTime::now_utc().unix_timestamp() + i64::try_from(lifetime.as_secs()).unwrap_or(0);
    let body = json!({
        "access_token": token, "refresh_token": "not_supported", "token_type": "Bearer",
        "expires_in": lifetime.as_secs(), "expiration": end, "scope": "ibm openid",
    });
    Ok(Answer::ok(&body))
}
