//! The world of a step as a trait: the host in a component, a fake one in native tests.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::ledger::{Announced, Announcement, Entry, State};
use crate::scoring::{Port, Tensor};
use crate::services::{Error, Request, Response};
use crate::{Failure, Level};

/// What a step may ask of its host. The contract (`step.wit`) says what each call does.
pub trait Host {
    /// Sends a request and waits for the answer.
    fn send(&self, service: &str, request: &Request) -> Result<Response, Error>;
    /// Sends a request without waiting.
    fn start(&self, service: &str, request: &Request) -> Result<Box<dyn Pending>, Error>;

    /// Announces a resource that is about to be created.
    fn announce(&self, announcement: &Announcement) -> Result<Announced, Error>;
    /// Writes the id of an announced resource.
    fn confirm(&self, entry: u32, id: &str) -> Result<(), Error>;
    /// Sends the `find` of an entry.
    fn look_up(&self, entry: u32, next: Option<&str>) -> Result<Response, Error>;
    /// All entries of the run, oldest first.
    fn entries(&self) -> Result<Vec<Entry>, Error>;
    /// Sends the `users` of an entry.
    fn look_up_users(&self, entry: u32, next: Option<&str>) -> Result<Response, Error>;
    /// Sends the removal of an entry.
    fn remove(&self, entry: u32) -> Result<Response, Error>;
    /// Writes that an entry is removed or kept.
    fn settle(&self, entry: u32, state: State) -> Result<(), Error>;

    /// Writes a line to the run's log.
    fn log(&self, level: Level, message: &str);
    /// Says how far the step is.
    fn progress(&self, done: u64, total: Option<u64>, unit: &str);

    /// Loads a model to run it locally; `file` is the value of an input of format `model`.
    fn open_model(&self, file: &str) -> Result<Box<dyn LocalModel>, Failure>;

    /// The time of day.
    fn now(&self) -> SystemTime;
    /// Time since some moment before the step began; it never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration);
    /// A random number, for ids.
    fn random(&self) -> u128;

    /// The folder of the files that the inputs name: `/data`.
    fn data(&self) -> &Path;
    /// The step's own writable folder: `/artifacts`.
    fn artifacts(&self) -> &Path;
}

/// A request in flight.
pub trait Pending {
    /// Waits for the answer.
    fn wait(self: Box<Self>) -> Result<Response, Error>;
}

/// A model that the host runs.
pub trait LocalModel {
    /// The model's inputs, in order.
    fn inputs(&self) -> Vec<Port>;
    /// The model's outputs, in order.
    fn outputs(&self) -> Vec<Port>;
    /// SHA-256 of the file, in hex.
    fn sha256(&self) -> String;
    /// Runs it: one tensor per input, answers one per output.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure>;
}

/// A random id in the form of a UUID (version 4).
pub fn uuid(host: &dyn Host) -> String {
    let bits = host.random() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A time as the services write it: `2026-11-23T08:54:35.462Z`.
pub fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Reads a time as the services write it, in UTC.
pub fn read_timestamp(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix("+00:00").map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    humantime::parse_rfc3339(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_the_services_write_it() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_722_949_052_480);
        for text in ["2024-08-06T12:57:32.480000Z", "2024-08-06T12:57:32.48Z", "2024-08-06T12:57:32.480+00:00"] {
            assert_eq!(read_timestamp(text), Some(time), "{text}");
        }
        assert_eq!(timestamp(time), "2024-08-06T12:57:32.480Z");
        assert_eq!(read_timestamp("yesterday"), None);
    }
}
