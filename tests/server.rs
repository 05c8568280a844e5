//! Servers that a test writes by hand: one that answers as it is told and records what it gets, and a relay that counts
//! connections, as a proxy too. Port 0; they stop when dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Method and target, such as `GET /a?b=c`.
    pub(crate) line: String,
    /// Lines of the header, names in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        self.headers.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    }
}

/// Status, header lines and body of an answer.
pub(crate) type Reply = (u16, Vec<String>, String);

/// Accepts connections until it is dropped.
struct Listener {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let (stop, serve) = (Arc::clone(&stopped), Arc::new(serve));
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, stopped, acceptor: Some(acceptor) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees the flag.
        drop(TcpStream::connect(self.address));
        let ended = self.acceptor.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

/// Answers as it is told.
pub(crate) struct Server {
    listener: Listener,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let listener = Listener::start(move |stream| {
            let mut stream = BufReader::new(stream);
            while let Some(request) = receive(&mut stream) {
                log.lock().unwrap().push(request.clone());
                let (status, headers, body) = handler(&request);
                let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect::<Vec<_>>().concat();
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self { listener, received }
    }

    /// Answers a login at Cloud Pak for Data with this token; the handler gets all else.
    pub(crate) fn with_login(token: &str, handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let token = serde_json::json!({"token": token}).to_string();
        Self::start(move |request| match request.line.as_str() {
            "POST /icp4d-api/v1/authorize" => (200, Vec::new(), token.clone()),
            _ => handler(request),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The first lines of all requests.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|received| received.line).collect()
    }
}

/// Passes connections on to one address, whatever it is asked for.
pub(crate) struct Relay {
    listener: Listener,
    /// One for each connection: the head of its CONNECT, or nothing.
    connections: Arc<Mutex<Vec<Received>>>,
    /// Greetings of TLS clients that passed.
    handshakes: Arc<AtomicUsize>,
}

impl Relay {
    /// Passes each connection on as it is.
    pub(crate) fn to(target: SocketAddr) -> Self {
        Self::start(target, false)
    }

    /// A proxy: takes a CONNECT first.
    pub(crate) fn proxy(target: SocketAddr) -> Self {
        Self::start(target, true)
    }

    fn start(target: SocketAddr, is_proxy: bool) -> Self {
        let connections = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&connections);
        let handshakes = Arc::new(AtomicUsize::new(0));
        let greetings = Arc::clone(&handshakes);
        let listener = Listener::start(move |client| {
            let mut head = Received { line: String::new(), headers: Vec::new(), body: String::new() };
            if is_proxy {
                // Unbuffered: what follows the head is the other's.
                let Some(received) = receive(&mut BufReader::with_capacity(1, &client)) else { return };
                head = received;
                (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            }
            log.lock().unwrap().push(head);
            let server = TcpStream::connect(target).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let pumping = thread::spawn(move || pump(&back.0, &back.1));
            pump(Greeted { stream: &client, header: Vec::new(), left: 0, greetings: &greetings }, &server);
            pumping.join().unwrap();
        });
        Self { listener, connections, handshakes }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    pub(crate) fn connections(&self) -> Vec<Received> {
        self.connections.lock().unwrap().clone()
    }

    /// TLS handshakes that clients began.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::SeqCst)
    }
}

/// A client's side of a connection, whose TLS records are looked at as they pass.
struct Greeted<'a> {
    stream: &'a TcpStream,
    /// What there is of a record's header, and of the kind of its message.
    header: Vec<u8>,
    /// Bytes of the record that are to come.
    left: usize,
    greetings: &'a AtomicUsize,
}

impl std::io::Read for Greeted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(buffer)?;
        for byte in &buffer[..count] {
            if self.left > 0 {
                self.left -= 1;
                continue;
            }
            self.header.push(*byte);
            if let [kind, _, _, high, low, message] = self.header[..] {
                // A handshake's first message is the client's greeting; later ones are encrypted, and of another kind.
                self.greetings.fetch_add(usize::from(kind == 22 && message == 1), Ordering::SeqCst);
                self.left = usize::from(u16::from_be_bytes([high, low])) - 1;
                self.header.clear();
            }
        }
        Ok(count)
    }
}

fn pump(mut from: impl std::io::Read, mut to: &TcpStream) {
    // However it ends, the other side is to know.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// `None` when the client has gone.
fn receive<S: std::io::Read>(stream: &mut BufReader<S>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                lines.push(if lines.is_empty() { line.to_owned() } else { format!("{}:{value}", name.to_lowercase()) });
            }
        }
    }
    let line = lines.remove(0).replace(" HTTP/1.1", "");
    let mut received = Received { line, headers: lines, body: String::new() };
    let mut body = vec![0; received.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    received.body = String::from_utf8_lossy(&body).into_owned();
    Some(received)
}
