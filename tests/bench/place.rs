//! Where a stub is: one in this process, or one in a process of its own, so that only the client is measured.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stepwise_stub::{Options, Stub};

/// What a client needs to know of a stub.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) api_key: String,
    pub(crate) space_id: String,
    pub(crate) data_mart_id: String,
}

impl Place {
    pub(crate) fn of(stub: &Stub) -> Self {
        Self {
            url: stub.url().to_owned(),
            username: stub.username().to_owned(),
            api_key: stub.api_key().to_owned(),
            space_id: stub.space_id().to_owned(),
            data_mart_id: stub.data_mart_id().to_owned(),
        }
    }

    /// The variables that the sample's spec reads.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("CPD_URL", &self.url),
            ("CPD_USERNAME", &self.username),
            ("CPD_API_KEY", &self.api_key),
            ("CPD_SPACE", &self.space_id),
        ]
    }
}

/// A stub in a process of its own; it ends with this.
pub(crate) struct StubProcess {
    child: Child,
    pub(crate) place: Place,
}

impl StubProcess {
    pub(crate) fn start() -> Result<Self> {
        let this = std::env::current_exe()?;
        let mut child = Command::new(this).arg("stub").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        Ok(Self { place: serde_json::from_str(&line)?, child })
    }
}

impl Drop for StubProcess {
    fn drop(&mut self) {
        // It ends when its stdin does, and it may be gone already.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A stub whose asynchronous states are over before they are looked at again.
pub(crate) fn stub() -> Result<Stub> {
    Ok(Stub::start(Options { settle: Duration::from_millis(20), ..Options::default() })?)
}

/// What the process of `StubProcess` does.
pub(crate) fn serve() -> Result<()> {
    let stub = stub()?;
    println!("{}", serde_json::to_string(&Place::of(&stub))?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
