//! A service's answer, and what a wrong one means.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::words_of_bytes;
use crate::json::{self, Misread};
use crate::{Failure, services};

/// An answer, with the request that it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    title: String,
    inner: services::Response,
}

impl Response {
    /// `title` names the request: `` `GET /v2/spaces` ``.
    pub fn new(title: String, inner: services::Response) -> Self {
        Self { title, inner }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.inner.status
    }

    /// The bytes of the body.
    pub fn body(&self) -> &[u8] {
        &self.inner.body
    }

    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// When it was sent, by the service's own clock.
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header("date")?).ok()
    }

    /// Method and path of the request.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Any other status than these is a failure.
    pub fn expect(self, statuses: &[u16]) -> Result<Self, Failure> {
        if statuses.contains(&self.inner.status) { Ok(self) } else { Err(self.failure()) }
    }

    /// Any status but 2xx is a failure.
    pub fn success(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.inner.status) { Ok(self) } else { Err(self.failure()) }
    }

    /// This answer as a failure, in the service's own words.
    pub fn failure(&self) -> Failure {
        let status = self.inner.status;
        let words = words_of_bytes(&self.inner.body);
        let colon = if words.is_empty() { "" } else { ": " };
        let message = format!("{} answered {status}{colon}{words}", self.title);
        match status {
            408 | 425 | 429 | 500..=599 => Failure::unavailable(message),
            400..=499 => Failure::refused(message),
            _ => Failure::internal(message),
        }
    }

    /// The body as a JSON value of any shape.
    pub fn value(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.inner.body)
            .map_err(|error| Failure::internal(format!("{} answered what is no JSON: {error}", self.title)))
    }

    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::read(&self.inner.body).map_err(|Misread { place, reason }| {
            let place = place.map(|place| format!(" at `{place}`")).unwrap_or_default();
            Failure::internal(format!("{} answered what cannot be read{place}: {reason}", self.title))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::FailureCategory;

    fn answer(status: u16, body: &str) -> Response {
        let headers = vec![("location".into(), "/x/1".into())];
        Response::new("`GET /x`".into(), services::Response { status, headers, body: body.into() })
    }

    #[test]
    fn the_status_picks_the_category() {
        for (status, category) in [
            (400, FailureCategory::Refused),
            (401, FailureCategory::Refused),
            (404, FailureCategory::Refused),
            (408, FailureCategory::Unavailable),
            (409, FailureCategory::Refused),
            (413, FailureCategory::Refused),
            (429, FailureCategory::Unavailable),
            (503, FailureCategory::Unavailable),
            (204, FailureCategory::Internal),
        ] {
            let failure = answer(status, "").expect(&[200]).unwrap_err();
            assert_eq!((failure.category, failure.message), (category, format!("`GET /x` answered {status}")));
        }
    }

    #[test]
    fn the_service_is_quoted() {
        let failure = answer(409, r#"{"errors":[{"message":"it exists"}]}"#).success().unwrap_err();
        assert_eq!(failure.message, "`GET /x` answered 409: it exists");
    }

    #[test]
    fn the_service_tells_the_time() {
        let dated = |date: &str| {
            let headers = vec![("date".into(), date.into())];
            Response::new(String::new(), services::Response { status: 200, headers, body: Vec::new() }).date()
        };
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_722_949_052);
        assert_eq!(dated("Tue, 06 Aug 2024 12:57:32 GMT"), Some(time));
        assert_eq!((dated("now"), answer(200, "").date()), (None, None));
    }

    #[test]
    fn a_broken_answer_is_named_with_its_place() {
        #[derive(Debug, Deserialize)]
        struct Answer {
            #[expect(dead_code, reason = "only read")]
            metadata: Vec<u8>,
        }
        let failure = answer(200, r#"{"metadata":[1,"x"]}"#).json::<Answer>().unwrap_err();
        assert_eq!(failure.category, FailureCategory::Internal);
        assert!(failure.message.starts_with("`GET /x` answered what cannot be read at `metadata[1]`: invalid type"));
        assert!(answer(200, r#"{"metadata":["#).json::<Answer>().is_err());
        assert_eq!(answer(200, "").header("location"), Some("/x/1"));
    }
}
