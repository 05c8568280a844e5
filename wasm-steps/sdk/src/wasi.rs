//! The real host: the imports of the component, and WASI's clocks, files and randomness by way of std.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use crate::bindings::stepwise::step::{log, progress};
use crate::host::{Host, LocalModel, Pending};
use crate::ledger::{self, Announced, Announcement, Entry, State};
use crate::scoring::{self, Port, Tensor};
use crate::services::{self, Error, Request, Response};
use crate::{Failure, Level};

/// The host that runs this component.
#[derive(Debug, Clone, Copy)]
pub struct Wasi;

impl Host for Wasi {
    fn send(&self, service: &str, request: &Request) -> Result<Response, Error> {
        services::send(service, request)
    }
    fn start(&self, service: &str, request: &Request) -> Result<Box<dyn Pending>, Error> {
        services::start(service, request).map(|pending| Box::new(pending) as Box<dyn Pending>)
    }
    fn announce(&self, announcement: &Announcement) -> Result<Announced, Error> {
        ledger::announce(announcement)
    }
    fn confirm(&self, entry: u32, id: &str) -> Result<(), Error> {
        ledger::confirm(entry, id)
    }
    fn look_up(&self, entry: u32, next: Option<&str>) -> Result<Response, Error> {
        ledger::look_up(entry, next)
    }
    fn entries(&self) -> Result<Vec<Entry>, Error> {
        ledger::entries()
    }
    fn look_up_users(&self, entry: u32, next: Option<&str>) -> Result<Response, Error> {
        ledger::look_up_users(entry, next)
    }
    fn remove(&self, entry: u32) -> Result<Response, Error> {
        ledger::remove(entry)
    }
    fn settle(&self, entry: u32, state: State) -> Result<(), Error> {
        ledger::settle(entry, state)
    }
    fn log(&self, level: Level, message: &str) {
        log::log(level, message);
    }
    fn progress(&self, done: u64, total: Option<u64>, unit: &str) {
        progress::report(done, total, unit);
    }
    fn open_model(&self, file: &str) -> Result<Box<dyn LocalModel>, Failure> {
        scoring::open(file).map(|model| Box::new(model) as Box<dyn LocalModel>)
    }
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
    fn random(&self) -> u128 {
        // std seeds the state from WASI's randomness and takes another for every new one.
        let half = || u128::from(RandomState::new().hash_one(0));
        half() << 64 | half()
    }
    fn data(&self) -> &Path {
        Path::new("/data")
    }
    fn artifacts(&self) -> &Path {
        Path::new("/artifacts")
    }
}

impl Pending for services::Pending {
    fn wait(self: Box<Self>) -> Result<Response, Error> {
        services::Pending::wait(&self)
    }
}

impl LocalModel for scoring::Model {
    fn inputs(&self) -> Vec<Port> {
        scoring::Model::inputs(self)
    }
    fn outputs(&self) -> Vec<Port> {
        scoring::Model::outputs(self)
    }
    fn sha256(&self) -> String {
        scoring::Model::sha256(self)
    }
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        scoring::Model::run(self, inputs)
    }
}
