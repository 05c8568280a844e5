//! A request of a step, checked, and the answer to it.

use super::{CallError, Method, RequestPath, encode_segment, header};

/// Longest query, encoded; together with the path it stays below what servers accept.
const MAX_QUERY: usize = 8 * 1024;

/// How often a request may be sent, as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// As its method allows.
    ByMethod,
    /// As GET: acting twice does no harm.
    Safe,
    /// Once, whatever comes back.
    Never,
}

/// A request that is well formed. Whether it may be sent is the grants' matter.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: RequestPath,
    query: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    repeat: Repeat,
}

impl Request {
    /// Checks the parts of a request; `query` is not yet encoded.
    pub fn new(
        method: &str,
        path: &str,
        query: &[(String, String)],
        headers: Vec<(String, String)>,
        body: Option<Vec<u8>>,
        repeat: Repeat,
    ) -> Result<Self, CallError> {
        let method = Method::parse(method).ok_or_else(|| {
            CallError::Invalid(format!("`{}` is not a method that a step may use", method.escape_debug()))
        })?;
        let path = RequestPath::parse(path).map_err(|error| CallError::Invalid(error.to_string()))?;
        let query = encode_query(query);
        if query.len() > MAX_QUERY {
            return Err(CallError::Invalid(format!("the query is longer than {MAX_QUERY} bytes")));
        }
        let headers = header::check(headers)?;
        if body.is_some() && matches!(method, Method::Get | Method::Head) {
            return Err(CallError::Invalid(format!("a {method} has no body")));
        }
        Ok(Self { method, path, query, headers, body, repeat })
    }

    /// A GET without headers, with a query that is already encoded, as a service gives it in a link to a next page.
    pub fn get(path: RequestPath, encoded_query: &str) -> Result<Self, CallError> {
        let query = check_query(encoded_query)?;
        Ok(Self { method: Method::Get, path, query, headers: Vec::new(), body: None, repeat: Repeat::ByMethod })
    }

    /// The same request to another place, with a query that is already encoded.
    pub(super) fn moved(&self, path: RequestPath, encoded_query: &str) -> Result<Self, CallError> {
        Ok(Self { path, query: check_query(encoded_query)?, ..self.clone() })
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The normalized path.
    pub fn path(&self) -> &RequestPath {
        &self.path
    }

    /// The encoded query, without `?`; empty when there is none.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The headers, names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// How often it may be sent.
    pub fn repeat(&self) -> Repeat {
        self.repeat
    }
}

/// Any answer of a service, 4xx and 5xx included. Redirects are answers too: whoever follows one checks the grants again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case; without `set-cookie`, whose values may be credentials.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn check_query(encoded: &str) -> Result<String, CallError> {
    let fits = encoded.len() <= MAX_QUERY
        && encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
    if fits {
        Ok(encoded.to_owned())
    } else {
        Err(CallError::Invalid("the query is not percent-encoded, or too long".to_owned()))
    }
}

fn encode_query(query: &[(String, String)]) -> String {
    let pairs: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", encode_segment(name), encode_segment(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, query: &[(&str, &str)], body: Option<&str>) -> Result<Request, CallError> {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::new(method, path, &query, Vec::new(), body.map(|text| text.as_bytes().to_vec()), Repeat::ByMethod)
    }

    fn refusal(method: &str, path: &str, query: &[(&str, &str)], body: Option<&str>) -> String {
        request(method, path, query, body).unwrap_err().to_string()
    }

    #[test]
    fn a_query_is_encoded_so_that_no_value_ends_early() {
        let request = request("GET", "/a", &[("a b", "c&d=e"), ("version", "2021-06-24"), ("ä", "")], None).unwrap();
        assert_eq!(request.query(), "a%20b=c%26d%3De&version=2021-06-24&%C3%A4=");
    }

    #[test]
    fn an_unknown_method_is_refused() {
        assert_eq!(refusal("get", "/a", &[], None), "`get` is not a method that a step may use");
        assert_eq!(refusal("CONNECT", "/a", &[], None), "`CONNECT` is not a method that a step may use");
        assert_eq!(refusal("GET /b\r\n", "/a", &[], None), r"`GET /b\r\n` is not a method that a step may use");
    }

    #[test]
    fn a_get_with_a_body_is_refused() {
        assert_eq!(refusal("GET", "/a", &[], Some("x")), "a GET has no body");
    }

    #[test]
    fn an_endless_query_is_refused() {
        assert_eq!(refusal("GET", "/a", &[("q", &"x".repeat(9000))], None), "the query is longer than 8192 bytes");
    }

    #[test]
    fn a_next_page_keeps_its_query_as_it_is() {
        let path = RequestPath::parse("/a").unwrap();
        assert_eq!(Request::get(path.clone(), "start=a%3D%3D&limit=2").unwrap().query(), "start=a%3D%3D&limit=2");
        for query in ["a b", "a#b", "a\r\nb", "ä"] {
            assert!(Request::get(path.clone(), query).is_err(), "{query:?}");
        }
    }
}
