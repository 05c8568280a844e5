//! Which headers a step may set: none that the host sets, that frames the message or that would change its
//! method or path behind the grants' back.

use super::CallError;

/// Longest value, so that a request's head stays below what servers accept.
const MAX_VALUE: usize = 8 * 1024;

/// Most headers of one request.
const MAX_HEADERS: usize = 64;

const REFUSED: [&str; 23] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "iam-token",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-global-transaction-id",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-uri",
];

const REFUSED_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Checks headers and answers them with their names in lower case.
pub(super) fn check(headers: Vec<(String, String)>) -> Result<Vec<(String, String)>, CallError> {
    if headers.len() > MAX_HEADERS {
        return Err(CallError::Invalid(format!("more than {MAX_HEADERS} headers")));
    }
    headers.into_iter().map(|(name, value)| Ok((check_name(&name)?, check_value(&name, value)?))).collect()
}

fn check_name(name: &str) -> Result<String, CallError> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(CallError::Invalid(format!("`{}` is not a header name", name.escape_debug())));
    }
    let lower = name.to_ascii_lowercase();
    // Some servers read `_` as `-`, so both spellings are the same name here.
    let plain = lower.replace('_', "-");
    if REFUSED.contains(&plain.as_str()) || REFUSED_PREFIXES.iter().any(|prefix| plain.starts_with(prefix)) {
        return Err(CallError::Invalid(format!("the header `{lower}` is not the step's to set")));
    }
    Ok(lower)
}

fn check_value(name: &str, value: String) -> Result<String, CallError> {
    if value.len() > MAX_VALUE {
        return Err(CallError::Invalid(format!("the header `{name}` is longer than {MAX_VALUE} bytes")));
    }
    if value.bytes().all(|byte| byte == b'\t' || matches!(byte, 0x20..=0x7e)) {
        Ok(value)
    } else {
        Err(CallError::Invalid(format!("the header `{name}` has a character that no header may have")))
    }
}

/// `tchar` of RFC 9110.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_one(name: &str, value: &str) -> Result<(String, String), String> {
        check(vec![(name.to_owned(), value.to_owned())])
            .map(|mut headers| headers.remove(0))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_plain_header_passes_in_lower_case() {
        assert_eq!(
            check_one("Content-Type", "application/json; charset=utf-8"),
            Ok(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()))
        );
    }

    #[test]
    fn a_header_of_the_host_is_refused_in_every_spelling() {
        for name in ["Authorization", "COOKIE", "host", "Proxy-Authorization", "X_HTTP_Method_Override", "user-agent"] {
            assert_eq!(
                check_one(name, "x"),
                Err(format!("the header `{}` is not the step's to set", name.to_ascii_lowercase()))
            );
        }
    }

    #[test]
    fn a_line_break_in_a_value_is_refused() {
        for value in ["a\r\nAuthorization: Bearer x", "a\nb", "a\rb", "a\0b", "ä"] {
            assert_eq!(
                check_one("accept", value),
                Err("the header `accept` has a character that no header may have".to_owned())
            );
        }
    }

    #[test]
    fn a_line_break_in_a_name_is_refused() {
        assert_eq!(check_one("a\r\nhost", "b"), Err(r"`a\r\nhost` is not a header name".to_owned()));
        assert_eq!(check_one("", "b"), Err("`` is not a header name".to_owned()));
    }

    #[test]
    fn a_flood_of_headers_is_refused() {
        let many = vec![("a".to_owned(), String::new()); MAX_HEADERS + 1];
        assert_eq!(check(many), Err(CallError::Invalid("more than 64 headers".to_owned())));
        assert_eq!(
            check_one("a", &"x".repeat(MAX_VALUE + 1)),
            Err("the header `a` is longer than 8192 bytes".to_owned())
        );
    }

    proptest! {
        #[test]
        fn what_passes_can_neither_end_a_line_nor_be_a_second_header(name in ".*", value in ".*") {
            if let Ok((name, value)) = check_one(&name, &value) {
                prop_assert!(name.bytes().all(is_token) && !name.is_empty());
                prop_assert!(value.bytes().all(|byte| byte >= 0x20 || byte == b'\t'));
            }
        }
    }
}
