//! A user's session with a service: logs in, keeps the token and replaces it in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Outgoing};
use super::delivery::Delivery;
use super::token::{self, Token};
use super::{Auth, CallError, Credential, Limits, Masks, Method, Observer, Repeat, Secret};

const LOGIN_PATH: &str = "/icp4d-api/v1/authorize";

/// What a login answer may have at the most; a token has a few KiB.
const MAX_ANSWER: u64 = 256 * 1024;

/// A session that all services with the same address and credentials share.
#[derive(Debug)]
pub(super) struct Session {
    origin: String,
    auth: Auth,
    client: Arc<Client>,
    masks: Masks,
    state: Mutex<State>,
    /// Counts logins, so that callers that waited for one can tell that it was made for them too.
    logins: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    refusal: Option<CallError>,
}

/// Who needs a token, and what the login may take.
pub(super) struct Asker<'a> {
    pub(super) service: &'a str,
    pub(super) transaction_id: &'a str,
    pub(super) limits: &'a Limits,
    pub(super) observer: &'a dyn Observer,
}

#[derive(Deserialize)]
struct Answer {
    token: String,
}

impl Session {
    pub(super) fn new(origin: String, auth: Auth, client: Arc<Client>, masks: Masks) -> Self {
        masks.add(auth.secret());
        Self { origin, auth, client, masks, state: Mutex::default(), logins: AtomicU64::new(0) }
    }

    /// Whether this is the session for that address, those credentials and that trust.
    pub(super) fn serves(&self, origin: &str, auth: &Auth, client: &Arc<Client>) -> bool {
        self.origin == origin && self.auth == *auth && Arc::ptr_eq(&self.client, client)
    }

    /// The value of the `Authorization` header; logs in when there is no fresh token.
    pub(super) fn authorization(&self, asker: &Asker<'_>) -> Result<Secret, CallError> {
        let (username, credential) = match &self.auth {
            Auth::Token(token) => return Ok(token::authorization(token.expose())),
            Auth::Cp4d { username, credential } => (username, credential),
        };
        let before = self.logins.load(Ordering::SeqCst);
        // Held during the login: one login serves all that wait here.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = state.token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.authorization().clone());
        }
        if let Some(refusal) = &state.refusal
            && self.logins.load(Ordering::SeqCst) != before
        {
            // Trying wrong credentials once for every request in flight can lock the user out.
            return Err(refusal.clone());
        }
        let result = self.log_in(username, credential, asker);
        self.logins.fetch_add(1, Ordering::SeqCst);
        match result {
            Ok(token) => {
                let authorization = token.authorization().clone();
                *state = State { token: Some(token), refusal: None };
                Ok(authorization)
            }
            Err(error) => {
                let refusal = matches!(error, CallError::Login(_)).then(|| error.clone());
                *state = State { token: None, refusal };
                Err(error)
            }
        }
    }

    /// Drops the token that was refused, unless it has been replaced already; answers whether another may be had.
    pub(super) fn renew(&self, refused: &Secret) -> bool {
        if matches!(self.auth, Auth::Token(_)) {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.token.as_ref().is_some_and(|token| token.authorization() == refused) {
            state.token = None;
        }
        true
    }

    fn log_in(&self, username: &str, credential: &Credential, asker: &Asker<'_>) -> Result<Token, CallError> {
        let body = match credential {
            Credential::Password(password) => {
                json!({"username": username, "password": password.expose()})
            }
            Credential::ApiKey(key) => json!({"username": username, "api_key": key.expose()}),
        };
        let service = asker.service;
        let limits = Limits { max_response: MAX_ANSWER, ..asker.limits.clone() };
        let mut delivery = Delivery {
            client: &self.client,
            service,
            shown: (LOGIN_PATH, ""),
            transaction_id: asker.transaction_id,
            limits: &limits,
            observer: asker.observer,
            // A second login does no harm.
            repeat: Repeat::Safe,
            attempts: 0,
        };
        let answer = delivery.send(&Outgoing {
            method: Method::Post,
            url: &format!("{}{LOGIN_PATH}", self.origin),
            headers: &[
                ("content-type", "application/json"),
                ("accept", "application/json"),
                ("x-global-transaction-id", asker.transaction_id),
            ],
            body: Some(body.to_string().as_bytes()),
        });
        let answer = answer.map_err(|error| match error {
            // The request itself was not sent, whatever became of the login.
            CallError::NoAnswer(text) => CallError::Unreachable(format!("login failed: {text}")),
            CallError::TooLarge(_) => CallError::Login(format!("`{service}` answers the login with too much")),
            other => other,
        })?;
        match answer.status {
            200 => self
                .read(&answer.body)
                .ok_or_else(|| CallError::Login(format!("`{service}` answered the login without a token"))),
            status @ (400 | 401 | 403) => Err(CallError::Login(format!(
                "`{service}` refused the login with {status}; check user name and {}",
                credential.kind()
            ))),
            status @ (408 | 425 | 429 | 500..) => {
                Err(CallError::Unreachable(format!("`{service}` cannot log in for now, it answered {status}")))
            }
            status => Err(CallError::Login(format!(
                "`{service}` answered {status} to the login at `{LOGIN_PATH}`; check that its `url` is that of a \
                 Cloud Pak for Data cluster"
            ))),
        }
    }

    fn read(&self, answer: &[u8]) -> Option<Token> {
        let Answer { token } = serde_json::from_slice(answer).ok()?;
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        self.masks.add(&Secret::new(token.as_str()));
        Some(Token::new(&token))
    }
}

impl Credential {
    fn kind(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::ApiKey(_) => "API key",
        }
    }
}
