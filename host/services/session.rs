//! A user's session with a service: logs in, keeps the token and replaces it in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::client::{Client, Outgoing};
use super::delivery::Delivery;
use super::login::Login;
use super::probe::Probe;
use super::token::{self, Token};
use super::token_file::TokenFile;
use super::{Auth, CallError, Limits, Masks, Observer, Repeat, Secret};

/// What a login answer may have at the most; a token has a few KiB.
const MAX_ANSWER: u64 = 256 * 1024;

/// A session that all services with the same address and credentials share.
#[derive(Debug)]
pub(super) struct Session {
    /// Where the login is: scheme, host, port, and a prefix of paths if it has one.
    address: String,
    auth: Auth,
    client: Arc<Client>,
    source: Source,
    masks: Masks,
}

/// Where tokens come from.
#[derive(Debug)]
enum Source {
    Fixed(Secret),
    File(TokenFile),
    Login(Box<Keeper>),
}

/// Who logs in, and the token of the last login.
#[derive(Debug)]
struct Keeper {
    login: Login,
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

impl Session {
    pub(super) fn new(address: String, auth: Auth, client: Arc<Client>, masks: Masks) -> Self {
        let log_in = |login: Login| {
            login.secrets().iter().for_each(|secret| masks.add(secret));
            Source::Login(Box::new(Keeper { login, state: Mutex::default(), logins: AtomicU64::new(0) }))
        };
        let source = match auth.clone() {
            Auth::Cp4d { username, credential } => log_in(Login::Cp4d { username, credential }),
            Auth::Cp4dLegacy { username, password } => log_in(Login::Legacy { username, password }),
            Auth::IbmCloud { api_key, .. } => log_in(Login::Iam { api_key }),
            Auth::TokenFile(file) => Source::File(TokenFile::new(file)),
            Auth::Token(token) => {
                masks.add(&token);
                Source::Fixed(token::authorization(token.expose()))
            }
        };
        Self { address, auth, client, source, masks }
    }

    /// Whether this is the session for that address, those credentials and that way.
    pub(super) fn serves(&self, address: &str, auth: &Auth, client: &Arc<Client>) -> bool {
        self.address == address && self.auth == *auth && Arc::ptr_eq(&self.client, client)
    }

    /// The value of the `Authorization` header; logs in when there is no fresh token.
    pub(super) fn authorization(&self, asker: &Asker<'_>) -> Result<Secret, CallError> {
        let keeper = match &self.source {
            Source::Fixed(authorization) => return Ok(authorization.clone()),
            Source::File(file) => {
                let told = |error| CallError::Login(format!("`{}`: {error}", asker.service));
                return file.authorization(&self.masks).map_err(told);
            }
            Source::Login(keeper) => keeper,
        };
        let before = keeper.logins.load(Ordering::SeqCst);
        // Held during the login: one login serves all that wait here.
        let mut state = keeper.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = state.token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.authorization().clone());
        }
        if let Some(refusal) = &state.refusal
            && keeper.logins.load(Ordering::SeqCst) != before
        {
            // Trying wrong credentials once for every request in flight can lock the user out.
            return Err(refusal.clone());
        }
        let result = self.log_in(&keeper.login, asker);
        keeper.logins.fetch_add(1, Ordering::SeqCst);
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
        match &self.source {
            Source::Fixed(_) => false,
            Source::File(file) => file.renew(refused, &self.masks),
            Source::Login(keeper) => {
                let mut state = keeper.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.token.as_ref().is_some_and(|token| token.authorization() == refused) {
                    state.token = None;
                }
                true
            }
        }
    }

    fn log_in(&self, login: &Login, asker: &Asker<'_>) -> Result<Token, CallError> {
        let question = login.question();
        let (service, path) = (asker.service, question.path);
        let limits = Limits { max_response: MAX_ANSWER, ..asker.limits.clone() };
        let mut delivery = Delivery {
            client: &self.client,
            service,
            part: "",
            shown: (path, ""),
            transaction_id: asker.transaction_id,
            limits: &limits,
            observer: asker.observer,
            // A second login does no harm.
            repeat: Repeat::Safe,
            attempts: 0,
        };
        let mut headers: Vec<_> = question.headers.iter().map(|(name, value)| (*name, value.expose())).collect();
        headers.push(("x-global-transaction-id", asker.transaction_id));
        let answer = delivery.send(&Outgoing {
            method: question.method,
            url: &format!("{}{path}", self.address),
            headers: &headers,
            body: question.body.as_ref().map(|body| body.as_bytes()),
        });
        let answer = answer.map_err(|error| match error {
            // The request itself was not sent, whatever became of the login.
            CallError::NoAnswer(text) => CallError::Unreachable(format!("login failed: {text}")),
            CallError::TooLarge(_) => CallError::Login(format!("`{service}` answers the login with too much")),
            other => other,
        })?;
        match answer.status {
            200 => {
                let (secret, token) = login
                    .read(&answer.body)
                    .ok_or_else(|| CallError::Login(format!("`{service}` answered the login without a token")))?;
                self.masks.add(&secret);
                Ok(token)
            }
            status @ (400 | 401 | 403) => Err(CallError::Login(format!(
                "`{service}` refused the login with {status}; check {}",
                login.credentials()
            ))),
            status @ (408 | 425 | 429 | 500..) => {
                Err(CallError::Unreachable(format!("`{service}` cannot log in for now, it answered {status}")))
            }
            404 if login.is_of_cluster() => {
                let probe = Probe { client: &self.client, address: &self.address, asker };
                Err(CallError::Login(login.missing(service, probe.version().as_ref())))
            }
            status => Err(CallError::Login(login.misplaced(service, status))),
        }
    }
}
