//! The file in which a user tells the stub how to fail.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::faults::{Fault, FaultKind, Nth};

/// What is wrong with a file of faults.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// It is not YAML, or not of the form that is wanted; the text has line and column.
    #[error("{0}")]
    Form(#[from] serde_yaml::Error),
    /// A fault makes no sense.
    #[error("fault {number}: {why}")]
    Fault {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Of all that happens by chance.
    #[serde(default)]
    seed: u64,
    faults: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    route: String,
    nth: Option<u32>,
    from: Option<u32>,
    probability: Option<f64>,

    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    answer: Option<Answer>,
    merge: Option<Value>,
    delay_ms: Option<u64>,
    refuse_ms: Option<u64>,
    drop: Option<Drop>,
    truncate: Option<Yes>,
    stall: Option<Yes>,
    endless: Option<Yes>,
    expire_tokens: Option<Yes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Drop {
    Before,
    After,
}

/// `true`: what is not to happen is left out.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("only `true` can stand here") }
    }
}

/// Reads a file of faults.
pub fn read_faults(text: &str) -> Result<Vec<Fault>, FaultsError> {
    let file: File = serde_yaml::from_str(text)?;
    let seed = file.seed;
    let fault = |(entry, number): (Entry, usize)| {
        let fault = entry.fault(seed.wrapping_add(number as u64));
        fault.map_err(|why| FaultsError::Fault { number, why })
    };
    file.faults.into_iter().zip(1..).map(fault).collect()
}

impl Entry {
    fn fault(self, seed: u64) -> Result<Fault, String> {
        let route = self.route.split_once(' ').filter(|(method, path)| {
            (*method == "*" || method.bytes().all(|byte| byte.is_ascii_uppercase())) && path.starts_with('/')
        });
        let Some((method, path)) = route else {
            return Err(format!("`route` is `{}`, not like `POST /ml/v4/models` or `* /openscale/**`", self.route));
        };
        let (method, path) = (method.to_owned(), path.to_owned());
        let nth = match (self.nth, self.from, self.probability) {
            (None, None, None) => Nth::Every,
            (Some(nth), None, None) if nth > 0 => Nth::Nth(nth),
            (None, Some(from), None) if from > 0 => Nth::From(from),
            (None, None, Some(probability)) if (0.0..=1.0).contains(&probability) => Nth::Chance { probability, seed },
            (Some(_), None, None) | (None, Some(_), None) => return Err("calls are counted from 1".to_owned()),
            (None, None, Some(_)) => return Err("`probability` is a number from 0 to 1".to_owned()),
            _ => return Err("only one of `nth`, `from` and `probability` can be".to_owned()),
        };
        Ok(Fault { method, path, nth, kind: self.kind()? })
    }

    fn kind(self) -> Result<FaultKind, String> {
        if self.status.is_none() && (self.body.is_some() || !self.headers.is_empty()) {
            return Err("`headers` and `body` belong to a `status`".to_owned());
        }
        // What is below 200 is no end of an exchange.
        let known = |status: u16| {
            if (200..=599).contains(&status) {
                Ok(status)
            } else {
                Err(format!("`{status}` is no status from 200 to 599"))
            }
        };
        for (name, value) in &self.headers {
            if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("`{name}: {value}` is no HTTP header"));
            }
        }
        let status = self.status.map(known).transpose()?;
        let (body, headers) = (self.body, self.headers.into_iter().collect());
        let answer = self.answer.map(|answer| known(answer.status).map(|status| (status, answer.body))).transpose()?;
        let kinds = [
            status.map(|code| FaultKind::Status { code, body, headers }),
            answer.map(|(status, json)| FaultKind::Body { status, json }),
            self.merge.map(FaultKind::Merge),
            self.refuse_ms.map(|time| FaultKind::Refuse(Duration::from_millis(time))),
            self.delay_ms.map(|time| FaultKind::Delay(Duration::from_millis(time))),
            self.drop.map(|when| match when {
                Drop::Before => FaultKind::DropConnection,
                Drop::After => FaultKind::DropAfter,
            }),
            self.truncate.map(|Yes| FaultKind::Truncate),
            self.stall.map(|Yes| FaultKind::Stall),
            self.endless.map(|Yes| FaultKind::Endless),
            self.expire_tokens.map(|Yes| FaultKind::ExpireTokens),
        ];
        let mut kinds: Vec<_> = kinds.into_iter().flatten().collect();
        match (kinds.pop(), kinds.is_empty()) {
            (Some(kind), true) => Ok(kind),
            _ => Err(
                "exactly one of `status`, `answer`, `merge`, `delay_ms`, `drop`, `refuse_ms`, `truncate`, `stall`, \
                      `endless` and `expire_tokens` says what happens"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_tells_which_calls_fail_and_how() {
        let text = "seed: 7\nfaults:\n\
            - {route: POST /ml/v4/models, nth: 2, status: 503, headers: {Retry-After: '1'}}\n\
            - {route: '* /openscale/**', probability: 0.25, drop: after}\n\
            - {route: GET /v2/spaces, from: 3, delay_ms: 20}\n\
            - {route: GET /v2/spaces, answer: {status: 200, body: <html>}}\n\
            - {route: GET /v2/spaces, stall: true}\n\
            - {route: GET /v2/spaces, merge: {entity: {state: error}}}\n\
            - {route: GET /v2/spaces, refuse_ms: 500}\n";
        let faults = read_faults(text).unwrap();
        let headers = vec![("Retry-After".to_owned(), "1".to_owned())];
        let away = FaultKind::Status { code: 503, body: None, headers };
        assert_eq!(faults[0], Fault::new("POST", "/ml/v4/models", away).on(Nth::Nth(2)));
        let chance = Nth::Chance { probability: 0.25, seed: 9 };
        assert_eq!(faults[1], Fault::new("*", "/openscale/**", FaultKind::DropAfter).on(chance));
        let late = FaultKind::Delay(Duration::from_millis(20));
        assert_eq!(faults[2], Fault::new("GET", "/v2/spaces", late).on(Nth::From(3)));
        let page = FaultKind::Body { status: 200, json: json!("<html>") };
        assert_eq!(faults[3], Fault::new("GET", "/v2/spaces", page).on(Nth::Every));
        assert_eq!(faults[4].kind, FaultKind::Stall);
        assert_eq!(faults[5].kind, FaultKind::Merge(json!({"entity": {"state": "error"}})));
        assert_eq!(faults[6].kind, FaultKind::Refuse(Duration::from_millis(500)));
    }

    #[test]
    fn a_wrong_file_is_told_with_its_place() {
        for (text, message) in [
            ("faults: [{route: GET /a, stal: true}]", "faults[0]: unknown field `stal`"),
            ("faults: [{route: GET /a}]", "fault 1: exactly one of"),
            ("faults: [{route: GET /a, stall: true, drop: before}]", "fault 1: exactly one of"),
            ("faults: [{route: GET /a, stall: false}]", "only `true` can stand here"),
            ("faults: [{route: get /a, stall: true}]", "fault 1: `route` is `get /a`, not like"),
            ("faults: [{route: GET /a, nth: 0, stall: true}]", "fault 1: calls are counted from 1"),
            ("faults: [{route: GET /a, nth: 1, from: 2, stall: true}]", "fault 1: only one of"),
            (
                "faults: [{route: GET /a, probability: 2, stall: true}]",
                "fault 1: `probability` is a number from 0 to 1",
            ),
            ("faults: [{route: GET /a, status: 101}]", "fault 1: `101` is no status from 200 to 599"),
            (
                "faults: [{route: GET /a, answer: {status: 600, body: x}}]",
                "fault 1: `600` is no status from 200 to 599",
            ),
            (
                "faults: [{route: GET /a, status: 503, headers: {Retry After: '1'}}]",
                "fault 1: `Retry After: 1` is no HTTP header",
            ),
            ("faults: [{route: GET /a, status: 503, headers: {A: \"1\\n2\"}}]", "fault 1: `A: 1\n2` is no HTTP header"),
            ("faults: [{route: GET /a, body: x, stall: true}]", "fault 1: `headers` and `body` belong to a `status`"),
            ("faults: {", "line 1 column"),
            ("", "missing field `faults`"),
        ] {
            let said = read_faults(text).unwrap_err().to_string();
            assert!(said.contains(message), "{text}: {said}");
        }
    }
}
