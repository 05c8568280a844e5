//! Building a request and sending it.

use serde::Serialize;

use crate::services::{self, Error};
use crate::{Failure, Host, Pending, Repeat, Response};

/// A request to a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    service: String,
    inner: services::Request,
}

impl Request {
    /// A request of any method; `path` is absolute and percent-encoded (see [`segment`]).
    pub fn new(method: &str, service: &str, path: impl Into<String>) -> Self {
        Self {
            service: service.to_owned(),
            inner: services::Request {
                method: method.to_owned(),
                path: path.into(),
                query: Vec::new(),
                headers: vec![("Accept".into(), "application/json".into())],
                body: None,
                repeat: Repeat::ByMethod,
            },
        }
    }

    /// A GET.
    pub fn get(service: &str, path: impl Into<String>) -> Self {
        Self::new("GET", service, path)
    }

    /// A POST.
    pub fn post(service: &str, path: impl Into<String>) -> Self {
        Self::new("POST", service, path)
    }

    /// A PUT.
    pub fn put(service: &str, path: impl Into<String>) -> Self {
        Self::new("PUT", service, path)
    }

    /// A PATCH.
    pub fn patch(service: &str, path: impl Into<String>) -> Self {
        Self::new("PATCH", service, path)
    }

    /// A DELETE.
    pub fn delete(service: &str, path: impl Into<String>) -> Self {
        Self::new("DELETE", service, path)
    }

    /// Adds a query parameter, not yet encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.inner.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.inner.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a body.
    #[must_use]
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.inner.body = Some(bytes.into());
        self.header("Content-Type", content_type)
    }

    /// Sets a JSON body.
    ///
    /// # Panics
    /// When `body` has no JSON form (a map whose keys are no strings), which is a mistake in the step.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("the types of a step have a JSON form");
        self.body("application/json", bytes)
    }

    /// Says how often it may be sent.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.inner.repeat = repeat;
        self
    }

    /// The same request for a following page: `next` is a link as the service gave it, relative or absolute. What
    /// the link leaves out of the query (WML's leave out `version`) is kept.
    #[must_use]
    pub fn following(mut self, next: &str) -> Self {
        let (path, query) = next.split_once('?').unwrap_or((next, ""));
        let mut parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (name, value) in self.inner.query {
            if parameters.iter().all(|(present, _)| *present != name) {
                parameters.push((name, value));
            }
        }
        path.clone_into(&mut self.inner.path);
        self.inner.query = parameters;
        self
    }

    /// Method and path, as messages name a request.
    pub fn title(&self) -> String {
        title(&self.inner.method, &self.inner.path)
    }

    /// Tells requests apart by their path, query and body.
    pub(crate) fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.inner.path.as_bytes());
        for (name, value) in &self.inner.query {
            hasher.update(name.as_bytes());
            hasher.update(value.as_bytes());
        }
        hasher.update(self.inner.body.as_deref().unwrap_or_default());
        hasher.finalize()
    }

    /// Sends it and waits for the answer, whatever its status.
    pub fn send(&self, host: &dyn Host) -> Result<Response, Failure> {
        self.attempt(host).map_err(|error| Failure::from_error(&self.title(), error))
    }

    /// As [`Self::send`], for who acts on the kind of error.
    pub fn attempt(&self, host: &dyn Host) -> Result<Response, Error> {
        host.send(&self.service, &self.inner).map(|answer| Response::new(self.title(), answer))
    }

    /// Sends it without waiting.
    pub fn start(&self, host: &dyn Host) -> Result<InFlight, Failure> {
        let title = self.title();
        match host.start(&self.service, &self.inner) {
            Ok(pending) => Ok(InFlight { title, pending }),
            Err(error) => Err(Failure::from_error(&title, error)),
        }
    }
}

/// A request whose answer is awaited later.
pub struct InFlight {
    title: String,
    pending: Box<dyn Pending>,
}

impl InFlight {
    /// Waits for the answer, whatever its status.
    pub fn wait(self) -> Result<Response, Failure> {
        match self.pending.wait() {
            Ok(answer) => Ok(Response::new(self.title, answer)),
            Err(error) => Err(Failure::from_error(&self.title, error)),
        }
    }
}

/// Method and path, as messages name a request.
pub(crate) fn title(method: &str, path: &str) -> String {
    format!("`{method} {path}`")
}

/// An id as one segment of a path: everything that could end the segment is percent-encoded.
pub fn segment(id: &str) -> String {
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let hex = |digit: u8| char::from_digit(digit.into(), 16).unwrap_or_default().to_ascii_uppercase();
            encoded.extend(['%', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(segment("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(segment("../x?y#z%ä"), "..%2Fx%3Fy%23z%25%C3%A4");
    }

    #[test]
    fn a_following_page_keeps_what_its_link_leaves_out() {
        let first = Request::get("wml", "/ml/v4/models").query("version", "2021-06-24").query("limit", "200");
        let next = first.following("/ml/v4/models?start=a%2Bb&limit=100");
        assert_eq!(next.inner.path, "/ml/v4/models");
        let query: Vec<_> = next.inner.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, [("start", "a+b"), ("limit", "100"), ("version", "2021-06-24")]);
    }
}
