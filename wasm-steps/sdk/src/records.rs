//! Writing records to an OpenScale data set: several requests under way, each split to the size that OpenScale takes,
//! and a count in the end that all are in.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::openscale::{InstanceId, SERVICE, states};
use crate::wait::Status;
use crate::{Deadline, Failure, Host, InFlight, Poll, Repeat, Request, json, segment, until};

/// A request's largest body: the official client cuts payload here, below a presumed limit of 1 MiB.
const LARGEST_BODY: usize = 900 * 1024;

/// Requests under way at the same time.
const UNDER_WAY: usize = 4;

/// A data set that records are written to.
pub struct Records<'a> {
    host: &'a dyn Host,
    title: String,
    path: String,
    timeout_seconds: u32,
    before: u64,
    sent: u64,
    under_way: VecDeque<InFlight>,
}

impl<'a> Records<'a> {
    /// Counts the records that the data set has now. `kind` is its kind for messages; `timeout_seconds` is what each
    /// wait may take.
    pub fn open(
        host: &'a dyn Host,
        instance: &InstanceId,
        kind: &str,
        id: &str,
        timeout_seconds: u32,
    ) -> Result<Self, Failure> {
        let mut records = Self {
            host,
            title: format!("{kind} data set `{id}`"),
            path: instance.path(&format!("data_sets/{}", segment(id))),
            timeout_seconds,
            before: 0,
            sent: 0,
            under_way: VecDeque::new(),
        };
        records.before = records.count()?;
        Ok(records)
    }

    /// Refuses to go on if an earlier try of this step has got records in: sent again, they would count twice. How many
    /// there were before the first try is kept among the step's artifacts.
    pub fn only_once(self) -> Result<Self, Failure> {
        let file = self.host.artifacts().join("records-before.txt");
        let kept = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok());
        match kept {
            Some(first) if first != self.before => Err(Failure::refused(format!(
                "the {} has {} records more than before an earlier try; sent again they would count twice",
                self.title,
                self.before.saturating_sub(first)
            ))
            .hint("start a new run")),
            Some(_) => Ok(self),
            None => match std::fs::write(&file, format!("{}\n", self.before)) {
                Ok(()) => Ok(self),
                Err(error) => {
                    Err(Failure::internal(format!("artifact `records-before.txt` cannot be written: {error}")))
                }
            },
        }
    }

    /// Sends records in the body that `body` makes of them, in several requests where one would be too large.
    pub fn send<T>(&mut self, records: &[T], body: &dyn Fn(&[T]) -> Value) -> Result<(), Failure> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = json::write(&body(records)).into_bytes();
        if bytes.len() > LARGEST_BODY && records.len() > 1 {
            let (first, second) = records.split_at(records.len() / 2);
            self.send(first, body)?;
            return self.send(second, body);
        }
        if self.under_way.len() >= UNDER_WAY {
            self.settle_first()?;
        }
        let request = Request::post(SERVICE, format!("{}/records", self.path)).body("application/json", bytes);
        // Sent twice, records would be counted twice.
        self.under_way.push_back(request.repeat(Repeat::ByMethod).start(self.host)?);
        self.sent += records.len() as u64;
        Ok(())
    }

    /// Waits until all that was sent is in, and answers how many records that is.
    pub fn finish(mut self) -> Result<u64, Failure> {
        while !self.under_way.is_empty() {
            self.settle_first()?;
        }
        if self.sent == 0 {
            return Ok(0);
        }
        let deadline = Deadline::after_seconds(self.host, self.timeout_seconds);
        until(self.host, &self.title, &deadline, || {
            let grown = self.grown()?;
            let missing = format!("{grown} of {} records are in", self.sent);
            Ok(if grown >= self.sent { Poll::Ready(self.sent) } else { Poll::Waiting(missing) })
        })
    }

    /// By how many records the data set has grown, at the latest after `time`, at once when they are `wanted`.
    pub fn grown_within(&self, time: Duration, wanted: u64) -> Result<u64, Failure> {
        let end = self.host.elapsed() + time;
        let deadline = Deadline::after_seconds(self.host, self.timeout_seconds);
        until(self.host, &self.title, &deadline, || {
            let grown = self.grown()?;
            let enough = grown >= wanted || self.host.elapsed() >= end;
            Ok(if enough { Poll::Ready(grown) } else { Poll::Waiting(format!("{grown} of {wanted} records are in")) })
        })
    }

    fn grown(&self) -> Result<u64, Failure> {
        Ok(self.count()?.saturating_sub(self.before))
    }

    fn count(&self) -> Result<u64, Failure> {
        let request = Request::get(SERVICE, format!("{}/records", self.path));
        let request = request.query("limit", "0").query("include_total_count", "true");
        let answer = request.send(self.host)?.success()?;
        let total = answer.value()?["total_count"].as_u64();
        total.ok_or_else(|| Failure::internal(format!("{} answered no `total_count`", answer.title())))
    }

    /// Waits until the records of the oldest request are in.
    fn settle_first(&mut self) -> Result<(), Failure> {
        let Some(request) = self.under_way.pop_front() else {
            return Ok(());
        };
        let answer = request.wait()?.success()?;
        let id = answer
            .header("location")
            .map(|place| place.trim_end_matches('/'))
            .and_then(|place| place.rsplit('/').next());
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            return Err(Failure::internal(format!("{} answered no `Location` of its request", answer.title())));
        };
        let path = format!("{}/requests/{}", self.path, segment(id));
        let what = format!("request `{id}` of {}", self.title);
        let deadline = Deadline::after_seconds(self.host, self.timeout_seconds);
        until(self.host, &what, &deadline, || {
            let answer = Request::get(SERVICE, &path).send(self.host)?.success()?;
            let status = Status::of(&answer.value()?)
                .ok_or_else(|| Failure::internal(format!("{} answered no `state`", answer.title())))?;
            states(&["active"]).judge(&what, &status)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FailureCategory;
    use crate::fake::Fake;

    const SET: &str = "/openscale/00000000-0000-0000-0000-000000000000/v2/data_sets/set";

    fn get_records() -> String {
        format!("GET {SET}/records")
    }

    fn post_records() -> String {
        format!("POST {SET}/records")
    }

    fn count(host: &Fake, total: u64) {
        host.answer(&get_records(), 200, json!({"records": [], "total_count": total}));
    }

    fn open(host: &Fake) -> Records<'_> {
        Records::open(host, &InstanceId::default(), "feedback", "set", 60).unwrap()
    }

    fn as_array(records: &[String]) -> Value {
        json!(records)
    }

    #[test]
    fn records_are_in_when_their_request_is_active_and_they_are_counted() {
        let host = Fake::new();
        count(&host, 10);
        let mut records = open(&host);
        host.answer_with(
            &post_records(),
            202,
            &[("location", "/v2/data_sets/set/requests/r1")],
            json!({"state": "preparing"}),
        );
        records.send(&["a".to_owned(), "b".to_owned()], &as_array).unwrap();
        host.answer(&format!("GET {SET}/requests/r1"), 200, json!({"state": "preparing"}));
        host.answer(&format!("GET {SET}/requests/r1"), 200, json!({"state": "active"}));
        count(&host, 11);
        count(&host, 12);
        assert_eq!(records.finish().unwrap(), 2);
        assert_eq!(host.requests_to(&get_records())[0].query("limit"), Some("0"));
        assert_eq!(host.requests_to(&get_records())[0].query("include_total_count"), Some("true"));
        assert_eq!(host.requests_to(&post_records())[0].json(), json!(["a", "b"]));
    }

    #[test]
    fn a_second_try_goes_on_only_if_the_first_got_nothing_in() {
        let host = Fake::new();
        count(&host, 10);
        open(&host).only_once().unwrap();
        count(&host, 10);
        open(&host).only_once().unwrap();
        count(&host, 13);
        let failure = open(&host).only_once().err().unwrap();
        assert_eq!(failure.category, FailureCategory::Refused);
        assert_eq!(
            failure.message,
            "the feedback data set `set` has 3 records more than before an earlier try; sent again they would count twice"
        );
    }

    #[test]
    fn a_body_that_is_too_large_is_halved() {
        let host = Fake::new();
        count(&host, 0);
        let mut records = open(&host);
        for id in ["r1", "r2"] {
            host.answer_with(&post_records(), 202, &[("location", id)], json!({}));
        }
        let large = "x".repeat(LARGEST_BODY / 2);
        records.send(&[large.clone(), large], &as_array).unwrap();
        let sizes: Vec<usize> = host.requests_to(&post_records()).iter().map(|sent| sent.body.len()).collect();
        assert_eq!(sizes, [LARGEST_BODY / 2 + 4, LARGEST_BODY / 2 + 4]);
    }

    #[test]
    fn nothing_to_send_sends_nothing() {
        let host = Fake::new();
        count(&host, 5);
        let mut records = open(&host);
        records.send(&[], &as_array).unwrap();
        assert_eq!(records.finish().unwrap(), 0);
        assert_eq!(host.requests().len(), 1);
    }

    #[test]
    fn records_that_do_not_get_in_are_a_failure_that_says_why() {
        for (location, state, total, category, message) in [
            (
                "r1",
                json!({"state": "error", "failure": {"errors": [{"code": "AIQ1", "message": "label missing"}]}}),
                0,
                FailureCategory::Refused,
                "request `r1` of feedback data set `set` is `error`: label missing",
            ),
            (
                "r1",
                json!({"state": "active"}),
                0,
                FailureCategory::Unavailable,
                "feedback data set `set` took longer than 60 s: 0 of 1 records are in",
            ),
        ] {
            let host = Fake::new();
            count(&host, 0);
            let mut records = open(&host);
            host.answer_with(&post_records(), 202, &[("location", location)], json!({}));
            host.always(&format!("GET {SET}/requests/r1"), move |_| (200, state.clone()));
            host.always(&get_records(), move |_| (200, json!({"total_count": total})));
            records.send(&["a".to_owned()], &as_array).unwrap();
            let failure = records.finish().unwrap_err();
            assert_eq!((failure.category, failure.message.as_str()), (category, message));
        }
    }

    #[test]
    fn an_answer_without_location_is_not_understood() {
        let host = Fake::new();
        count(&host, 0);
        let mut records = open(&host);
        host.answer(&post_records(), 202, json!({}));
        records.send(&["a".to_owned()], &as_array).unwrap();
        let failure = records.finish().unwrap_err();
        assert_eq!(failure.category, FailureCategory::Internal);
        assert!(failure.message.ends_with("answered no `Location` of its request"), "{}", failure.message);
    }

    #[test]
    fn growth_is_awaited_for_some_time_only() {
        let host = Fake::new();
        host.always(&get_records(), |_| (200, json!({"total_count": 7})));
        let records = open(&host);
        assert_eq!(records.grown_within(Duration::from_secs(3), 1).unwrap(), 0);
        assert!(host.elapsed() >= Duration::from_secs(3));
    }
}
