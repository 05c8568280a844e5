//! `Recorded` and `RequestLog`: every request that the stub received, secrets masked.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A larger body is recorded by its size alone, so that scoring millions of rows does not fill the memory.
const LARGEST_BODY: usize = 64 << 10;
const MASK: &str = "***";
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "iam-token", "proxy-authorization"];
const SECRET_MEMBERS: [&str; 9] = [
    "access_key_id",
    "access_token",
    "accesstoken",
    "api_key",
    "apikey",
    "password",
    "secret",
    "secret_access_key",
    "token",
];

/// A request that the stub received, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// When it came, ISO 8601 in UTC.
    pub at: String,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query's parameters in their order, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case, secrets masked.
    pub headers: Vec<(String, String)>,
    /// The body: JSON and forms as they are with secrets masked, other text as text, anything else and anything
    /// over 64 KiB as `{"bytes": n}`; null if there is none.
    pub body: Value,
    /// The answer's status; none if there was none, as the connection was dropped or the answer never came.
    pub status: Option<u16>,
    /// The faults that struck it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// All requests so far, and the file that they are written to.
#[derive(Debug)]
pub(crate) struct RequestLog {
    requests: Mutex<Vec<Recorded>>,
    file: Option<Mutex<File>>,
}

impl RequestLog {
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            Some(path) => Some(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)),
            None => None,
        };
        Ok(Self { requests: Mutex::default(), file })
    }

    pub(crate) fn add(&self, recorded: Recorded) {
        if let Some(file) = &self.file {
            let line = format!("{}\n", json!(recorded));
            // A full disk must not change what the stub answers.
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) fn masked_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mask = |name: &str, value: &str| match value.split_once(' ') {
        _ if !SECRET_HEADERS.contains(&name) => value.to_owned(),
        Some((scheme, _)) => format!("{scheme} {MASK}"),
        None => MASK.to_owned(),
    };
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), mask(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))))
        .collect()
}

pub(crate) fn masked_body(headers: &HeaderMap, body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if body.len() > LARGEST_BODY {
        return json!({"bytes": body.len()});
    }
    if media_type.starts_with("application/x-www-form-urlencoded") {
        let members = form_urlencoded::parse(body).map(|(key, value)| (key.into_owned(), json!(value)));
        return masked(Value::Object(members.collect()));
    }
    if let Ok(value) = serde_json::from_slice(body) {
        return masked(value);
    }
    match std::str::from_utf8(body) {
        Ok(text) if media_type.starts_with("text/") => json!(text),
        _ => json!({"bytes": body.len()}),
    }
}

fn masked(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::Object(members) => Value::Object(members.into_iter().map(masked_member).collect::<Map<_, _>>()),
        other => other,
    }
}

fn masked_member((key, value): (String, Value)) -> (String, Value) {
    let secret = SECRET_MEMBERS.contains(&key.to_ascii_lowercase().as_str()) && !value.is_null();
    let value = if secret { json!(MASK) } else { masked(value) };
    (key, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn secrets_of_headers_json_and_forms_are_masked() {
        assert_eq!(
            masked_headers(&headers("authorization", "Bearer abc")),
            [("authorization".into(), "Bearer ***".into())]
        );
        let body = br#"{"username":"u","password":"p","api_key":null,"list":[{"apikey":"k"}]}"#;
        assert_eq!(
            masked_body(&headers("content-type", "application/json"), body),
            json!({"username": "u", "password": "***", "api_key": null, "list": [{"apikey": "***"}]})
        );
        assert_eq!(
            masked_body(&headers("content-type", "application/x-www-form-urlencoded"), b"username=u&password=p"),
            json!({"username": "u", "password": "***"})
        );
    }

    #[test]
    fn what_is_binary_or_large_is_recorded_by_its_size() {
        assert_eq!(masked_body(&headers("content-type", "application/octet-stream"), &[0xff; 3]), json!({"bytes": 3}));
        assert_eq!(masked_body(&headers("content-type", "text/csv"), &vec![b'a'; 70_000]), json!({"bytes": 70_000}));
        assert_eq!(masked_body(&headers("content-type", "text/csv"), b"a,b"), json!("a,b"));
    }
}
