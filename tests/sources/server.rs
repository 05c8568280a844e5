//! Servers of files, on port 0: one written by hand, so that it can misbehave, and an S3 store that checks signatures.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::components;

/// What the server does with a request, other than answering with the bytes.
#[derive(Clone)]
pub(crate) enum Mishap {
    /// The connection ends after so many bytes of the body.
    Drops(usize),
    /// Another status.
    Status(u16),
    /// A redirect.
    Redirect(String),
}

struct Shared {
    bytes: Mutex<Vec<u8>>,
    etag: Mutex<Option<String>>,
    mishaps: Mutex<VecDeque<Mishap>>,
    received: Mutex<Vec<String>>,
    ended: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

/// Serves the same bytes at every path.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The certificate that it has, if it speaks TLS.
    pub(crate) certificate: Option<String>,
}

impl Server {
    pub(crate) fn start(bytes: &[u8]) -> Self {
        Self::listen(bytes, None, None)
    }

    pub(crate) fn start_tls(bytes: &[u8]) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::listen(bytes, Some(Arc::new(tls)), Some(made.cert.pem()))
    }

    fn listen(bytes: &[u8], tls: Option<Arc<ServerConfig>>, certificate: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            bytes: Mutex::new(bytes.to_vec()),
            etag: Mutex::new(Some("\"one\"".to_owned())),
            mishaps: Mutex::default(),
            received: Mutex::default(),
            ended: AtomicBool::new(false),
            tls,
        });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.ended.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, stream) = (Arc::clone(&of_thread), stream.unwrap());
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared, certificate }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The first answers are not what they should be.
    pub(crate) fn fails(self, mishaps: impl IntoIterator<Item = Mishap>) -> Self {
        self.shared.mishaps.lock().unwrap().extend(mishaps);
        self
    }

    /// Never says which version it has.
    pub(crate) fn without_etag(self) -> Self {
        *self.shared.etag.lock().unwrap() = None;
        self
    }

    /// Has other bytes from now on.
    pub(crate) fn changes(&self, bytes: &[u8], etag: &str) {
        *self.shared.bytes.lock().unwrap() = bytes.to_vec();
        *self.shared.etag.lock().unwrap() = Some(etag.to_owned());
    }

    /// What it was asked: method, path, and of the header what says which bytes.
    pub(crate) fn received(&self) -> Vec<String> {
        self.shared.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        match &self.tls {
            None => self.answer(BufReader::new(stream)),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                self.answer(BufReader::new(StreamOwned::new(connection, stream)))
            }
        }
        .unwrap_or_default();
    }

    /// One answer per connection. None when the client has gone, or does not trust us.
    fn answer<S: Read + Write>(&self, mut stream: BufReader<S>) -> Option<()> {
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
        let told = ["range:", "if-range:", "if-none-match:"];
        let header: Vec<_> =
            lines.iter().skip(1).filter(|line| told.iter().any(|name| line.starts_with(name))).cloned().collect();
        let first = lines[0].replace(" HTTP/1.1", "");
        self.received.lock().unwrap().push([vec![first], header].concat().join(", "));
        let bytes = self.bytes.lock().unwrap().clone();
        let etag = self.etag.lock().unwrap().clone();
        let value =
            |name: &str| lines.iter().find_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_owned()));
        let mishap = self.mishaps.lock().unwrap().pop_front();
        let said = etag.as_ref().map(|etag| format!("etag: {etag}\r\n")).unwrap_or_default();
        let stream = stream.get_mut();
        let mut send = |text: String, body: &[u8]| {
            stream.write_all(text.as_bytes()).ok()?;
            stream.write_all(body).ok()?;
            stream.flush().ok()
        };
        let close = "connection: close\r\n";
        match &mishap {
            Some(Mishap::Status(status)) => {
                return send(format!("HTTP/1.1 {status} X\r\n{close}content-length: 0\r\n\r\n"), b"");
            }
            Some(Mishap::Redirect(to)) => {
                return send(format!("HTTP/1.1 302 X\r\n{close}location: {to}\r\ncontent-length: 0\r\n\r\n"), b"");
            }
            _ => {}
        }
        if etag.is_some() && value("if-none-match:") == etag {
            return send(format!("HTTP/1.1 304 X\r\n{close}{said}\r\n"), b"");
        }
        let is_same = value("if-range:").is_none_or(|version| Some(version) == etag);
        let from = value("range:")
            .filter(|_| is_same)
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
        let rest = &bytes[from..];
        let (status, range) = match from {
            0 => ("200 OK", String::new()),
            from => ("206 Partial", format!("content-range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len())),
        };
        let sent = match mishap {
            Some(Mishap::Drops(after)) => &rest[..after],
            _ => rest,
        };
        send(format!("HTTP/1.1 {status}\r\n{close}{said}{range}content-length: {}\r\n\r\n", rest.len()), sent)
    }
}

/// An S3 store of the files below a folder; it ends when it is dropped.
pub(crate) struct Store {
    pub(crate) url: String,
    process: Child,
}

impl Store {
    pub(crate) fn start(folder: &Path, access_key: &str, secret_key: &str) -> Self {
        let program = components().with_file_name("s3s-fs").join("bin/s3s-fs");
        assert!(program.is_file(), "there is no S3 server: run `make test`, which installs it");
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", "0", "--access-key", access_key, "--secret-key", secret_key]);
        command.arg(folder).env_clear().env("RUST_LOG", "info").stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.unwrap();
            // It colours its log.
            let address = line.split("http://").nth(1)?;
            let end = address.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(address.len());
            Some(format!("http://{}", &address[..end]))
        });
        // What it has to say further must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { url: url.expect("the server says where it is"), process }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
