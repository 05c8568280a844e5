//! What a step may send: a service, a method and a pattern of paths. What no grant names is denied.

use std::fmt;

use super::{Method, PathError, RequestPath};

/// A pattern of paths: `*` is exactly one segment, a last segment `**` any rest, all else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    any_rest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

/// Why a text is no pattern or no grant; places are bytes of that text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GrantError {
    #[error("`{0}` is not of the form `POST /ml/v4/models`")]
    Form(String),
    #[error("`{0}` is not a method that a step may use; write GET, HEAD, POST, PUT, PATCH or DELETE")]
    Method(String),
    #[error("the `*` at byte {0} is only a part of a segment; it stands for a whole one")]
    PartOfSegment(usize),
    #[error("the `**` at byte {0} is not the last segment")]
    NotLast(usize),
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Pattern {
    /// Reads a pattern such as `/ml/v4/models/*`.
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        // Literals are normalized as requests are, so that both spell the same path alike.
        let path = RequestPath::parse(text)?;
        let mut segments = Vec::new();
        let mut any_rest = false;
        let mut at = 1;
        for segment in text[1..].split('/') {
            if any_rest {
                return Err(GrantError::NotLast(at - "**/".len()));
            }
            match segment {
                "**" => any_rest = true,
                "*" => segments.push(Segment::Any),
                _ => {
                    if let Some(star) = segment.find('*') {
                        return Err(GrantError::PartOfSegment(at + star));
                    }
                    let literal = path.segments().nth(segments.len()).unwrap_or_default();
                    segments.push(Segment::Literal(literal.to_owned()));
                }
            }
            at += segment.len() + 1;
        }
        Ok(Self { segments, any_rest })
    }

    /// Whether the path is one of the pattern's.
    pub fn matches(&self, path: &RequestPath) -> bool {
        let mut rest = path.segments();
        let matched = self.segments.iter().all(|wanted| match (wanted, rest.next()) {
            (Segment::Literal(literal), Some(segment)) => literal == segment,
            (Segment::Any, Some(segment)) => !segment.is_empty(),
            (_, None) => false,
        });
        matched && (self.any_rest || rest.next().is_none())
    }
}

impl Grant {
    /// Whether it is for requests of the platform; one for paths of any kind need not be.
    pub(crate) fn is_of_platform(&self) -> bool {
        matches!(self.pattern.segments.first(), Some(Segment::Literal(first)) if first == "v2")
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => write!(f, "/{literal}")?,
                Segment::Any => f.write_str("/*")?,
            }
        }
        if self.any_rest { f.write_str("/**") } else { Ok(()) }
    }
}

/// The right to send requests of one method and pattern to one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The service's name in the spec.
    pub service: String,
    /// The method.
    pub method: Method,
    /// The paths.
    pub pattern: Pattern,
    /// Why the step needs it; empty in the spec's own grants.
    pub reason: String,
}

impl Grant {
    /// Reads a need of a component.
    pub fn new(service: &str, method: &str, pattern: &str, reason: &str) -> Result<Self, GrantError> {
        Ok(Self {
            service: service.to_owned(),
            method: Method::parse(method).ok_or_else(|| GrantError::Method(method.to_owned()))?,
            pattern: Pattern::parse(pattern)?,
            reason: reason.to_owned(),
        })
    }

    /// Reads a line of the spec's `grant`, such as `POST /ml/v4/models`.
    pub fn parse(service: &str, line: &str) -> Result<Self, GrantError> {
        match line.split_once(' ') {
            Some((method, pattern)) => Self::new(service, method, pattern, ""),
            None => Err(GrantError::Form(line.to_owned())),
        }
    }

    fn allows(&self, service: &str, method: Method, path: &RequestPath) -> bool {
        self.service == service && self.method == method && self.pattern.matches(path)
    }
}

/// The line that grants it in a spec.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.pattern)
    }
}

/// Grants that hold together. None at all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// Exactly these grants.
    pub fn new(grants: Vec<Grant>) -> Self {
        Self(grants)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// Whether one of them allows the request.
    pub fn allows(&self, service: &str, method: Method, path: &RequestPath) -> bool {
        self.allowing(service, method, path).is_some()
    }

    /// The first that allows the request.
    pub fn allowing(&self, service: &str, method: Method, path: &RequestPath) -> Option<&Grant> {
        self.0.iter().find(|grant| grant.allows(service, method, path))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&RequestPath::parse(path).unwrap())
    }

    fn refusal(pattern: &str) -> String {
        Pattern::parse(pattern).unwrap_err().to_string()
    }

    #[test]
    fn a_literal_matches_itself_only() {
        assert!(matches("/ml/v4/models", "/ml/v4/models"));
        assert!(matches("/ml/v4/mod%65ls", "/ml/v4/m%6Fdels"));
        for path in ["/ml/v4/models/", "/ml/v4/models/1", "/ml/v4/Models", "/ml/v4", "/ml/v4/models2", "/"] {
            assert!(!matches("/ml/v4/models", path), "{path}");
        }
    }

    #[test]
    fn a_star_matches_exactly_one_segment() {
        assert!(matches("/ml/v4/models/*", "/ml/v4/models/a%20b"));
        assert!(matches("/a/*/c", "/a/b/c"));
        for path in ["/ml/v4/models", "/ml/v4/models/", "/ml/v4/models/1/content"] {
            assert!(!matches("/ml/v4/models/*", path), "{path}");
        }
    }

    #[test]
    fn a_double_star_matches_any_rest() {
        for path in ["/v2", "/v2/", "/v2/a", "/v2/a/b"] {
            assert!(matches("/v2/**", path), "{path}");
        }
        assert!(!matches("/v2/**", "/v22"));
        assert!(matches("/**", "/"));
        assert!(matches("/*/v2/**", "/x/v2/y/z"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_the_place() {
        assert_eq!(refusal("ml"), "the path does not start with `/`");
        assert_eq!(refusal("/ml/v4/mod*"), "the `*` at byte 10 is only a part of a segment; it stands for a whole one");
        assert_eq!(refusal("/a/***"), "the `*` at byte 3 is only a part of a segment; it stands for a whole one");
        assert_eq!(refusal("/a/**/b"), "the `**` at byte 3 is not the last segment");
        assert_eq!(refusal("/a/../b"), "the path has a dot segment at byte 3");
    }

    #[test]
    fn a_grant_is_read_and_shown_as_one_line() {
        let grant = Grant::parse("wml", "GET /ml/v4/models/*").unwrap();
        assert_eq!(grant.to_string(), "GET /ml/v4/models/*");
        assert_eq!(Grant::parse("wml", "GET /a/**").unwrap().to_string(), "GET /a/**");
        let refusal = |line| Grant::parse("wml", line).unwrap_err().to_string();
        assert_eq!(refusal("/ml/v4/models"), "`/ml/v4/models` is not of the form `POST /ml/v4/models`");
        assert_eq!(
            refusal("get /ml"),
            "`get` is not a method that a step may use; write GET, HEAD, POST, PUT, PATCH or DELETE"
        );
    }

    #[test]
    fn what_is_not_granted_is_denied() {
        let path = RequestPath::parse("/ml/v4/models").unwrap();
        assert!(!Grants::default().allows("wml", Method::Get, &path));
        let grants = Grants::new(vec![Grant::parse("wml", "GET /ml/v4/models").unwrap()]);
        assert!(grants.allows("wml", Method::Get, &path));
        assert!(!grants.allows("wml", Method::Post, &path));
        assert!(!grants.allows("openscale", Method::Get, &path));
    }

    proptest! {
        #[test]
        fn a_pattern_reads_back_as_it_is_shown(text in "(/([a-z0-9%.*]{0,4}|\\*\\*?)){1,4}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
            }
        }
    }
}
