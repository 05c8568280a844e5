//! A request's path in the one form that grants are matched against and that is sent.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest path; servers refuse longer ones too.
const MAX_LENGTH: usize = 4096;

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An absolute path without query, normalized: no byte of it can mean something else to a service than to us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPath(String);

/// Why a text is no request path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PathError {
    #[error("the path does not start with `/`")]
    Relative,
    #[error("the path is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the path has a `%` at byte {0} that two hex digits do not follow")]
    Escape(usize),
    #[error("the path has {what} at byte {at}")]
    Forbidden { what: &'static str, at: usize },
}

impl RequestPath {
    /// Reads and normalizes a path: escapes that need not be are resolved, the others get upper-case digits.
    ///
    /// Refused is all that servers and proxies are known to read differently: dot segments, empty segments, encoded
    /// slashes, backslashes, percent signs and control characters, matrix parameters (`;`), and raw characters that
    /// must be escaped.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::Relative);
        }
        if text.len() > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        let bytes = text.as_bytes();
        let mut normal = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte == b'%' {
                let value = escaped(bytes, at)?;
                check_escaped(value, at)?;
                if is_unreserved(value) {
                    normal.push(char::from(value));
                } else {
                    normal.extend(['%', upper_digit(value >> 4), upper_digit(value & 0xf)]);
                }
                at += 3;
            } else {
                check_raw(byte, at)?;
                normal.push(char::from(byte));
                at += 1;
            }
        }
        check_segments(&normal)?;
        Ok(Self(normal))
    }

    /// The normalized text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands between the slashes; of `/` one empty segment.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0[1..].split('/')
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Encodes a text, for example an id from an answer, so that it is one path segment or query value.
pub fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn escaped(bytes: &[u8], at: usize) -> Result<u8, PathError> {
    let digit = |offset: usize| bytes.get(at + offset).and_then(|&byte| char::from(byte).to_digit(16));
    match (digit(1), digit(2)) {
        (Some(high), Some(low)) => u8::try_from(high * 16 + low).map_err(|_| PathError::Escape(at)),
        _ => Err(PathError::Escape(at)),
    }
}

fn upper_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value)])
}

fn check_escaped(value: u8, at: usize) -> Result<(), PathError> {
    let what = match value {
        b'/' => "an encoded slash",
        b'\\' => "an encoded backslash",
        // Decoded twice it could become anything of this list.
        b'%' => "an encoded percent sign",
        b';' => "an encoded semicolon",
        0..=0x1f | 0x7f => "an encoded control character",
        _ => return Ok(()),
    };
    Err(PathError::Forbidden { what, at })
}

fn check_raw(byte: u8, at: usize) -> Result<(), PathError> {
    let what = match byte {
        b'?' => "a query",
        b'#' => "a fragment",
        b'\\' => "a backslash",
        // `/a/..;x/b` is `/b` for some servers.
        b';' => "a semicolon",
        0..=0x1f | 0x7f => "a control character",
        _ if is_unreserved(byte) || b"/:@!$&'()*+,=".contains(&byte) => return Ok(()),
        _ => "a character that must be percent-encoded",
    };
    Err(PathError::Forbidden { what, at })
}

fn check_segments(path: &str) -> Result<(), PathError> {
    let mut at = 1;
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let what = match segment {
            "" if segments.peek().is_some() => "an empty segment",
            "." | ".." => "a dot segment",
            _ => {
                at += segment.len() + 1;
                continue;
            }
        };
        return Err(PathError::Forbidden { what, at });
    }
    Ok(())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        RequestPath::parse(text).map(|path| path.0).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plain_path_stays_as_it_is() {
        for path in ["/", "/ml/v4/models", "/ml/v4/models/", "/a/b-._~:@!$&'()*+,=c", "/a.b/...", "/a/%20"] {
            assert_eq!(parse(path), Ok(path.to_owned()));
        }
    }

    #[test]
    fn escapes_are_brought_to_one_form() {
        assert_eq!(parse("/%6d%6C/v4/%c3%a4%2a"), Ok("/ml/v4/%C3%A4%2A".to_owned()));
    }

    #[test]
    fn what_servers_may_read_differently_is_refused() {
        for (path, message) in [
            ("", "the path does not start with `/`"),
            ("ml/v4", "the path does not start with `/`"),
            ("https://host/ml", "the path does not start with `/`"),
            ("//host/ml", "the path has an empty segment at byte 1"),
            ("/a//b", "the path has an empty segment at byte 3"),
            ("/a/./b", "the path has a dot segment at byte 3"),
            ("/a/../b", "the path has a dot segment at byte 3"),
            ("/a/..", "the path has a dot segment at byte 3"),
            ("/a/%2e%2E/b", "the path has a dot segment at byte 3"),
            ("/a/.%2e", "the path has a dot segment at byte 3"),
            ("/a/..;/b", "the path has a semicolon at byte 5"),
            ("/a/..%3b/b", "the path has an encoded semicolon at byte 5"),
            ("/a%2fb", "the path has an encoded slash at byte 2"),
            ("/a%5Cb", "the path has an encoded backslash at byte 2"),
            ("/a\\b", "the path has a backslash at byte 2"),
            ("/a%252e", "the path has an encoded percent sign at byte 2"),
            ("/a%00", "the path has an encoded control character at byte 2"),
            ("/a\r\nb", "the path has a control character at byte 2"),
            ("/a?b=c", "the path has a query at byte 2"),
            ("/a#b", "the path has a fragment at byte 2"),
            ("/a b", "the path has a character that must be percent-encoded at byte 2"),
            ("/ä", "the path has a character that must be percent-encoded at byte 1"),
            ("/a%2", "the path has a `%` at byte 2 that two hex digits do not follow"),
            ("/a%zz", "the path has a `%` at byte 2 that two hex digits do not follow"),
        ] {
            assert_eq!(parse(path), Err(message.to_owned()), "{path:?}");
        }
        assert_eq!(parse(&format!("/{}", "a".repeat(4096))), Err("the path is longer than 4096 bytes".to_owned()));
    }

    #[test]
    fn an_encoded_segment_is_one_segment() {
        assert_eq!(encode_segment("a/b ..?ä"), "a%2Fb%20..%3F%C3%A4");
    }

    proptest! {
        #[test]
        fn normalizing_keeps_the_meaning(text in "(/([a-zA-Z0-9._~%2eE5cCfF;:@!*-]|%[0-9a-fA-F]{2}){0,6}){1,5}") {
            if let Ok(path) = RequestPath::parse(&text) {
                let meaning = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
                prop_assert_eq!(meaning(path.as_str()), meaning(&text));
            }
        }

        #[test]
        fn normalizing_twice_changes_nothing(text in "/(.|%[0-9a-fA-F]{2}){0,20}") {
            if let Ok(path) = RequestPath::parse(&text) {
                prop_assert_eq!(RequestPath::parse(path.as_str()), Ok(path.clone()));
            }
        }

        #[test]
        fn decoding_shows_no_other_segments_even_when_done_twice(text in "/(.|%[0-9a-fA-F]{2}|[/.]){0,20}") {
            if let Ok(path) = RequestPath::parse(&text) {
                let once: Vec<u8> = percent_decode_str(path.as_str()).collect();
                let once = String::from_utf8_lossy(&once).into_owned();
                let twice: Vec<u8> = percent_decode_str(&once).collect();
                let twice = String::from_utf8_lossy(&twice).into_owned();
                for decoded in [once, twice] {
                    prop_assert_eq!(decoded.split('/').count(), path.segments().count() + 1);
                    prop_assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."));
                    prop_assert!(!decoded.contains(['\\', '\r', '\n', '\0']));
                }
            }
        }

        #[test]
        fn an_encoded_text_decodes_to_itself(text in ".*") {
            let encoded = encode_segment(&text);
            let decoded: Vec<u8> = percent_decode_str(&encoded).collect();
            prop_assert_eq!(decoded, text.as_bytes());
            prop_assert!(!encoded.contains('/'));
        }
    }
}
