//! A server on port 0 that records what it receives, answers as it is told, and stops when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::deadline::Stop;
use crate::services::token::jwt;

pub(super) const LOGIN: &str = "/icp4d-api/v1/authorize";

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Method and target, such as `GET /a?b=c`.
    pub(super) line: String,
    /// Lines of the header, names in lower case.
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.headers.iter().find_map(|line| line.strip_prefix(&prefix))
    }

    pub(super) fn is_login(&self) -> bool {
        self.line == format!("POST {LOGIN}")
    }
}

/// What the server does with a request.
pub(super) enum Reply {
    /// A whole answer: status, further header lines, body.
    Answer(u16, Vec<String>, String),
    /// The connection is closed without a word.
    Drop,
    /// The connection is closed in the middle of the body.
    Truncate,
    /// No answer until the server stops.
    Silence,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }

    pub(super) fn ok(body: &str) -> Self {
        Self::Answer(200, Vec::new(), body.to_owned())
    }

    /// A token that lives for an hour, another one each time.
    pub(super) fn token(number: usize) -> Self {
        let claims = json!({"iat": 1_800_000_000, "exp": 1_800_003_600, "number": number});
        Self::ok(&json!({"token": jwt(&claims)}).to_string())
    }
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    stop: Stop,
    tls: Option<Arc<ServerConfig>>,
}

pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Box::new(handler), None)
    }

    /// Answers a login with a new token each time; the handler gets all else.
    pub(super) fn with_login(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let logins = AtomicUsize::new(0);
        Self::start(move |received| {
            if received.is_login() { Reply::token(logins.fetch_add(1, Ordering::SeqCst)) } else { handler(received) }
        })
    }

    /// Answers the requests one after the other.
    pub(super) fn script(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter());
        Self::start(move |_| {
            let next = replies.lock().unwrap().next();
            next.unwrap_or(Reply::ok("no more is scripted"))
        })
    }

    pub(super) fn start_tls(tls: Arc<ServerConfig>) -> Self {
        Self::listen(Box::new(|_| Reply::ok("secure")), Some(tls))
    }

    fn listen(handler: Box<Handler>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler,
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            stop: Stop::new(),
            tls,
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if shared.stop.is_stopped() {
                        break;
                    }
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    let (shared, stream) = (Arc::clone(&shared), stream.unwrap());
                    thread::spawn(move || shared.serve(stream));
                }
            })
        };
        Self { address, shared, acceptor: Some(acceptor) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The first lines of all requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|received| received.line).collect()
    }

    pub(super) fn logins(&self) -> usize {
        self.received().iter().filter(|received| received.is_login()).count()
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Wakes the acceptor, which then sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            let result = acceptor.join();
            assert!(result.is_ok() || thread::panicking());
        }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        match &self.tls {
            None => self.converse(BufReader::new(stream)),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                self.converse(BufReader::new(StreamOwned::new(connection, stream)));
            }
        }
    }

    /// Answers requests until the client has gone.
    fn converse<S: Read + Write>(&self, mut stream: BufReader<S>) {
        while let Some(received) = receive(&mut stream) {
            self.received.lock().unwrap().push(received.clone());
            let (text, goes_on) = match (self.handler)(&received) {
                Reply::Answer(status, headers, body) => (answer(status, &headers, &body), true),
                Reply::Truncate => ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half".to_owned(), false),
                Reply::Drop => (String::new(), false),
                Reply::Silence => {
                    self.stop.wait(Duration::MAX);
                    (String::new(), false)
                }
            };
            if stream.get_mut().write_all(text.as_bytes()).is_err() || !goes_on {
                return;
            }
        }
    }
}

fn answer(status: u16, headers: &[String], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text + "\r\n" + body
}

/// `None` when the client has gone, or does not trust us.
fn receive<S: Read>(stream: &mut BufReader<S>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0).replace(" HTTP/1.1", "");
    let mut received = Received { line, headers: lines, body: String::new() };
    let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    received.body = String::from_utf8(body).unwrap();
    Some(received)
}
