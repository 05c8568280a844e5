//! Writing records to an OpenScale data set: several requests under way, each split to the size that OpenScale takes,
//! and a count in the end that all are in.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lookup::SECOND_LOOK;
use crate::mark::{Mark, shared_prefix};
use crate::openscale::{InstanceId, SERVICE, states};
use crate::wait::Status;
use crate::{Deadline, Failure, Host, InFlight, Poll, Repeat, Request, segment, until};

/// A request's largest body: the official client cuts payload here, below a presumed limit of 1 MiB.
const LARGEST_BODY: usize = 900 * 1024;

/// Requests under way at the same time.
const UNDER_WAY: usize = 4;

/// A data set that records are written to.
pub struct RecordSet<'a> {
    host: &'a dyn Host,
    kind: &'a str,
    id: &'a str,
    title: String,
    path: String,
    timeout_seconds: u32,
}

impl<'a> RecordSet<'a> {
    /// `kind` is its kind for messages; `timeout_seconds` is what each wait may take.
    pub fn new(
        host: &'a dyn Host,
        instance: &InstanceId,
        kind: &'a str,
        id: &'a str,
        timeout_seconds: u32,
    ) -> RecordSet<'a> {
        let (title, path) = (format!("{kind} data set `{id}`"), instance.path(&format!("data_sets/{}", segment(id))));
        Self { host, kind, id, title, path, timeout_seconds }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after_seconds(self.host, self.timeout_seconds)
    }

    /// The number of all records, or of those that a filter lets through.
    fn count(&self, filter: Option<&str>) -> Result<u64, Failure> {
        let request = Request::get(SERVICE, format!("{}/records", self.path));
        let mut request = request.query("limit", "0").query("include_total_count", "true");
        if let Some(filter) = filter {
            request = request.query("filter", filter);
        }
        let answer = request.send(self.host)?.success()?;
        let total = answer.value()?["total_count"].as_u64();
        total.ok_or_else(|| Failure::internal(format!("{} answered no `total_count`", answer.title())))
    }

    /// The number of records whose column begins with a text; a payload record's id ends with its row's number.
    fn count_of(&self, column: &str, text: &str) -> Result<u64, Failure> {
        self.count(Some(&format!("{column}:like:{text}%")))
    }

    /// Begins to write records. Sent twice, they would be counted twice.
    fn post(&self, body: Vec<u8>) -> Result<InFlight, Failure> {
        let request = Request::post(SERVICE, format!("{}/records", self.path)).body("application/json", body);
        request.repeat(Repeat::ByMethod).start(self.host)
    }

    /// Waits until the records of a request are in.
    fn settle(&self, request: InFlight) -> Result<(), Failure> {
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
        until(self.host, &what, &self.deadline(), || {
            let answer = Request::get(SERVICE, &path).send(self.host)?.success()?;
            let status = Status::of(&answer.value()?)
                .ok_or_else(|| Failure::internal(format!("{} answered no `state`", answer.title())))?;
            states(&["active"]).judge(&what, &status)
        })
    }
}

/// Records on their way to a data set. They are marked, so that a later try of the step sends only what is missing.
pub struct Records<'a> {
    set: RecordSet<'a>,
    mark: Mark,
    /// The column that tells a record's request.
    column: &'static str,
    /// Whether there was an earlier try.
    again: bool,
    /// Whether other shards write here at the same time.
    is_shared: bool,
    /// Records that were there when this try began, and that no try has sent.
    others: u64,
    /// Records that came since the first try, where it cannot be told whose they are.
    untold: u64,
    requests: u32,
    sent: u64,
    under_way: VecDeque<InFlight>,
}

impl<'a> Records<'a> {
    /// Counts the records that there are now. `column` is the one that tells a record's request; `basis` is of what the
    /// records are made; in shards, only ids tell whose records there are.
    pub fn open(set: RecordSet<'a>, column: &'static str, basis: u32, is_shared: bool) -> Result<Self, Failure> {
        let kept = Mark::kept(set.host, set.kind, set.id)?;
        let again = kept.is_some();
        if again {
            // The last requests of the earlier try may still be on their way.
            set.host.sleep(SECOND_LOOK);
        }
        // Counted first for what earlier tries may have sent, and last for what others have: so what another shard sends in
        // between is never taken for a try's, or for what the service has logged.
        let first = if again { set.count(None)? } else { 0 };
        let own = kept.as_ref().map_or(Ok(0), |kept| set.count_of(column, kept.prefix()))?;
        let ours = if is_shared { set.count_of(column, &shared_prefix(set.id))? } else { own };
        let others = set.count(None)?.saturating_sub(ours);
        let found = first.saturating_sub(ours);
        let kept = kept.map(|kept| (kept, found + own));
        let mark = Mark::keep(set.host, set.kind, set.id, basis, others + own, kept, is_shared)?;
        let untold = if again && own == 0 { found.saturating_sub(mark.before) } else { 0 };
        let under_way = VecDeque::new();
        Ok(Self { set, mark, column, again, is_shared, others, untold, requests: 0, sent: 0, under_way })
    }

    /// Whether other shards write to the data set too.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Refuses to go on where an earlier try may have sent what the data set does not tell.
    pub fn must_tell(&self) -> Result<(), Failure> {
        if self.untold == 0 {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "the {} has {} records more than before an earlier try, and does not tell whose they are",
            self.set.title, self.untold
        ))
        .hint("start a new run"))
    }

    /// Sends records in the JSON that `body` makes of them and of the request's id, in several requests where one would be
    /// too large. What an earlier try has sent is left out.
    pub fn send<T>(&mut self, records: &[T], body: &dyn Fn(&[T], &str) -> Vec<u8>) -> Result<(), Failure> {
        if records.is_empty() {
            return Ok(());
        }
        self.must_tell()?;
        let id = self.mark.request(self.requests);
        let bytes = body(records, &id);
        if bytes.len() > LARGEST_BODY && records.len() > 1 {
            let (first, second) = records.split_at(records.len() / 2);
            self.send(first, body)?;
            return self.send(second, body);
        }
        self.requests += 1;
        self.sent += records.len() as u64;
        if self.is_in(&id, records.len() as u64)? {
            return Ok(());
        }
        if self.under_way.len() >= UNDER_WAY {
            self.settle_first()?;
        }
        self.under_way.push_back(self.set.post(bytes)?);
        Ok(())
    }

    /// Whether an earlier try has got a request's records in.
    fn is_in(&self, id: &str, wanted: u64) -> Result<bool, Failure> {
        if !self.again {
            return Ok(false);
        }
        match self.beginning_so(id)? {
            0 => Ok(false),
            found if found == wanted => Ok(true),
            found => Err(Failure::internal(format!(
                "the {} has {found} of the {wanted} records of request `{id}`",
                self.set.title
            ))),
        }
    }

    /// Waits until all that was sent is in, and answers how many records that is.
    pub fn finish(mut self) -> Result<u64, Failure> {
        while !self.under_way.is_empty() {
            self.settle_first()?;
        }
        if self.sent == 0 {
            return Ok(0);
        }
        until(self.set.host, &self.set.title, &self.set.deadline(), || {
            let found = self.arrived()?;
            let missing = format!("{found} of {} records are in", self.sent);
            Ok(if found >= self.sent { Poll::Ready(()) } else { Poll::Waiting(missing) })
        })?;
        if !self.again {
            return Ok(self.sent);
        }
        match self.beginning_so(self.mark.prefix())? {
            found if found > self.sent => Err(Failure::internal(format!(
                "the {} has {found} records of this run instead of {}: a request of an earlier try came late",
                self.set.title, self.sent
            ))
            .hint("start a new run")),
            _ => Ok(self.sent),
        }
    }

    /// How many of the records that were sent are in. Without shards nobody else of this run writes here.
    fn arrived(&self) -> Result<u64, Failure> {
        if self.is_shared {
            self.beginning_so(self.mark.prefix())
        } else {
            Ok(self.set.count(None)?.saturating_sub(self.mark.before))
        }
    }

    /// By how many records that this run has not sent the data set has grown in this try, at the latest after `time`, at once
    /// when they are `wanted`.
    pub fn grown_within(&self, time: Duration, wanted: u64) -> Result<u64, Failure> {
        let end = self.set.host.elapsed() + time;
        until(self.set.host, &self.set.title, &self.set.deadline(), || {
            let grown = self.grown()?;
            let enough = grown >= wanted || self.set.host.elapsed() >= end;
            Ok(if enough { Poll::Ready(grown) } else { Poll::Waiting(format!("{grown} of {wanted} records are in")) })
        })
    }

    fn grown(&self) -> Result<u64, Failure> {
        // First all: a record that comes in between may be missed, but never counts as somebody else's.
        let all = self.set.count(None)?;
        let ours = match (self.is_shared, self.again) {
            (true, _) => self.beginning_so(&shared_prefix(self.set.id))?,
            (false, true) => self.beginning_so(self.mark.prefix())?,
            // Who sends does not ask.
            (false, false) => 0,
        };
        Ok(all.saturating_sub(ours).saturating_sub(self.others))
    }

    /// The number of records whose request's id begins so.
    fn beginning_so(&self, prefix: &str) -> Result<u64, Failure> {
        self.set.count_of(self.column, prefix)
    }

    /// Waits until the records of the oldest request are in.
    fn settle_first(&mut self) -> Result<(), Failure> {
        self.under_way.pop_front().map_or(Ok(()), |request| self.set.settle(request))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FailureCategory;
    use crate::fake::{Fake, Sent};

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

    fn open(host: &Fake, is_shared: bool) -> Result<Records<'_>, Failure> {
        Records::open(RecordSet::new(host, &InstanceId::default(), "feedback", "set", 60), "column", 7, is_shared)
    }

    /// The mark of an earlier try.
    fn earlier(host: &Fake) -> Mark {
        Mark::keep(host, "feedback", "set", 7, 0, None, false).unwrap()
    }

    fn as_array(records: &[String], _: &str) -> Vec<u8> {
        json!(records).to_string().into_bytes()
    }

    #[test]
    fn records_are_in_when_their_request_is_active_and_they_are_counted() {
        let host = Fake::new();
        count(&host, 10);
        let mut records = open(&host, false).unwrap();
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

    /// A data set that has these requests' records, and says so of whatever filter it is asked with.
    fn data_set(host: &Fake, rows: &'static [(u32, u64)], mark: &Mark) {
        let ids: Vec<_> = rows.iter().map(|(request, count)| (mark.request(*request), *count)).collect();
        host.always(&get_records(), move |sent| {
            let wanted = sent.query("filter").map(|filter| filter.trim_start_matches("column:like:").replace('%', ""));
            let lets = |id: &String| wanted.as_ref().is_none_or(|wanted| id.starts_with(wanted));
            let total: u64 = ids.iter().filter(|(id, _)| lets(id)).map(|(_, count)| count).sum();
            (200, json!({"records": [], "total_count": total}))
        });
    }

    #[test]
    fn a_later_try_sends_only_what_is_missing() {
        let host = Fake::new();
        let mark = earlier(&host);
        data_set(&host, &[(0, 2), (2, 1)], &mark);
        let mut records = open(&host, false).unwrap();
        host.answer_with(&post_records(), 202, &[("location", "r")], json!({}));
        host.always(&format!("GET {SET}/requests/r"), |_| (200, json!({"state": "active"})));
        let body = |records: &[String], id: &str| json!({"id": id, "records": records}).to_string().into_bytes();
        for batch in [&["a".to_owned(), "b".to_owned()][..], &["c".to_owned()], &["d".to_owned()]] {
            records.send(batch, &body).unwrap();
        }
        let sent: Vec<_> = host.requests_to(&post_records()).iter().map(Sent::json).collect();
        assert_eq!(sent, [json!({"id": mark.request(1), "records": ["c"]})]);
        assert_eq!(records.sent, 4);
    }

    #[test]
    fn a_shard_counts_its_own_records_and_takes_those_of_others_for_nobodys() {
        let host = Fake::new();
        let sent = std::rc::Rc::new(std::cell::Cell::new(false));
        let is_in = std::rc::Rc::clone(&sent);
        // Five records of another shard, three of somebody else, and then two of this one.
        host.always(&get_records(), move |asked| {
            let own = if is_in.get() { 2 } else { 0 };
            let total = match asked.query("filter") {
                None => 8 + own,
                Some(filter) if filter == format!("column:like:{}%", shared_prefix("set")) => 5 + own,
                Some(_) => own,
            };
            (200, json!({"total_count": total}))
        });
        let mut records = open(&host, true).unwrap();
        assert_eq!(records.grown_within(Duration::from_secs(1), 1).unwrap(), 0);
        host.answer_with(&post_records(), 202, &[("location", "r")], json!({}));
        host.always(&format!("GET {SET}/requests/r"), |_| (200, json!({"state": "active"})));
        records.send(&["a".to_owned(), "b".to_owned()], &as_array).unwrap();
        sent.set(true);
        assert_eq!(records.grown().unwrap(), 0);
        assert_eq!(records.finish().unwrap(), 2);
    }

    #[test]
    fn what_other_shards_send_meanwhile_is_not_taken_for_an_earlier_trys() {
        let host = Fake::new();
        Mark::keep(&host, "feedback", "set", 7, 0, None, true).unwrap();
        let others = std::cell::Cell::new(0);
        // With every count there are ten more of another shard.
        host.always(&get_records(), move |asked| {
            others.set(others.get() + 10);
            let shards =
                asked.query("filter").is_none_or(|filter| filter.ends_with(&format!("{}%", shared_prefix("set"))));
            (200, json!({"total_count": if shards { others.get() } else { 0 }}))
        });
        let mut records = open(&host, true).unwrap();
        host.answer_with(&post_records(), 202, &[("location", "r")], json!({}));
        records.send(&["a".to_owned()], &as_array).unwrap();
        assert_eq!(host.requests_to(&post_records()).len(), 1);
    }

    #[test]
    fn what_a_data_set_does_not_tell_apart_is_not_sent_twice() {
        let host = Fake::new();
        earlier(&host);
        host.always(&get_records(), |sent| {
            (200, json!({"total_count": if sent.query("filter").is_some() { 0 } else { 3 }}))
        });
        let mut records = open(&host, false).unwrap();
        let failure = records.send(&["a".to_owned()], &as_array).unwrap_err();
        assert_eq!(failure.category, FailureCategory::Refused);
        assert_eq!(
            failure.message,
            "the feedback data set `set` has 3 records more than before an earlier try, and does not tell whose they are"
        );
    }

    #[test]
    fn a_part_of_a_request_is_not_understood() {
        let host = Fake::new();
        let mark = earlier(&host);
        data_set(&host, &[(0, 1)], &mark);
        let mut records = open(&host, false).unwrap();
        let failure = records.send(&["a".to_owned(), "b".to_owned()], &as_array).unwrap_err();
        let id = mark.request(0);
        assert_eq!(failure.message, format!("the feedback data set `set` has 1 of the 2 records of request `{id}`"));
    }

    #[test]
    fn a_body_that_is_too_large_is_halved() {
        let host = Fake::new();
        count(&host, 0);
        let mut records = open(&host, false).unwrap();
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
        let mut records = open(&host, false).unwrap();
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
            let mut records = open(&host, false).unwrap();
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
        let mut records = open(&host, false).unwrap();
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
        let records = open(&host, false).unwrap();
        assert_eq!(records.grown_within(Duration::from_secs(3), 1).unwrap(), 0);
        assert!(host.elapsed() >= Duration::from_secs(3));
    }
}
