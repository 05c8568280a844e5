//! `Call`: a request as a handler sees it, with the strict reading of its query and body.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::{Problem, Refusal};

/// A request as a handler sees it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A part of the path by its name in the route.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn id(&self) -> &str {
        self.param("id")
    }

    /// The first value of a query parameter: some clients send one twice (wml.md 14).
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.query(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Refusal::argument(format!("query parameter `{name}` is missing"))),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(Refusal::argument(format!("query parameter `{name}` is `{other}`, not `true` or `false`")))
            }
        }
    }

    pub(crate) fn number(&self, name: &str, default: usize, range: RangeInclusive<usize>) -> Result<usize, Refusal> {
        let Some(text) = self.query(name) else { return Ok(default) };
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            Refusal::argument(format!(
                "query parameter `{name}` is `{text}`, not a number of {} to {}",
                range.start(),
                range.end()
            ))
        })
    }

    /// Whether a filter of the query, a value or a comma-separated list of them, lets a value pass.
    pub(crate) fn lets(&self, filter: &str, value: &str) -> bool {
        self.query(filter).is_none_or(|wanted| wanted.split(',').any(|one| one == value))
    }

    /// Refuses query parameters that the route does not have: a filter with a typo would silently select everything.
    pub(crate) fn allow(&self, names: &[&str]) -> Result<(), Refusal> {
        match self.query.iter().find(|(key, _)| !names.contains(&key.as_str())) {
            Some((key, _)) => Err(Refusal::argument(format!("unknown query parameter `{key}`"))),
            None => Ok(()),
        }
    }

    pub(crate) fn media_type(&self) -> &str {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    pub(crate) fn expect_media_type(&self, wanted: &str) -> Result<(), Refusal> {
        if self.media_type().eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(Refusal::new(Problem::MediaType, format!("content type `{}` is not `{wanted}`", self.media_type())))
    }

    /// The body as a value of a type that knows all its fields.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.expect_media_type("application/json")?;
        self.body_as()
    }

    /// The body as an RFC 6902 patch, which comes in either of two content types.
    pub(crate) fn patch(&self, media_type: &str) -> Result<json_patch::Patch, Refusal> {
        self.expect_media_type(media_type)?;
        self.body_as()
    }

    fn body_as<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let value: Value = serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::entity(format!("the body is not JSON: {error}")))?;
        serde_json::from_value(value).map_err(|error| Refusal::schema(error.to_string()))
    }
}

/// A value with a patch applied, read as strictly as a new one.
pub(crate) fn patched<T: DeserializeOwned>(mut value: Value, patch: &json_patch::Patch) -> Result<T, Refusal> {
    json_patch::patch(&mut value, patch).map_err(|error| Refusal::entity(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| Refusal::schema(error.to_string()))
}
