//! `Stub`: the running server, and what a test asks of it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwise_scoring::Model;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::answer::without_nulls;
use crate::dialect::Dialect;
use crate::door::Door;
use crate::faults::Fault;
use crate::options::{DEFAULT_INSTANCE, Options};
use crate::request_log::{Recorded, RequestLog};
use crate::server::{self, Part};
use crate::site::Site;
use crate::tls;

/// How long a request that is being served may hold up the stub's end.
const LONGEST_STOP: Duration = Duration::from_secs(1);

/// Why a stub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StubError {
    /// The self-signed certificate could not be made.
    #[error("the stub cannot make its certificate: {0}")]
    Certificate(String),
    /// The address is taken or not of this machine.
    #[error("the stub cannot listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The options name no space.
    #[error("the stub needs at least one space")]
    NoSpace,
    /// The request log cannot be written.
    #[error("the stub cannot write its request log `{file}`: {source}", file = .file.display())]
    RequestLog {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The twin cannot be read, or run.
    #[error("the stub cannot use `{file}` as a twin: {reason}", file = .file.display())]
    Twin {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The system gives no threads.
    #[error("the stub cannot start its threads")]
    Threads(#[source] io::Error),
}

/// A running stub; dropping it stops it, which waits and so must not happen on a tokio thread.
#[derive(Debug)]
pub struct Stub {
    site: Arc<Site>,
    space_id: String,
    certificate: Option<String>,
    runtime: Option<Runtime>,
}

impl Stub {
    /// Starts a stub on threads of its own; it answers as soon as this returns.
    pub fn start(mut options: Options) -> Result<Self, StubError> {
        if options.spaces.is_empty() {
            return Err(StubError::NoSpace);
        }
        let twin = options.twin.as_deref().map(twin).transpose()?;
        let log = RequestLog::open(options.request_log.as_deref()).map_err(|source| {
            let file = options.request_log.clone().unwrap_or_default();
            StubError::RequestLog { file, source }
        })?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("stub")
            .enable_all()
            .build()
            .map_err(StubError::Threads)?;
        let is_cloud = options.dialect.is_cloud();
        let door = open(&runtime, options.listen)?;
        let address = door.address();
        let platform = is_cloud.then(|| open(&runtime, (address.ip(), 0).into())).transpose()?;
        let (scheme, certificate, acceptor) = if options.tls {
            let (certificate, acceptor) = tls::self_signed(address.ip(), options.dialect)?;
            ("https", Some(certificate), Some(acceptor))
        } else {
            ("http", None, None)
        };
        if is_cloud && options.instance_id == DEFAULT_INSTANCE {
            options.instance_id = Uuid::new_v4().to_string();
        }
        let url = |address: SocketAddr| format!("{scheme}://{address}");
        let platform_url = url(platform.as_ref().map_or(address, Door::address));
        let site = Arc::new(Site::new(options, url(address), platform_url, log, twin));
        let space_id = site.world().first_space().to_owned();
        let serve = |door: Door, part: Part| {
            let router = server::router(&site, part);
            runtime.spawn(server::serve(door, acceptor.clone(), Arc::clone(&site), router));
        };
        serve(door, if is_cloud { Part::CloudWml } else { Part::Cluster });
        if let Some(door) = platform {
            serve(door, Part::CloudPlatform);
        }
        Ok(Self { site, space_id, certificate, runtime: Some(runtime) })
    }

    /// Scheme, host and port of Watson Machine Learning, and on Cloud Pak for Data of all else.
    pub fn url(&self) -> &str {
        &self.site.url
    }

    /// The same of spaces and assets.
    pub fn platform_url(&self) -> &str {
        &self.site.platform_url
    }

    /// The same of `OpenScale`.
    pub fn openscale_url(&self) -> &str {
        &self.site.platform_url
    }

    /// The same of IAM, which only IBM Cloud has.
    pub fn iam_url(&self) -> Option<&str> {
        self.dialect().is_cloud().then_some(self.platform_url())
    }

    /// Which product's protocol it speaks.
    pub fn dialect(&self) -> Dialect {
        self.site.options.dialect
    }

    /// The id of the first space.
    pub fn space_id(&self) -> &str {
        &self.space_id
    }

    /// The name of the first space.
    pub fn space_name(&self) -> &str {
        &self.site.options.spaces[0]
    }

    /// The id that the data mart has or will have: the service instance's.
    pub fn data_mart_id(&self) -> &str {
        &self.site.options.instance_id
    }

    /// The only user.
    pub fn username(&self) -> &str {
        &self.site.options.username
    }

    /// That user's password.
    pub fn password(&self) -> &str {
        &self.site.options.password
    }

    /// That user's api key.
    pub fn api_key(&self) -> &str {
        &self.site.options.api_key
    }

    /// The self-signed certificate, if the stub speaks https.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// What other programs need to use the stub, one line of JSON without the newline.
    pub fn ready_line(&self) -> String {
        let line = json!({
            "dialect": self.dialect().name(),
            "url": self.url(),
            "platform_url": self.platform_url(),
            "openscale_url": self.openscale_url(),
            "iam_url": self.iam_url(),
            "space_id": self.space_id(),
            "data_mart_id": self.data_mart_id(),
            "username": self.username(),
        });
        without_nulls(line).to_string()
    }

    /// Has the stub fail.
    pub fn fail(&self, fault: Fault) {
        self.site.faults.add(fault);
    }

    /// How many calls a fault has delayed or stalled so far; a stalled one is counted when it has acted.
    pub fn held(&self) -> usize {
        self.site.faults.held()
    }

    /// The faults that have struck no call so far, each with the number of calls that matched it.
    pub fn idle_faults(&self) -> Vec<(Fault, u32)> {
        self.site.faults.idle()
    }

    /// Lets all calls act at once that a fault delays now.
    pub fn release(&self) {
        self.site.faults.release();
    }

    /// Forgets all faults.
    pub fn mend(&self) {
        self.site.faults.clear();
    }

    /// Makes every token given out so far expire.
    pub fn expire_tokens(&self) {
        self.site.tokens.expire();
    }

    /// Sets how long everything asynchronous takes that begins from now on.
    pub fn set_settle(&self, settle: Duration) {
        self.site.set_settle(settle);
    }

    /// Every request that has been answered so far, or acted on and left without an answer, in the order of their ends.
    pub fn requests(&self) -> Vec<Recorded> {
        self.site.log.requests()
    }

    /// Takes what exists now as what was there before: `leftovers` will not tell it.
    pub fn take_inventory(&self) {
        self.site.world().take_inventory();
    }

    /// What exists now and did not at the start or the last inventory: kind, id, name.
    pub fn leftovers(&self) -> Vec<(String, String, String)> {
        self.site.world().leftovers()
    }

    /// The ids of what existed at the start or the last inventory and does not now, sorted.
    pub fn missing(&self) -> Vec<String> {
        self.site.world().missing()
    }

    /// How many of each kind were ever made, removed ones too.
    pub fn made(&self) -> [(&'static str, usize); 6] {
        self.site.world().made()
    }

    /// How many records there are in data sets of a kind: `payload_logging`, `feedback` …
    pub fn records(&self, kind: &str) -> usize {
        self.site.world().records(kind)
    }

    /// Serves until the process is killed.
    pub fn wait(&self) -> ! {
        loop {
            std::thread::park();
        }
    }
}

fn twin(file: &Path) -> Result<Model, StubError> {
    let unusable = |reason| StubError::Twin { file: file.to_owned(), reason };
    let bytes = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    Model::load(&bytes).map_err(|error| unusable(error.to_string()))
}

fn open(runtime: &Runtime, address: SocketAddr) -> Result<Door, StubError> {
    let _entered = runtime.enter();
    Door::open(address).map_err(|source| StubError::Listen { address, source })
}

impl Drop for Stub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(LONGEST_STOP);
        }
    }
}
