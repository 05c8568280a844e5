//! One request for bytes: redirects are followed, silence and a signal end it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::header::{ACCEPT_ENCODING, LOCATION};
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

use super::DataError;
use crate::deadline::Stop;
use crate::services::plain::{self, Line};

/// Redirects that are followed: a download is often behind one or two.
const MAX_REDIRECTS: u32 = 5;

/// A transfer that brings nothing for so long is given up, and tried again.
const SILENCE: Duration = Duration::from_mins(1);

/// How often that is looked at, and the signal.
const LOOK: Duration = Duration::from_millis(100);

/// Who is asked, and what is called.
pub(super) struct Exchange<'a> {
    pub(super) name: &'a str,
    pub(super) line: &'a Line,
    /// Plain `http` may leave this machine.
    pub(super) insecure: bool,
}

impl Exchange<'_> {
    /// Asks, and goes where the answers lead.
    pub(super) fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Response<Body>, DataError> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.line.agent.get(&url).header(ACCEPT_ENCODING, "identity");
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            let answer = request.call().map_err(|error| self.failed(&error))?;
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let Some(to) = to.filter(|_| matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308)) else {
                return Ok(answer);
            };
            url = self.redirected(&url, to)?;
        }
        let why = format!("`{}` is redirected more than {MAX_REDIRECTS} times", self.name);
        Err(DataError::Refused { why, hint: None })
    }

    /// Where a redirect leads. It never takes the way from safe to unsafe.
    fn redirected(&self, from: &str, to: &str) -> Result<String, DataError> {
        let target = join(from, to);
        let safe = |url: &str| url.starts_with("https://");
        if safe(&target) || (!safe(from) && is_allowed(&target, self.insecure)) {
            return Ok(target);
        }
        let from = if safe(from) { "`https`" } else { "this machine" };
        let to = target.split(['?', '#']).next().unwrap_or_default();
        Err(DataError::Redirect { name: self.name.to_owned(), from, to: format!("`{to}`") })
    }

    pub(super) fn failed(&self, error: &ureq::Error) -> DataError {
        let name = self.name.to_owned();
        let through = self.line.proxy.map(|variable| format!(" through the proxy of `{variable}`")).unwrap_or_default();
        match plain::explain(error) {
            (why, true) => DataError::Insecure { name, through, why },
            (why, false) => DataError::Unreachable { name, through, why },
        }
    }
}

/// Whether bytes may be fetched from there: in the clear only from this machine, or when that is asked for.
pub(crate) fn is_allowed(url: &str, insecure: bool) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && (insecure || plain::is_of_this_machine(url)))
}

/// An address that is relative to another.
fn join(base: &str, to: &str) -> String {
    if to.contains("://") {
        return to.to_owned();
    }
    let Ok(uri) = base.parse::<Uri>() else { return to.to_owned() };
    let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |all| all.as_str()));
    if let Some(rest) = to.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let folder = if to.starts_with('/') { "" } else { uri.path().rsplit_once('/').map_or("/", |(folder, _)| folder) };
    let slash = if to.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{authority}{folder}{slash}{to}")
}

/// Does a work that `received` counts the bytes of. When nothing comes any more, or the run is to stop, its connections end.
pub(super) fn watched<T>(agent: &Agent, stop: &Stop, received: &AtomicU64, work: impl FnOnce() -> T) -> T {
    struct Done(Stop);
    impl Drop for Done {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    thread::scope(|scope| {
        let done = Done(Stop::new());
        let ended = done.0.clone();
        scope.spawn(move || {
            let mut last = (received.load(Ordering::Relaxed), Instant::now());
            while !ended.wait(LOOK) {
                let now = received.load(Ordering::Relaxed);
                if now != last.0 {
                    last = (now, Instant::now());
                }
                if stop.is_stopped() || last.1.elapsed() > SILENCE {
                    return agent.clone().shutdown();
                }
            }
        });
        work()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_may_be_relative() {
        for (to, joined) in [
            ("https://b.example/c", "https://b.example/c"),
            ("//b.example/c", "https://b.example/c"),
            ("/c?d=1", "https://a.example:8443/c?d=1"),
            ("c", "https://a.example:8443/x/c"),
        ] {
            assert_eq!(join("https://a.example:8443/x/y?z=1", to), joined, "{to}");
        }
    }

    #[test]
    fn bytes_travel_in_the_clear_only_on_this_machine_or_when_asked() {
        assert!(is_allowed("https://a.example/b", false));
        assert!(is_allowed("http://127.0.0.1:80/b", false));
        assert!(!is_allowed("http://a.example/b", false));
        assert!(is_allowed("http://a.example/b", true));
        assert!(!is_allowed("ftp://a.example/b", true));
    }
}
