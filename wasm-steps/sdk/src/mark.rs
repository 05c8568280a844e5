//! `Mark`: by which the records of a step are known again, so that a later try sends only what is missing.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::uuid;
use crate::{Failure, Host, json};

/// What a try of the step leaves for the next, among its artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The data set that the records go to.
    data_set: String,
    /// What they are made of; of something else there would be other records.
    basis: u32,
    /// The records that were there before the first try.
    pub before: u64,
    /// What the ids of all requests begin with.
    id: String,
}

/// A checksum of what records are made of: a file, called `name` in messages, and `how` it is read and sent.
pub fn basis(mut file: File, name: &str, how: &Value) -> Result<u32, Failure> {
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => hasher.update(&chunk[..read]),
            Err(error) => return Err(Failure::invalid_input(format!("`{name}` cannot be read: {error}"))),
        }
    }
    hasher.update(json::write(how).as_bytes());
    Ok(hasher.finalize())
}

/// What the ids begin with that all shards give to a data set's records.
pub fn shared_prefix(data_set: &str) -> String {
    format!("{:08x}-", crc32fast::hash(data_set.as_bytes()))
}

fn name(kind: &str) -> String {
    format!("{kind}-records.json")
}

fn unusable(kind: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(format!("artifact `{}` cannot be used: {error}", name(kind)))
}

impl Mark {
    /// The mark that an earlier try has left for a data set.
    pub fn kept(host: &dyn Host, kind: &str, data_set: &str) -> Result<Option<Self>, Failure> {
        // It is the only one who knows which records are the run's.
        let damaged = |error| unusable(kind, &error).hint("start a new run");
        let kept = match fs::read(host.artifacts().join(name(kind))) {
            Ok(bytes) => serde_json::from_slice::<Self>(&bytes).map_err(damaged)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(kind, &error)),
        };
        // Of another data set: what was sent there is none of this one's.
        Ok(Some(kept).filter(|kept| kept.data_set == data_set))
    }

    /// The mark of this try: the one that is kept, if it sends the same. `kind` names its file, `before` counts what is there
    /// now; with the kept one comes a count of what was there of others and of its own. Of several shards, which write to the
    /// data set at the same time, all ids begin alike.
    pub fn keep(
        host: &dyn Host,
        kind: &str,
        data_set: &str,
        basis: u32,
        before: u64,
        kept: Option<(Self, u64)>,
        is_shared: bool,
    ) -> Result<Self, Failure> {
        match kept {
            Some((kept, _)) if kept.basis == basis => return Ok(kept),
            Some((kept, found)) if found > kept.before => {
                return Err(Failure::refused(format!(
                    "the {kind} data set `{data_set}` has records of an earlier try that scored something else"
                ))
                .hint("start a new run"));
            }
            _ => {}
        }
        // Also when nothing of an earlier try had got in: what is sent now must not be taken for something else's later.
        let id = uuid(host);
        let id = if is_shared { format!("{}{}", shared_prefix(data_set), &id[9..28]) } else { id[..28].to_owned() };
        let mark = Self { data_set: data_set.to_owned(), basis, before, id };
        let bytes = serde_json::to_vec(&mark).map_err(|error| unusable(kind, &error))?;
        replace(&host.artifacts().join(name(kind)), &bytes).map_err(|error| unusable(kind, &error))?;
        Ok(mark)
    }

    /// The id of a request, which is a UUID; requests are numbered in the order in which they are sent.
    pub fn request(&self, number: u32) -> String {
        format!("{}{number:08x}", self.id)
    }

    /// What the ids of all requests begin with.
    pub fn prefix(&self) -> &str {
        &self.id
    }
}

/// Replaces a file, so that neither a kill nor the end of the whole machine leaves half of it.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = file.with_extension("draft");
    let mut out = File::create(&draft)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&draft, file)?;
    // The name is durable only with its folder, where a folder can be synced.
    if let Some(folder) = file.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    /// The mark of the next try, and whether there was one before.
    fn keep(host: &Fake, data_set: &str, basis: u32, before: u64) -> Result<(Mark, bool), Failure> {
        let kept = Mark::kept(host, "feedback", data_set)?.map(|kept| (kept, before));
        let again = kept.is_some();
        Ok((Mark::keep(host, "feedback", data_set, basis, before, kept, false)?, again))
    }

    #[test]
    fn a_later_try_has_the_mark_of_the_first() {
        let host = Fake::new();
        let (first, again) = keep(&host, "set", 7, 10).unwrap();
        assert!(!again);
        assert_eq!(first.request(17).len(), 36);
        let (second, again) = keep(&host, "set", 7, 12).unwrap();
        assert!(again);
        assert_eq!((second.before, second.request(17)), (10, first.request(17)));
    }

    #[test]
    fn shards_have_ids_of_their_own_that_begin_alike() {
        let (one, other) = (Fake::new(), Fake::new());
        let marks = [&one, &other].map(|host| Mark::keep(host, "feedback", "set", 7, 0, None, true).unwrap());
        for mark in &marks {
            assert!(mark.prefix().starts_with(&shared_prefix("set")), "{}", mark.prefix());
            assert_eq!(mark.request(17).len(), 36);
        }
        assert_ne!(shared_prefix("set"), shared_prefix("other"));
    }

    #[test]
    fn another_data_set_has_another_mark() {
        let host = Fake::new();
        keep(&host, "set", 7, 10).unwrap();
        let (second, again) = keep(&host, "other", 7, 0).unwrap();
        assert_eq!((again, second.before), (false, 0));
    }

    #[test]
    fn records_of_something_else_are_not_completed() {
        let host = Fake::new();
        keep(&host, "set", 7, 10).unwrap();
        let failure = keep(&host, "set", 8, 12).unwrap_err();
        assert_eq!(
            failure.message,
            "the feedback data set `set` has records of an earlier try that scored something else"
        );
        assert!(keep(&host, "set", 8, 10).is_ok(), "nothing had got in");
    }

    #[test]
    fn records_of_something_else_get_a_mark_of_their_own_before_any_is_sent() {
        for then in [7, 8] {
            let host = Fake::new();
            keep(&host, "set", 7, 10).unwrap();
            let (second, again) = keep(&host, "set", 8, 10).unwrap();
            assert!(again, "requests of the first try may still be on their way");

            // The second try was killed after it had sent some.
            let third = keep(&host, "set", then, 12);
            match then {
                7 => assert!(third.unwrap_err().message.ends_with("that scored something else")),
                _ => assert_eq!(third.unwrap(), (second, true)),
            }
        }
    }

    #[test]
    fn a_damaged_mark_says_what_is_to_be_done() {
        let host = Fake::new();
        fs::write(host.artifacts().join("feedback-records.json"), "{").unwrap();
        let failure = keep(&host, "set", 7, 10).unwrap_err();
        assert!(
            failure.message.starts_with("artifact `feedback-records.json` cannot be used: "),
            "{}",
            failure.message
        );
        assert_eq!(failure.hint.as_deref(), Some("start a new run"));
    }
}
