//! A request that a step sent to the fake host.

use serde_json::Value;

/// A request as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The service's name.
    pub service: String,
    /// Method and path: `GET /v2/spaces`.
    pub route: String,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
}

impl Sent {
    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the body of `{}` is not JSON: {error}", self.route),
        }
    }
}
