//! `stepwise stub`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use stepwise_stub::{Dialect, Fault, Options, Stub, read_faults};

use crate::error::Error;

/// Serve the stub of Watson Machine Learning and OpenScale, for other clients
#[derive(Debug, Args)]
pub(super) struct StubCommand {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Product whose protocol it speaks; the platform of IBM Cloud takes a second, free port
    #[arg(long, value_name = "DIALECT", default_value = Dialect::default().name(), value_parser = dialects())]
    dialect: Dialect,
    /// Serve https with a self-signed certificate, which clients like IBM's own insist on
    #[arg(long)]
    tls: bool,
    /// User name that may log in
    #[arg(long, value_name = "NAME", default_value_t = Options::default().username)]
    username: String,
    /// Password of the user
    #[arg(long, value_name = "TEXT", default_value_t = Options::default().password)]
    password: String,
    /// API key of the user
    #[arg(long, value_name = "TEXT", default_value_t = Options::default().api_key)]
    api_key: String,
    /// ONNX file that answers for deployed models of other kinds, such as pickles, which the stub never opens; without one
    /// such a deployment fails
    #[arg(long, value_name = "FILE")]
    twin: Option<PathBuf>,
    /// File that says how the stub fails, on which calls of which routes
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// File to which every request is written, one JSON line each, secrets masked
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
    /// File to which the self-signed certificate is written, for the client's CA file
    #[arg(long, value_name = "FILE", requires = "tls")]
    certificate: Option<PathBuf>,
}

fn dialects() -> impl TypedValueParser<Value = Dialect> {
    let names = PossibleValuesParser::new(Dialect::ALL.map(Dialect::name));
    names.map(|name| Dialect::named(&name).unwrap_or_default())
}

impl StubCommand {
    pub(super) fn execute(self, out: &mut impl Write) -> Result<u8, Error> {
        let options = Options {
            listen: self.listen,
            dialect: self.dialect,
            tls: self.tls,
            username: self.username,
            password: self.password,
            api_key: self.api_key,
            twin: self.twin,
            request_log: self.request_log,
            ..Options::default()
        };
        let faults = self.faults.as_deref().map(faults).transpose()?.unwrap_or_default();
        let stub = Stub::start(options)?;
        for fault in faults {
            stub.fail(fault);
        }
        if let (Some(file), Some(certificate)) = (&self.certificate, stub.certificate_pem()) {
            std::fs::write(file, certificate).map_err(|source| Error::Write { file: file.clone(), source })?;
        }
        writeln!(out, "{}", stub.ready_line())?;
        out.flush()?;
        stub.wait()
    }
}

/// The faults of a file.
pub(super) fn faults(file: &Path) -> Result<Vec<Fault>, Error> {
    let wrong = |why: String| Error::Faults { file: file.to_owned(), why };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    read_faults(&text).map_err(|error| wrong(error.to_string()))
}
