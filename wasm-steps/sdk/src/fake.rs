//! A host for native tests: recorded answers, a ledger in memory, a clock that only waiting moves.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::ledger::{Announced, Announcement, Entry, Lookup, State};
use crate::services::{Error, Request, Response};
use crate::{Failure, Host, Level, LocalModel, Pending};

mod model;
mod sent;

pub use model::FakeModel;
pub use sent::Sent;

type Handler = Box<dyn Fn(&Sent) -> (u16, Value)>;
type Answer = Result<Response, Error>;

/// The fake host. A route is method and path: `GET /v2/spaces`. A route that has no answer (left) panics.
pub struct Fake {
    answers: RefCell<BTreeMap<String, VecDeque<Answer>>>,
    handlers: RefCell<BTreeMap<String, Handler>>,
    requests: RefCell<Vec<Sent>>,
    entries: RefCell<Vec<Entry>>,
    models: RefCell<BTreeMap<String, FakeModel>>,
    logs: RefCell<Vec<(Level, String)>>,
    elapsed: Cell<Duration>,
    random: Cell<u128>,
    folder: PathBuf,
    data: PathBuf,
    artifacts: PathBuf,
}

impl Fake {
    /// A host that has nothing yet.
    ///
    /// # Panics
    /// When the folders of its files cannot be made.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("step-sdk-fake-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let (data, artifacts) = (folder.join("data"), folder.join("artifacts"));
        for made in [&data, &artifacts] {
            std::fs::create_dir_all(made).expect("a temporary folder can be made");
        }
        Self {
            answers: RefCell::default(),
            handlers: RefCell::default(),
            requests: RefCell::default(),
            entries: RefCell::default(),
            models: RefCell::default(),
            logs: RefCell::default(),
            elapsed: Cell::default(),
            random: Cell::new(1),
            folder,
            data,
            artifacts,
        }
    }

    /// Answers a route once more, after what it was told before.
    pub fn answer(&self, route: &str, status: u16, body: impl Into<Value>) {
        self.answer_with(route, status, &[], body);
    }

    /// As [`Self::answer`], with headers.
    pub fn answer_with(&self, route: &str, status: u16, headers: &[(&str, &str)], body: impl Into<Value>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.push(route, Ok(Response { status, headers, body: bytes(&body.into()) }));
    }

    /// Answers a route once more with these bytes.
    pub fn answer_raw(&self, route: &str, status: u16, body: &[u8]) {
        self.push(route, Ok(Response { status, headers: Vec::new(), body: body.to_vec() }));
    }

    /// Gives a route no answer once more.
    pub fn fail(&self, route: &str, error: Error) {
        self.push(route, Err(error));
    }

    /// Answers a route whenever no single answer is left for it.
    pub fn always(&self, route: &str, handler: impl Fn(&Sent) -> (u16, Value) + 'static) {
        self.handlers.borrow_mut().insert(route.to_owned(), Box::new(handler));
    }

    fn push(&self, route: &str, answer: Answer) {
        self.answers.borrow_mut().entry(route.to_owned()).or_default().push_back(answer);
    }

    /// Everything that was sent, in order.
    pub fn requests(&self) -> Vec<Sent> {
        self.requests.borrow().clone()
    }

    /// What was sent to one route.
    pub fn requests_to(&self, route: &str) -> Vec<Sent> {
        self.requests.borrow().iter().filter(|sent| sent.route == route).cloned().collect()
    }

    /// The routes of everything that was sent, in order.
    pub fn routes(&self) -> Vec<String> {
        self.requests.borrow().iter().map(|sent| sent.route.clone()).collect()
    }

    /// The ledger as it is now.
    pub fn ledger(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }

    /// Adds an entry that another step, or an earlier try, announced. Its tag is `run-<number>`.
    pub fn announced(&self, step: &str, announcement: Announcement, id: Option<&str>) -> u32 {
        let mut entries = self.entries.borrow_mut();
        let number = entries.last().map_or(1, |last| last.number + 1);
        let state = if id.is_some() { State::Confirmed } else { State::Announced };
        let (step, id) = (step.to_owned(), id.map(str::to_owned));
        entries.push(Entry { number, step, announcement, tag: format!("run-{number}"), id, state });
        number
    }

    /// Puts a file into `/data`: a data set, a model or an earlier step's artifact.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.data.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a temporary folder can be made");
        }
        std::fs::write(path, content).expect("a temporary file can be written");
    }

    /// Lets a model be loaded; any other file is no model.
    pub fn model(&self, file: &str, model: FakeModel) {
        self.models.borrow_mut().insert(file.to_owned(), model);
    }

    /// The content of a file that the step wrote.
    ///
    /// # Panics
    /// When it wrote no such text.
    pub fn artifact(&self, name: &str) -> String {
        std::fs::read_to_string(self.artifacts.join(name)).expect("the step wrote the artifact")
    }

    /// The log's lines from a level on, in order.
    pub fn logged(&self, from: Level) -> Vec<String> {
        let logs = self.logs.borrow();
        logs.iter().filter(|(level, _)| *level >= from).map(|(_, line)| line.clone()).collect()
    }

    fn exchange(&self, service: &str, method: &str, path: &str, rest: Request) -> Answer {
        let route = format!("{method} {path}");
        let Request { query, headers, body, .. } = rest;
        let sent =
            Sent { service: service.to_owned(), route: route.clone(), query, headers, body: body.unwrap_or_default() };
        self.requests.borrow_mut().push(sent.clone());
        if let Some(answer) = self.answers.borrow_mut().get_mut(&route).and_then(VecDeque::pop_front) {
            return answer;
        }
        let handlers = self.handlers.borrow();
        let Some(handler) = handlers.get(&route) else {
            panic!("no answer is recorded for `{route}`, query {:?}", sent.query);
        };
        let (status, body) = handler(&sent);
        Ok(Response { status, headers: Vec::new(), body: bytes(&body) })
    }

    fn look(&self, entry: &Entry, lookup: &Lookup, next: Option<&str>) -> Answer {
        let first = request("GET", &filled(entry, &lookup.path), filled_query(entry, &lookup.query));
        let request = match next {
            None => first,
            Some(next) => {
                let (path, query) = next.split_once('?').unwrap_or((next, ""));
                request("GET", path, form_urlencoded::parse(query.as_bytes()).into_owned().collect())
            }
        };
        let path = request.path.clone();
        self.exchange(&entry.announcement.service, "GET", &path, request)
    }

    fn entry(&self, number: u32) -> Result<Entry, Error> {
        let entries = self.entries.borrow();
        let entry = entries.iter().find(|entry| entry.number == number);
        entry.cloned().ok_or_else(|| Error::Invalid(format!("no entry {number}")))
    }

    fn change(&self, number: u32, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.borrow_mut().iter_mut().find(|entry| entry.number == number) {
            change(entry);
        }
    }
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // What is left of a temporary folder is the system's to clear.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Host for Fake {
    fn send(&self, service: &str, request: &Request) -> Answer {
        self.exchange(service, &request.method, &request.path, request.clone())
    }
    fn start(&self, service: &str, request: &Request) -> Result<Box<dyn Pending>, Error> {
        Ok(Box::new(Done(self.send(service, request))))
    }
    fn announce(&self, announcement: &Announcement) -> Result<Announced, Error> {
        let known = self.entries.borrow().iter().find(|entry| same(&entry.announcement, announcement)).cloned();
        let again = known.is_some();
        let entry = match known {
            Some(entry) => entry,
            None => self.entry(self.announced("", announcement.clone(), None))?,
        };
        Ok(Announced { entry: entry.number, tag: entry.tag, id: entry.id, again })
    }
    fn confirm(&self, entry: u32, id: &str) -> Result<(), Error> {
        if self.entry(entry)?.id.is_some_and(|known| known != id) {
            return Err(Error::Invalid(format!("entry {entry} has another id")));
        }
        self.change(entry, |entry| {
            (entry.id, entry.state) = (Some(id.to_owned()), State::Confirmed);
        });
        Ok(())
    }
    fn look_up(&self, entry: u32, next: Option<&str>) -> Answer {
        let entry = self.entry(entry)?;
        self.look(&entry, &entry.announcement.find, next)
    }
    fn entries(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.ledger())
    }
    fn look_up_users(&self, entry: u32, next: Option<&str>) -> Answer {
        let entry = self.entry(entry)?;
        match &entry.announcement.users {
            Some(users) => self.look(&entry, users, next),
            None => Err(Error::Invalid("the entry has no users".to_owned())),
        }
    }
    fn remove(&self, entry: u32) -> Answer {
        let entry = self.entry(entry)?;
        if entry.id.is_none() {
            return Err(Error::Invalid("the entry has no id".to_owned()));
        }
        let Announcement { service, remove_path, remove_query, .. } = &entry.announcement;
        let path = filled(&entry, remove_path);
        self.exchange(service, "DELETE", &path, request("DELETE", &path, filled_query(&entry, remove_query)))
    }
    fn settle(&self, entry: u32, state: State) -> Result<(), Error> {
        self.change(entry, |entry| entry.state = state);
        Ok(())
    }
    fn log(&self, level: Level, message: &str) {
        self.logs.borrow_mut().push((level, message.to_owned()));
    }
    fn progress(&self, _done: u64, _total: Option<u64>, _unit: &str) {}
    fn open_model(&self, file: &str) -> Result<Box<dyn LocalModel>, Failure> {
        match self.models.borrow().get(file) {
            Some(model) => Ok(Box::new(model.clone())),
            None => Err(Failure::invalid_input(format!("`{file}` is not an ONNX file"))),
        }
    }
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + self.elapsed.get()
    }
    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }
    fn sleep(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
    }
    fn random(&self) -> u128 {
        self.random.replace(self.random.get() + 1)
    }
    fn data(&self) -> &Path {
        &self.data
    }
    fn artifacts(&self) -> &Path {
        &self.artifacts
    }
}

struct Done(Answer);

impl Pending for Done {
    fn wait(self: Box<Self>) -> Answer {
        self.0
    }
}

fn same(one: &Announcement, other: &Announcement) -> bool {
    (&one.kind, &one.name, &one.basis) == (&other.kind, &other.name, &other.basis)
}

fn bytes(body: &Value) -> Vec<u8> {
    if body.is_null() { Vec::new() } else { body.to_string().into_bytes() }
}

fn request(method: &str, path: &str, query: Vec<(String, String)>) -> Request {
    let repeat = crate::Repeat::ByMethod;
    Request { method: method.to_owned(), path: path.to_owned(), query, headers: Vec::new(), body: None, repeat }
}

fn filled(entry: &Entry, text: &str) -> String {
    text.replace("{tag}", &entry.tag).replace("{id}", entry.id.as_deref().unwrap_or_default())
}

fn filled_query(entry: &Entry, query: &[(String, String)]) -> Vec<(String, String)> {
    query.iter().map(|(name, value)| (name.clone(), filled(entry, value))).collect()
}
