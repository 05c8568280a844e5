//! The wire: one HTTP exchange, and what went wrong with it.

use std::io::{self, Read};
use std::mem;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, HeaderMap};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error, SendBody, Timeout};

use super::proxy::Way;
use super::resolver::NumbersFirst;
use super::{Method, Response};

/// A connection that is not there after this will not come; the retries are for that.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// An answer that has not begun after this is lost: routers give up far sooner.
const ANSWER_TIME: Duration = Duration::from_mins(3);

/// As many as a step may have in flight.
const KEPT_CONNECTIONS: usize = 16;

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a [u8]>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was not sent, and may be another time.
    NotSent(String),
    /// It was not sent, and never will be: the certificate is not trusted.
    Insecure(String),
    /// It was sent, and the answer is lost.
    Lost(String),
    /// The answer is larger than it may be.
    TooLarge,
    /// The time that was given is over.
    OutOfTime,
}

/// Connections, kept for further requests.
#[derive(Debug)]
pub(super) struct Client {
    agent: RwLock<Agent>,
    /// The variable that names the proxy, if there is one.
    pub(super) proxy: Option<&'static str>,
}

impl Client {
    /// Connections with these settings, on that way.
    pub(super) fn new(tls: TlsConfig, user_agent: &str, way: &Way) -> Self {
        Self { agent: RwLock::new(new_agent(config(tls, user_agent, way))), proxy: way.variable }
    }

    /// Ends every exchange under way at once; later ones get new connections.
    pub(super) fn interrupt(&self) {
        let mut agent = self.agent.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = new_agent(agent.config().clone());
        mem::replace(&mut *agent, fresh).shutdown();
    }

    /// Sends once and reads the answer.
    pub(super) fn exchange(
        &self,
        outgoing: &Outgoing<'_>,
        time: Duration,
        max_response: u64,
    ) -> Result<Response, Fault> {
        let agent = self.agent.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut body = outgoing.sized_body().map(Body::new);
        let result = outgoing.head(body.as_ref()).and_then(|head| {
            let head = agent.configure_request(head).timeout_global(Some(time)).build();
            match &mut body {
                Some(body) => agent.run(head.map(|()| SendBody::from_reader(body))),
                None => agent.run(head),
            }
        });
        match result {
            Ok(answer) => read(answer, max_response),
            Err(error) => Err(Fault::of(error, body.as_ref().map(|body| body.is_begun))),
        }
    }
}

pub(super) fn config(tls: TlsConfig, user_agent: &str, way: &Way) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(KEPT_CONNECTIONS)
        .max_idle_connections_per_host(KEPT_CONNECTIONS)
        .timeout_connect(Some(CONNECT_TIME))
        .timeout_recv_response(Some(ANSWER_TIME))
        .tls_config(tls)
        .user_agent(user_agent)
        .proxy(way.proxy.clone())
        .build()
}

pub(super) fn new_agent(config: Config) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), NumbersFirst::default())
}

impl<'a> Outgoing<'a> {
    /// The body; an empty one where a method without one would be unusual, so that its length is sent.
    fn sized_body(&self) -> Option<&'a [u8]> {
        let expected = matches!(self.method, Method::Post | Method::Put | Method::Patch);
        self.body.or(expected.then_some(&[]))
    }

    fn head(&self, body: Option<&Body<'_>>) -> Result<http::Request<()>, Error> {
        let mut request = http::Request::builder().method(self.method.as_str()).uri(self.url);
        for &(name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header(http::header::CONTENT_LENGTH, body.rest.len());
        }
        Ok(request.body(())?)
    }
}

/// A body that knows whether its sending has begun: before that, no service can have acted on the request.
struct Body<'a> {
    rest: &'a [u8],
    is_begun: bool,
}

impl<'a> Body<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest, is_begun: false }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_begun = true;
        self.rest.read(buffer)
    }
}

impl Fault {
    /// `begun` says whether the body's sending had begun; of a request without body that is not known, and only errors
    /// that belong to connecting count as not sent.
    fn of(error: Error, begun: Option<bool>) -> Self {
        let is_sent = begun.unwrap_or(!is_of_connecting(&error));
        match error {
            Error::Timeout(Timeout::Global) => Self::OutOfTime,
            Error::LargeResponseHeader(..) => Self::TooLarge,
            error if is_sent => Self::Lost(plain(&error)),
            error if is_of_trust(&error) => Self::Insecure(plain(&error)),
            error => Self::NotSent(plain(&error)),
        }
    }
}

fn is_of_connecting(error: &Error) -> bool {
    match error {
        Error::Io(error) => {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::NetworkDown
                    | io::ErrorKind::AddrNotAvailable
            ) || is_of_tls(error)
        }
        Error::Timeout(Timeout::Resolve | Timeout::Connect)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::ConnectProxyFailed(_)
        | Error::InvalidProxyUrl => true,
        error => is_of_trust(error),
    }
}

pub(super) fn is_of_trust(error: &Error) -> bool {
    match error {
        Error::Tls(_) | Error::Rustls(_) | Error::TlsRequired => true,
        Error::Io(error) => is_of_tls(error),
        _ => false,
    }
}

/// rustls reports a failed handshake through the stream's own errors.
fn is_of_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData && error.get_ref().is_some()
}

/// What went wrong, without the library's own prefixes.
pub(super) fn plain(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        // What the system says of a name that it does not find differs between systems.
        Error::Io(error) if error.to_string().starts_with("failed to lookup address information") => {
            "the host's name is unknown".to_owned()
        }
        Error::Io(error) => error.to_string(),
        Error::HostNotFound => "the host's name is unknown".to_owned(),
        Error::ConnectProxyFailed(why) => why.clone(),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            format!("no connection within {} s", CONNECT_TIME.as_secs())
        }
        Error::Timeout(_) => format!("no answer within {} s", ANSWER_TIME.as_secs()),
        Error::Protocol(error) => format!("the answer is not HTTP: {error}"),
        error => error.to_string(),
    }
}

fn read(answer: http::Response<ureq::Body>, max_response: u64) -> Result<Response, Fault> {
    let (head, body) = answer.into_parts();
    match body.into_with_config().limit(max_response).read_to_vec() {
        Ok(body) => Ok(Response { status: head.status.as_u16(), headers: visible(&head.headers), body }),
        Err(Error::BodyExceedsLimit(_)) => Err(Fault::TooLarge),
        Err(Error::Timeout(Timeout::Global)) => Err(Fault::OutOfTime),
        Err(error) => Err(Fault::Lost(format!("the answer broke off: {}", plain(&error)))),
    }
}

fn visible(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| *name != http::header::SET_COOKIE)
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
