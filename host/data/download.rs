//! Brings what is behind an address into the cache: once for all runs, in as many pieces as it takes.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::Body;
use ureq::http::{HeaderMap, Response};

use super::cache::Cache;
use super::exchange::{Exchange, watched};
use super::fetch::DataSet;
use super::part::{Part, Version, read, write};
use super::{DataError, Location, Refusal, digest_of, digest_once};
use crate::deadline::Stop;
use crate::services::plain::{self, Line};

/// Attempts of which none brings much.
const MAX_ATTEMPTS: u32 = 5;

/// An attempt that brings as much is worth another one.
const MUCH: u64 = 1 << 20;

/// The longest wait that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What an answer may say about why it is none.
const MAX_REASON: u64 = 8 << 10;

/// What an address had when it was last asked.
#[derive(Serialize, Deserialize)]
struct Known {
    version: Version,
    sha256: String,
}

/// What is fetched, and where to.
pub(super) struct Download<'a> {
    pub(super) set: &'a DataSet,
    pub(super) cache: &'a Cache,
    pub(super) stop: &'a Stop,
    pub(super) say: &'a dyn Fn(&str),
}

/// What came of an attempt.
enum Came {
    /// All of it.
    Whole,
    /// What is in the cache is still what the server has.
    Unchanged,
    /// Less, for this reason; after this time it may be had.
    Less(DataError, Option<Duration>),
}

impl Download<'_> {
    /// The file in the cache.
    pub(super) fn fetch(&self) -> Result<PathBuf, DataError> {
        let wanted = self.set.sha256.as_deref();
        let name = self.set.source.name();
        let key = wanted.map_or_else(|| digest_of(self.set.source.identity().as_bytes()), str::to_owned);
        let _lock = self.cache.lock(&key, &name, self.stop, self.say)?;
        let note = self.cache.path(&format!("{key}.json"));
        let known = if let Some(wanted) = wanted {
            if let Some(path) = self.sound(wanted)? {
                return Ok(path);
            }
            None
        } else {
            let known: Option<Known> = read(&note);
            known.map(|known| Ok(self.sound(&known.sha256)?.map(|path| (known, path)))).transpose()?.flatten()
        };
        let mut part = Part::open(self.cache, &key)?;
        if wanted == Some(part.sha256().as_str()) {
            return part.finish(self.cache);
        }
        let unchanged = self.transfer(&mut part, known.as_ref().map(|(known, _)| &known.version))?;
        if let Some((_, path)) = known.filter(|_| unchanged) {
            part.discard();
            return Ok(path);
        }
        let found = part.sha256();
        if let Some(wanted) = wanted
            && found != wanted
        {
            let is_pieced = part.is_pieced;
            part.discard();
            if is_pieced {
                let mut part = Part::open(self.cache, &key)?;
                self.transfer(&mut part, None)?;
                if part.sha256() == wanted {
                    return part.finish(self.cache);
                }
                part.discard();
            }
            return Err(DataError::Digest { name, found, wanted: wanted.to_owned() });
        }
        let (version, bytes) = (part.version.clone(), part.bytes);
        let path = part.finish(self.cache)?;
        if wanted.is_none() {
            write(&note, &Known { version, sha256: found })?;
        }
        (self.say)(&format!("fetched `{name}`, {bytes} bytes"));
        Ok(path)
    }

    /// What the cache has under a digest, if it really has that digest: a disk can lie.
    fn sound(&self, sha256: &str) -> Result<Option<PathBuf>, DataError> {
        let Some(path) = self.cache.find(sha256) else { return Ok(None) };
        let (found, bytes) = digest_once(&path)?;
        if found != sha256 {
            return Ok(None);
        }
        if bytes > self.set.max_fetched() {
            return Err(DataError::TooLarge { name: self.set.source.name(), max: self.set.max_fetched() });
        }
        Ok(Some(path))
    }

    /// As many attempts as are worth it. Answers whether what is known is unchanged.
    fn transfer(&self, part: &mut Part, known: Option<&Version>) -> Result<bool, DataError> {
        let mut attempt = 1;
        loop {
            let before = part.bytes;
            let (error, retry_after) = match self.attempt(part, known)? {
                Came::Whole => return Ok(false),
                Came::Unchanged => return Ok(true),
                Came::Less(error, retry_after) => (error, retry_after),
            };
            if self.stop.is_stopped() {
                return Err(DataError::Interrupted { name: self.set.source.name() });
            }
            if part.bytes.saturating_sub(before) >= MUCH {
                attempt = 0;
            }
            if attempt >= MAX_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            let pause = plain::pause(attempt, retry_after).min(LONGEST_PAUSE);
            (self.say)(&format!("{error}; again in {} ms", pause.as_millis()));
            if self.stop.wait(pause) {
                return Err(DataError::Interrupted { name: self.set.source.name() });
            }
        }
    }

    fn attempt(&self, part: &mut Part, known: Option<&Version>) -> Result<Came, DataError> {
        let Location::Address(url) = self.set.source.location() else {
            return Ok(Came::Whole); // a file is not fetched
        };
        let line = plain::line(&url, &self.set.trust()).map_err(|why| DataError::Trust { why })?;
        let received = AtomicU64::new(0);
        watched(&line.agent, self.stop, &received, || self.exchange(&line, &url, part, known, &received))
    }

    fn exchange(
        &self,
        line: &Line,
        url: &str,
        part: &mut Part,
        known: Option<&Version>,
        received: &AtomicU64,
    ) -> Result<Came, DataError> {
        let name = self.set.source.name();
        let exchange = Exchange { name: &name, line, insecure: self.set.insecure };
        let headers = self.headers(part, known)?;
        let answer = match exchange.get(url, &headers) {
            Ok(answer) => answer,
            Err(error @ DataError::Unreachable { .. }) => return Ok(Came::Less(error, None)),
            Err(error) => return Err(error),
        };
        let status = answer.status().as_u16();
        match status {
            304 if known.is_some() => return Ok(Came::Unchanged),
            206 if starts_at(answer.headers(), part.bytes) => part.is_pieced = true,
            200 => part.restart(version(answer.headers()))?,
            // What there is does not belong to what the server has.
            206 | 416 if part.bytes > 0 => {
                let (got, why) = (part.bytes, "the server cannot go on from there".to_owned());
                part.restart(Version::default())?;
                return Ok(Came::Less(DataError::Broken { name, got, why }, None));
            }
            408 | 425 | 429 | 500..=599 => {
                return Ok(Came::Less(DataError::Away { name, status }, plain::retry_after(answer.headers())));
            }
            _ => return Err(self.refused(answer)),
        }
        self.read(&exchange, answer, part, received)
    }

    /// Which bytes are asked for: those that are missing, if the server can tell that they are of the same version; or
    /// all, unless what is known is still good.
    fn headers(&self, part: &mut Part, known: Option<&Version>) -> Result<Vec<(&'static str, String)>, DataError> {
        let mut headers = Vec::new();
        let same = part.version.strong().map(str::to_owned);
        if part.bytes > 0 && same.is_none() && self.set.sha256.is_none() {
            part.restart(Version::default())?;
        }
        if part.bytes > 0 {
            headers.push(("range", format!("bytes={}-", part.bytes)));
            headers.extend(same.map(|same| ("if-range", same)));
        } else if let Some(known) = known {
            headers.extend(known.etag.clone().map(|etag| ("if-none-match", etag)));
            headers.extend(known.modified.clone().map(|modified| ("if-modified-since", modified)));
        }
        Ok(headers)
    }

    fn read(
        &self,
        exchange: &Exchange<'_>,
        answer: Response<Body>,
        part: &mut Part,
        received: &AtomicU64,
    ) -> Result<Came, DataError> {
        let (name, max) = (exchange.name, self.set.max_fetched());
        let too_large = || DataError::TooLarge { name: name.to_owned(), max };
        // Of what the library unpacks on the way the length is not known.
        let is_coded = answer.headers().contains_key("content-encoding");
        let length = text(answer.headers(), "content-length").filter(|_| !is_coded);
        let whole =
            length.and_then(|length| length.parse::<u64>().ok()).map(|length| part.bytes.saturating_add(length));
        if whole.is_some_and(|whole| whole > max) {
            return Err(too_large());
        }
        let mut body = answer.into_body().into_with_config().limit(u64::MAX).reader();
        let mut chunk = vec![0; 1 << 16];
        loop {
            let broken = match body.read(&mut chunk) {
                Ok(0) if whole.is_none_or(|whole| whole == part.bytes) => return Ok(Came::Whole),
                Ok(0) => "the server closed the connection".to_owned(),
                Ok(count) if part.bytes + count as u64 > max => {
                    part.restart(Version::default())?;
                    return Err(too_large());
                }
                Ok(count) => {
                    part.write(&chunk[..count])?;
                    received.fetch_add(count as u64, Ordering::Relaxed);
                    continue;
                }
                Err(error) => plain::explain(&ureq::Error::from(error)).0,
            };
            part.settle()?;
            return Ok(Came::Less(DataError::Broken { name: name.to_owned(), got: part.bytes, why: broken }, None));
        }
    }

    fn refused(&self, answer: Response<Body>) -> DataError {
        let (status, name) = (answer.status().as_u16(), self.set.source.name());
        let mut body = Vec::new();
        // What cannot be read says nothing.
        let _ = answer.into_body().into_reader().take(MAX_REASON).read_to_end(&mut body);
        let known = self.set.source.refusal(status, &String::from_utf8_lossy(&body));
        let Refusal { why, hint } = known.unwrap_or_else(|| Refusal {
            why: match status {
                404 | 410 => format!("`{name}` is not there: the server answers {status}"),
                401 | 403 => format!("the server does not give `{name}` to us: it answers {status}"),
                _ => format!("the server answers {status} to the request for `{name}`"),
            },
            hint: None,
        });
        DataError::Refused { why, hint }
    }
}

fn version(headers: &HeaderMap) -> Version {
    Version { etag: text(headers, "etag"), modified: text(headers, "last-modified") }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Whether a piece begins where the last one ended.
fn starts_at(headers: &HeaderMap, byte: u64) -> bool {
    let range = text(headers, "content-range");
    range.is_some_and(|range| {
        range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse().ok()) == Some(byte)
    })
}
