//! `ledger.jsonl`: the write-ahead log of what the run creates.
//!
//! Only ever appended to, one JSON line per event, under a lock on the file: several processes may write it. What is
//! known of an entry is the sum of its lines. An announcement is on disk before the call returns. The other lines only
//! outlive this process: if the whole machine goes down with them, the entry's lookup finds the resource again. Every
//! line ends with a checksum of itself, so that a damaged one is never taken for another; `count` knows how many are on
//! disk, so that none is lost unnoticed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::engine::{Announced, Announcement, State};
use crate::plan::tag_prefix;
use crate::services::encode_segment;
use rustix::fs::{FlockOperation, flock};

mod count;
mod line;

use count::Count;
use line::Line;

/// A run's ledger.
#[derive(Debug)]
pub struct Ledger {
    file: PathBuf,
    count: Count,
    /// What the tags of this run start with.
    prefix: String,
}

/// One entry, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// From 1, in the order of announcement.
    pub number: u32,
    /// The step that announced it.
    pub step: String,
    /// What it announced.
    pub announcement: Announcement,
    /// Unique to the run and the entry.
    pub tag: String,
    /// The confirmed id.
    pub id: Option<String>,
    /// What is known of it.
    pub state: State,
}

impl LedgerEntry {
    /// The path of the request that removes it, once its id is known.
    pub(super) fn removal(&self) -> Option<String> {
        let id = encode_segment(self.id.as_deref()?);
        Some(self.announcement.remove_path.replace("{id}", &id).replace("{tag}", &self.tag))
    }
}

/// Why the ledger cannot be used. A step that meets it must not create anything.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system says no.
    #[error("failed to {action} the ledger `{file}`: {source}", file = file.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line that is not one of ours.
    #[error("line {line} of the ledger `{file}` cannot be read: {reason}", file = file.display())]
    Line {
        /// From 1.
        line: usize,
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Lines that were there are not any more.
    #[error("the ledger `{file}` has {found} lines, and has had {known}", file = file.display())]
    Short {
        /// The file.
        file: PathBuf,
        /// How many lines it has.
        found: u64,
        /// How many it had.
        known: u64,
    },
    /// There is no such entry.
    #[error("the ledger has no entry {0}")]
    Unknown(u32),
    /// It was confirmed under another id.
    #[error("entry {number} is confirmed as `{known}`, not `{new}`")]
    Confirmed {
        /// The entry.
        number: u32,
        /// The id that it has.
        known: String,
        /// The id that it cannot get.
        new: String,
    },
    /// Nothing a step may say of an entry.
    #[error("an entry is settled as `removed` or `kept`")]
    Settle,
}

impl Ledger {
    /// The ledger in a run's folder. The file is made with its first line.
    pub fn new(folder: &Path, pipeline: &str, run: &str, nonce: &str) -> Self {
        let prefix = format!("{}{run}_{nonce}_", tag_prefix(pipeline));
        Self { file: folder.join("ledger.jsonl"), count: Count::new(folder), prefix }
    }

    /// Writes that a step is about to create something. The same kind and name of the same step is the same entry,
    /// unless that one was removed, or made of something else.
    pub fn announce(&self, step: &str, announcement: Announcement) -> Result<Announced, LedgerError> {
        let mut open = self.lock()?;
        let same = |entry: &&LedgerEntry| {
            entry.step == step
                && entry.announcement.kind == announcement.kind
                && entry.announcement.name == announcement.name
                && entry.announcement.basis == announcement.basis
                && matches!(entry.state, State::Announced | State::Confirmed)
        };
        if let Some(entry) = open.entries.iter().find(same) {
            return Ok(Announced { entry: entry.number, tag: entry.tag.clone(), id: entry.id.clone(), again: true });
        }
        let number = u32::try_from(open.entries.len()).unwrap_or(u32::MAX - 1) + 1;
        let tag = format!("{}{number}", self.prefix);
        let (step, announcement) = (step.to_owned(), Box::new(announcement));
        let line = Line::Announced { at: super::now(), entry: number, step, tag: tag.clone(), announcement };
        open.append(&line)?;
        open.sync()?;
        // Not before the lines themselves are on disk: a machine that goes down must not leave more counted than there are.
        self.count.set(open.lines).map_err(|source| LedgerError::File {
            action: "count the lines of",
            file: self.file.clone(),
            source,
        })?;
        Ok(Announced { entry: number, tag, id: None, again: false })
    }

    /// Writes under which id the resource exists.
    pub fn confirm(&self, number: u32, id: &str) -> Result<(), LedgerError> {
        let mut open = self.lock()?;
        match &open.entry(number)?.id {
            Some(known) if known == id => Ok(()),
            Some(known) => Err(LedgerError::Confirmed { number, known: known.clone(), new: id.to_owned() }),
            None => open.append(&Line::Confirmed { at: super::now(), entry: number, id: id.to_owned() }),
        }
    }

    /// Writes that the resource is gone, or stays for others.
    pub fn settle(&self, number: u32, state: State) -> Result<(), LedgerError> {
        let at = super::now();
        let line = match state {
            State::Removed => Line::Removed { at, entry: number },
            State::Kept => Line::Kept { at, entry: number },
            State::Announced | State::Confirmed => return Err(LedgerError::Settle),
        };
        let mut open = self.lock()?;
        open.entry(number)?;
        open.append(&line)
    }

    /// One entry.
    pub fn entry(&self, number: u32) -> Result<LedgerEntry, LedgerError> {
        Ok(self.lock()?.entry(number)?.clone())
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Result<Vec<LedgerEntry>, LedgerError> {
        Ok(self.lock()?.entries)
    }

    /// What the run created and has not removed, oldest first. Reads only: where there is no ledger, none is made.
    pub fn left(&self) -> Result<Vec<LedgerEntry>, LedgerError> {
        let live = |entry: &LedgerEntry| matches!(entry.state, State::Announced | State::Confirmed);
        Ok(self.known()?.into_iter().filter(live).collect())
    }

    /// Something that one of these steps created, that was removed and not created again.
    pub(super) fn gone(&self, steps: &BTreeSet<&str>) -> Result<Option<LedgerEntry>, LedgerError> {
        let entries = self.known()?;
        let again = |gone: &LedgerEntry| {
            entries.iter().any(|entry| {
                entry.number > gone.number
                    && entry.step == gone.step
                    && entry.announcement.kind == gone.announcement.kind
                    && entry.state != State::Removed
            })
        };
        let gone = |entry: &&LedgerEntry| {
            entry.state == State::Removed && steps.contains(entry.step.as_str()) && !again(entry)
        };
        Ok(entries.iter().find(gone).cloned())
    }

    /// How many lines it has; each of them is sound.
    pub(super) fn lines(&self) -> Result<u64, LedgerError> {
        if self.is_there() { Ok(self.lock()?.lines) } else { Ok(0) }
    }

    /// Every line is sound, and there are as many as this at least.
    pub(super) fn has(&self, known: u64) -> Result<(), LedgerError> {
        self.not_short_of(known, self.lines()?)
    }

    fn not_short_of(&self, known: u64, found: u64) -> Result<(), LedgerError> {
        if found < known { Err(LedgerError::Short { file: self.file.clone(), found, known }) } else { Ok(()) }
    }

    fn known(&self) -> Result<Vec<LedgerEntry>, LedgerError> {
        if self.is_there() { self.entries() } else { Ok(Vec::new()) }
    }

    /// Whether it has been begun, though it may be gone.
    fn is_there(&self) -> bool {
        self.file.exists() || self.count.get() > 0
    }

    /// Opens, locks and reads the file; the lock ends with the value.
    fn lock(&self) -> Result<Open<'_>, LedgerError> {
        let failed = |action| move |source| LedgerError::File { action, file: self.file.clone(), source };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&self.file).map_err(failed("open"))?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed("lock")(error.into()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("read"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        // A kill may have cut the last line anywhere, in the middle of a letter too.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let tail = String::from_utf8_lossy(&bytes[whole..]).into_owned();
        bytes.truncate(whole);
        let text = String::from_utf8(bytes).map_err(|error| LedgerError::Line {
            line: error.as_bytes()[..error.utf8_error().valid_up_to()].split(|&byte| byte == b'\n').count(),
            file: self.file.clone(),
            reason: "it is not UTF-8".to_owned(),
        })? + &tail;
        let unended = !text.is_empty() && !text.ends_with('\n');
        let tail = if unended { Tail::Unended } else { Tail::Whole };
        let mut open = Open { ledger: self, file, entries: Vec::new(), lines: 0, tail };
        let count = text.lines().count();
        for (n, line) in text.lines().enumerate() {
            match Line::read(line) {
                Ok(line) => {
                    open.apply(line)?;
                    open.lines += 1;
                }
                // A kill in the middle of an append leaves half a line at the end. Its writer never went on, so
                // nothing hangs on it.
                Err(_) if unended && n + 1 == count && Line::is_piece(line) => {
                    let whole = text.rfind('\n').map_or(0, |at| at + 1);
                    open.tail = Tail::Broken(whole as u64);
                }
                Err(reason) => return Err(LedgerError::Line { line: n + 1, file: self.file.clone(), reason }),
            }
        }
        self.not_short_of(self.count.get(), open.lines)?;
        Ok(open)
    }
}

/// The ledger, locked.
struct Open<'a> {
    ledger: &'a Ledger,
    file: File,
    entries: Vec<LedgerEntry>,
    lines: u64,
    tail: Tail,
}

/// How the file ends.
#[derive(Debug, Clone, Copy)]
enum Tail {
    /// With the end of a line.
    Whole,
    /// With a line that lacks only its end.
    Unended,
    /// With a piece of a line; the lines before it have this length.
    Broken(u64),
}

impl Open<'_> {
    fn apply(&mut self, line: Line) -> Result<(), LedgerError> {
        match line {
            Line::Announced { entry: number, step, tag, announcement, .. } => {
                let announcement = *announcement;
                self.entries.push(LedgerEntry { number, step, announcement, tag, id: None, state: State::Announced });
            }
            Line::Confirmed { entry, id, .. } => {
                let entry = self.entry_mut(entry)?;
                entry.id = Some(id);
                entry.state = State::Confirmed;
            }
            Line::Removed { entry, .. } => self.entry_mut(entry)?.state = State::Removed,
            Line::Kept { entry, .. } => self.entry_mut(entry)?.state = State::Kept,
        }
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::File { action: "write", file: self.ledger.file.clone(), source };
        let mut text = line.write().map_err(|error| failed(error.into()))?;
        match self.tail {
            Tail::Whole => {}
            Tail::Unended => text.insert(0, '\n'),
            Tail::Broken(whole) => self.file.set_len(whole).map_err(failed)?,
        }
        self.tail = Tail::Whole;
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.lines += 1;
        Ok(())
    }

    /// Brings what was appended to disk, and the file's name with its first line.
    fn sync(&self) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::File { action: "write", file: self.ledger.file.clone(), source };
        self.file.sync_data().map_err(failed)?;
        match self.ledger.file.parent() {
            Some(folder) if self.entries.is_empty() => {
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
            }
            _ => Ok(()),
        }
    }

    fn entry(&self, number: u32) -> Result<&LedgerEntry, LedgerError> {
        self.entries.iter().find(|entry| entry.number == number).ok_or(LedgerError::Unknown(number))
    }

    fn entry_mut(&mut self, number: u32) -> Result<&mut LedgerEntry, LedgerError> {
        self.entries.iter_mut().find(|entry| entry.number == number).ok_or(LedgerError::Unknown(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Lookup;

    fn announcement(name: &str) -> Announcement {
        let find = Lookup {
            path: "/things".into(),
            query: vec![],
            items: "/resources".into(),
            property: "/metadata/tags".into(),
            value: "{tag}".into(),
            id: "/metadata/id".into(),
        };
        Announcement {
            kind: "thing".into(),
            service: "wml".into(),
            name: name.into(),
            find,
            remove_path: "/things/{id}".into(),
            remove_query: vec![],
            users: None,
            shared: false,
            basis: String::new(),
        }
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(folder.path(), "p", "r", "n");
        (folder, ledger)
    }

    #[test]
    fn an_entry_is_the_sum_of_its_lines() {
        let (_folder, ledger) = ledger();

        let announced = ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(announced.entry, "id-1").unwrap();

        let entry = ledger.entry(1).unwrap();
        assert_eq!((announced.tag.as_str(), announced.again), ("stepwise_1_p_r_n_1", false));
        assert_eq!((entry.id.as_deref(), entry.state), (Some("id-1"), State::Confirmed));
    }

    #[test]
    fn announcing_again_finds_the_first_entry() {
        let (_folder, ledger) = ledger();
        let first = ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(first.entry, "id-1").unwrap();

        let again = ledger.announce("store", announcement("m")).unwrap();

        assert_eq!((again.entry, again.again, again.id.as_deref()), (1, true, Some("id-1")));
        assert_eq!(ledger.announce("other", announcement("m")).unwrap().entry, 2);
    }

    #[test]
    fn a_removed_entry_does_not_come_back() {
        let (_folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.settle(1, State::Removed).unwrap();

        assert_eq!(ledger.announce("store", announcement("m")).unwrap().entry, 2);
    }

    #[test]
    fn what_is_made_of_something_else_is_another_entry() {
        let (_folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();

        let other = Announcement { basis: "another".into(), ..announcement("m") };
        let other = ledger.announce("store", other).unwrap();

        assert_eq!((other.entry, other.again), (2, false));
        assert_eq!(ledger.entries().unwrap().len(), 2);
    }

    #[test]
    fn another_id_is_refused() {
        let (_folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(1, "a").unwrap();

        assert!(ledger.confirm(1, "a").is_ok());
        assert!(matches!(ledger.confirm(1, "b"), Err(LedgerError::Confirmed { .. })));
        assert!(matches!(ledger.confirm(7, "b"), Err(LedgerError::Unknown(7))));
    }

    #[test]
    fn a_half_written_last_line_is_dropped_and_no_whole_one() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        let file = folder.path().join("ledger.jsonl");
        let whole = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{whole}{{\"event\":\"confi")).unwrap();

        assert_eq!(ledger.entries().unwrap().len(), 1);
        ledger.confirm(1, "a").unwrap();
        assert_eq!(ledger.entry(1).unwrap().id.as_deref(), Some("a"));
    }

    #[test]
    fn a_last_line_that_only_lacks_its_end_counts() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(1, "a").unwrap();
        let file = folder.path().join("ledger.jsonl");
        let whole = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, whole.trim_end()).unwrap();

        ledger.announce("store", announcement("n")).unwrap();

        assert_eq!(ledger.entry(1).unwrap().id.as_deref(), Some("a"));
        assert_eq!(ledger.entries().unwrap().len(), 2);
    }

    #[test]
    fn a_last_line_that_is_cut_within_a_letter_is_dropped() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        let file = folder.path().join("ledger.jsonl");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.extend(b"{\"event\":\"announced\",\"name\":\"\xc3");
        std::fs::write(&file, bytes).unwrap();

        assert_eq!(ledger.announce("store", announcement("n")).unwrap().entry, 2);
        assert_eq!(ledger.entries().unwrap().len(), 2);
    }

    #[test]
    fn wherever_it_is_cut_the_lines_before_count() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(1, "a").unwrap();
        ledger.announce("deploy", announcement("d")).unwrap();
        let file = folder.path().join("ledger.jsonl");
        let whole = std::fs::read(&file).unwrap();
        std::fs::remove_file(folder.path().join("ledger.count")).unwrap();
        for at in 0..=whole.len() {
            std::fs::write(&file, &whole[..at]).unwrap();
            let ends = String::from_utf8_lossy(&whole[..at]).matches('\n').count();
            // A line that lacks only its end counts.
            let lines = ends + usize::from(whole.get(at) == Some(&b'\n'));
            assert_eq!(ledger.lines().unwrap(), lines as u64, "cut at {at}");
            assert_eq!(ledger.entries().unwrap().first().and_then(|entry| entry.id.as_deref()).is_some(), lines > 1);
            assert_eq!(ledger.has(3).is_ok(), lines == 3, "cut at {at}");
        }
    }

    #[test]
    fn a_lost_line_up_to_the_last_announcement_is_told_whoever_asks() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(1, "a").unwrap();
        ledger.announce("deploy", announcement("d")).unwrap();
        let file = folder.path().join("ledger.jsonl");
        let announced = std::fs::read_to_string(&file).unwrap();
        ledger.confirm(2, "b").unwrap();
        let short = |found: Result<Vec<LedgerEntry>, LedgerError>, lines| matches!(found, Err(LedgerError::Short { found, known: 3, .. }) if found == lines);

        // Of the last confirmation the lookup of its entry knows as well.
        std::fs::write(&file, &announced).unwrap();
        assert_eq!(ledger.entries().unwrap()[1].id, None);
        for (lines, kept) in (0..).zip(announced.match_indices('\n').map(|(at, _)| &announced[..at]).take(2)) {
            std::fs::write(&file, kept).unwrap();
            assert!(short(ledger.entries(), lines + 1), "{kept}");
        }
        std::fs::write(&file, announced.trim_end_matches("\"}\n")).unwrap();
        assert!(short(ledger.entries(), 2));
        std::fs::remove_file(&file).unwrap();
        assert!(short(ledger.left(), 0));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let (folder, ledger) = ledger();
        ledger.announce("store", announcement("m")).unwrap();
        ledger.confirm(1, "a").unwrap();
        let file = folder.path().join("ledger.jsonl");
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                std::fs::write(&file, bytes).unwrap();
                let found = ledger.entries();
                assert!(matches!(found, Err(LedgerError::Line { .. })), "bit {bit} of byte {at}: {found:?}");
            }
        }
    }

    #[test]
    fn a_broken_line_before_the_end_is_named() {
        let (folder, ledger) = ledger();
        std::fs::write(folder.path().join("ledger.jsonl"), "nonsense\n").unwrap();

        assert!(matches!(ledger.entries(), Err(LedgerError::Line { line: 1, .. })));
    }
}
