//! Creating a resource so that it is never made twice and never left behind.

use serde_json::Value;

use crate::ledger::{Announced, Announcement, Lookup};
use crate::lookup::{Entry, Found, find_late};
use crate::services::Error;
use crate::{Failure, Host, Level, Request, Response};

/// How often a create request is sent whose answer is lost and whose resource is not there.
const TRIES: u32 = 2;

/// A resource that is about to be created: what the ledger is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource(Announcement);

impl Resource {
    /// A resource of a kind (the service's own word), with a name for people and how it is found.
    pub fn new(service: &str, kind: &str, name: impl Into<String>, find: Lookup) -> Self {
        Self(Announcement {
            kind: kind.to_owned(),
            service: service.to_owned(),
            name: name.into(),
            find,
            remove_path: String::new(),
            remove_query: Vec::new(),
            users: None,
            shared: false,
            basis: String::new(),
        })
    }

    /// Says what it is made of beside its create request.
    #[must_use]
    pub fn made_of(mut self, what: &str) -> Self {
        what.clone_into(&mut self.0.basis);
        self
    }

    /// The announcement, whose basis tells the create request, tag apart, as well.
    fn announcement(&self, request: &Request) -> Announcement {
        let basis = format!("{}{:08x}", self.0.basis, request.checksum());
        Announcement { basis, ..self.0.clone() }
    }

    /// The path of the DELETE that removes it; `{id}` stands for its id.
    #[must_use]
    pub fn removed_by(mut self, path: impl Into<String>) -> Self {
        self.0.remove_path = path.into();
        self
    }

    /// Adds a query parameter to the DELETE.
    #[must_use]
    pub fn remove_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.remove_query.push((name.to_owned(), value.into()));
        self
    }

    /// Others may come to use it; while `users` finds one it is kept, and that is no failure.
    #[must_use]
    pub fn shared_with(mut self, users: Lookup) -> Self {
        self.0.users = Some(users);
        self.0.shared = true;
        self
    }

    fn title(&self) -> String {
        format!("{} `{}`", self.0.kind, self.0.name)
    }

    fn unwritten(&self, verb: &str, error: Error) -> Failure {
        Failure::of_ledger(&format!("{verb} {}", self.title()), error)
    }
}

/// A resource that exists now.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// The service's answer to the create request, or the resource as it was found in a list.
    pub resource: Value,
}

/// Announces a resource, creates it, and confirms its id. `request` gets the tag, and puts it where the resource's
/// lookup searches. What an earlier try of this step, or a request whose answer was lost, made already is adopted, unless
/// it was made of something else.
pub fn create(host: &dyn Host, resource: &Resource, request: impl Fn(&str) -> Request) -> Result<Created, Failure> {
    let announcement = resource.announcement(&request(""));
    let announced = host.announce(&announcement).map_err(|error| resource.unwritten("announcing", error))?;
    let request = request(&announced.tag);
    let created = find_or_send(host, resource, &announced, &request)?;
    host.confirm(announced.entry, &created.id).map_err(|error| resource.unwritten("confirming", error))?;
    Ok(created)
}

fn find_or_send(
    host: &dyn Host,
    resource: &Resource,
    announced: &Announced,
    request: &Request,
) -> Result<Created, Failure> {
    let title = resource.title();
    let entry = Entry { number: announced.entry, tag: &announced.tag, id: announced.id.as_deref() };
    let look = || adopt(host, &title, find_late(host, &resource.0.find, entry)?);
    if announced.again {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if let Some(id) = entry.id {
            return Err(Failure::internal(format!("{title} was created before as `{id}`, but is not there any more")));
        }
    }
    let mut left = TRIES;
    loop {
        left -= 1;
        let failure = match attempt(host, resource, request)? {
            Attempt::Created(created) => return Ok(created),
            Attempt::Lost(failure) => failure,
        };
        host.log(Level::Warn, &format!("{}; looking for {title}", failure.message));
        if let Some(found) = look()? {
            return Ok(found);
        }
        if left == 0 {
            return Err(failure);
        }
    }
}

enum Attempt {
    Created(Created),
    /// The service may have acted.
    Lost(Failure),
}

fn attempt(host: &dyn Host, resource: &Resource, request: &Request) -> Result<Attempt, Failure> {
    match request.attempt(host) {
        Ok(answer) if answer.status() >= 500 => Ok(Attempt::Lost(answer.failure())),
        // An answer that was cut short says "created", but not what.
        Ok(answer) => Ok(read(&answer.success()?, &resource.0.find.id).map_or_else(Attempt::Lost, Attempt::Created)),
        Err(error @ Error::NoAnswer(_)) => Ok(Attempt::Lost(Failure::from_error(&request.title(), error))),
        Err(error) => Err(Failure::from_error(&request.title(), error)),
    }
}

fn read(answer: &Response, id: &str) -> Result<Created, Failure> {
    let resource = answer.value()?;
    match resource.pointer(id).and_then(Value::as_str) {
        Some(id) => Ok(Created { id: id.to_owned(), resource }),
        None => Err(Failure::internal(format!("{} answered no id at `{id}`", answer.title()))),
    }
}

fn adopt(host: &dyn Host, title: &str, mut found: Vec<Found>) -> Result<Option<Created>, Failure> {
    if found.len() > 1 {
        return Err(Failure::internal(format!("{title} exists {} times", found.len())));
    }
    Ok(found.pop().map(|Found { id, resource }| {
        host.log(Level::Info, &format!("{title} exists already as `{id}`"));
        Created { id, resource }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FailureCategory;
    use crate::fake::Fake;
    use crate::ledger::State;

    fn make(host: &Fake) -> Result<Created, Failure> {
        let find = Lookup::list("/models", "/resources").matching("/metadata/tags", "{tag}");
        let resource = Resource::new("wml", "model", "x", find).removed_by("/models/{id}");
        create(host, &resource, |tag| Request::post("wml", "/models").json(&json!({"tags": [tag]})))
    }

    fn made() -> Value {
        json!({"metadata": {"id": "m", "tags": ["mine", "run-1"]}})
    }

    fn lost() -> Error {
        Error::NoAnswer("connection reset".to_owned())
    }

    fn list(models: &[Value]) -> Value {
        json!({ "resources": models })
    }

    #[test]
    fn a_resource_is_announced_before_and_confirmed_after() {
        let host = Fake::new();
        host.always("POST /models", |sent| {
            assert_eq!(sent.json(), json!({"tags": ["run-1"]}));
            (201, made())
        });
        assert_eq!(make(&host).unwrap(), Created { id: "m".to_owned(), resource: made() });
        assert_eq!((host.ledger()[0].state, host.ledger()[0].id.as_deref()), (State::Confirmed, Some("m")));
    }

    #[test]
    fn a_lost_answer_is_looked_for_on_all_pages_and_adopted() {
        let host = Fake::new();
        host.fail("POST /models", lost());
        let other = json!({"metadata": {"id": "o", "tags": ["run-9"]}});
        host.answer("GET /models", 200, json!({"resources": [other], "next": {"href": "/models?start=2"}}));
        host.answer("GET /models", 200, list(&[made()]));
        assert_eq!(make(&host).unwrap().id, "m");
        assert_eq!(host.routes(), ["POST /models", "GET /models", "GET /models"]);
    }

    #[test]
    fn what_is_not_there_after_a_lost_answer_is_created_once_more() {
        for answer in [Err(lost()), Ok(502)] {
            let host = Fake::new();
            match answer {
                Ok(status) => host.answer("POST /models", status, ()),
                Err(error) => host.fail("POST /models", error),
            }
            host.answer("GET /models", 200, list(&[]));
            host.answer("GET /models", 200, list(&[]));
            host.answer("POST /models", 201, made());
            assert_eq!(make(&host).unwrap().id, "m");
            assert_eq!(host.elapsed().as_secs(), 1);
        }
    }

    #[test]
    fn a_second_lost_answer_is_the_end_unless_it_acted() {
        let host = Fake::new();
        host.fail("POST /models", lost());
        host.fail("POST /models", lost());
        host.always("GET /models", |_| (200, list(&[])));
        let failure = make(&host).unwrap_err();
        assert_eq!(failure.category, FailureCategory::Unavailable);
        assert_eq!(failure.message, "`POST /models` was sent, but its answer is lost: connection reset");
        assert_eq!(host.ledger()[0].state, State::Announced);
    }

    #[test]
    fn an_answer_that_was_cut_short_is_a_lost_one() {
        let host = Fake::new();
        host.answer_raw("POST /models", 201, br#"{"metadata": {"id"#);
        host.answer("GET /models", 200, list(&[made()]));
        assert_eq!(make(&host).unwrap().id, "m");
    }

    #[test]
    fn a_refusal_is_not_repeated() {
        let host = Fake::new();
        host.answer("POST /models", 400, json!({"errors": [{"message": "no"}]}));
        assert_eq!(make(&host).unwrap_err().message, "`POST /models` answered 400: no");
    }

    #[test]
    fn an_earlier_try_is_looked_for_before_anything_is_created() {
        let host = Fake::new();
        host.answer("POST /models", 201, made());
        make(&host).unwrap();
        host.answer("GET /models", 200, list(&[made()]));
        assert_eq!(make(&host).unwrap().id, "m");
        assert_eq!(host.requests_to("POST /models").len(), 1);

        host.always("GET /models", |_| (200, list(&[])));
        let failure = make(&host).unwrap_err();
        assert_eq!(failure.message, "model `x` was created before as `m`, but is not there any more");
    }

    #[test]
    fn what_was_made_of_something_else_is_not_adopted() {
        let host = Fake::new();
        host.answer("POST /models", 201, made());
        make(&host).unwrap();
        host.answer("POST /models", 201, json!({"metadata": {"id": "n"}}));
        let find = Lookup::list("/models", "/resources").matching("/metadata/tags", "{tag}");
        let resource = Resource::new("wml", "model", "x", find).removed_by("/models/{id}");
        let other = create(&host, &resource.clone().made_of("a newer file"), |tag| {
            Request::post("wml", "/models").json(&json!({"tags": [tag]}))
        });
        assert_eq!(other.unwrap().id, "n");
        host.answer("POST /models", 201, json!({"metadata": {"id": "o"}}));
        let other = create(&host, &resource, |tag| {
            Request::post("wml", "/models").json(&json!({"tags": [tag], "description": "new"}))
        });
        assert_eq!(other.unwrap().id, "o");
        assert_eq!(host.ledger().len(), 3);
    }

    #[test]
    fn two_with_one_tag_are_not_chosen_from() {
        let host = Fake::new();
        host.fail("POST /models", lost());
        host.answer("GET /models", 200, list(&[made(), made()]));
        assert_eq!(make(&host).unwrap_err().message, "model `x` exists 2 times");
    }
}
