//! `.stepwise/<run>/`: where everything that a run leaves is kept.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::data::digest_of;
use crate::deadline::Deadline;

/// Why the run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Not a run's name.
    #[error("`{0}` is not a run's name: 1 to 36 of a-z, 0-9, `-` and `_`, a letter or digit first")]
    Name(String),
    /// No such run.
    #[error("there is no run `{run}` in `{folder}`", folder = folder.display())]
    Unknown {
        /// The run.
        run: String,
        /// Where runs are kept.
        folder: PathBuf,
    },
    /// The file system says no.
    #[error("failed to {action} `{path}`: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A record that is damaged, or not one of ours.
    #[error("the record `{path}` is damaged: {reason}", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The most letters of a name: with a prefix it is a tag of the services' resources.
const MOST: usize = 36;

/// How often it is looked whether a process has ended: often enough for who waits, seldom enough for the machine.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// A run's name, and so its folder's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new name: the time, and a few letters so that two runs of one second differ.
    pub fn new() -> Self {
        let mut random = [0u8; 3];
        // Without the kernel's randomness the process and the clock must do.
        if rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).is_err() {
            random.copy_from_slice(&std::process::id().to_le_bytes()[..3]);
        }
        let digits: String = super::now().chars().filter(char::is_ascii_digit).take(14).collect();
        let (day, time) = digits.split_at(8);
        Self(format!("{day}-{time}-{:02x}{:02x}{:02x}", random[0], random[1], random[2]))
    }

    /// A new name of what looks for leftovers, which is no run of the pipeline.
    pub fn of_stale() -> Self {
        Self(format!("stale-{}", Self::new().0))
    }

    /// The name that belongs to a text, such as the tag of a build: as many of its last words as fit, to be known by, and
    /// a digest, so that no other text has it.
    pub fn of(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let words = lower.rsplit(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut name = digest_of(text.as_bytes())[..8].to_owned();
        for word in words {
            if word.len() + 1 + name.len() > MOST {
                break;
            }
            name = format!("{word}-{name}");
        }
        Self(name)
    }

    /// A name that a user gave.
    pub fn parse(text: &str) -> Result<Self, FolderError> {
        let fits = (1..=MOST).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(FolderError::Name(text.to_owned())) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder of a run, made if it is not there.
    pub fn create(runs: &Path, run: &RunId) -> Result<Self, FolderError> {
        let path = runs.join(run.as_str());
        for folder in [&path, &path.join("steps"), &path.join("artifacts"), &path.join("lent")] {
            fs::create_dir_all(folder).map_err(failed("create", folder))?;
        }
        // A run that nobody finds after a crash could not be cleaned up.
        File::open(runs).and_then(|runs| runs.sync_all()).map_err(failed("create", runs))?;
        Ok(Self { path })
    }

    /// Held while a run of the pipeline begins or goes on, and `alone` by who removes what lost runs have left, as long as that
    /// takes: what is found then is of no run that has begun since.
    pub(super) fn gate(runs: &Path, pipeline: &str, alone: bool) -> Result<Option<File>, FolderError> {
        fs::create_dir_all(runs).map_err(failed("create", runs))?;
        try_lock(&runs.join(format!(".sweep-{pipeline}")), alone)
    }

    /// The folder of a run that was.
    pub fn open(runs: &Path, run: &RunId) -> Result<Self, FolderError> {
        let path = runs.join(run.as_str());
        if path.join("steps").is_dir() {
            return Ok(Self { path });
        }
        let folder = Self { path };
        if folder.record().exists() {
            // The record knows the steps, too.
            let steps = folder.path.join("steps");
            fs::create_dir_all(&steps).map_err(failed("create", &steps))?;
            return Ok(folder);
        }
        Err(FolderError::Unknown { run: run.as_str().to_owned(), folder: runs.to_owned() })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `run.json`.
    pub fn record(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Whether anything may have been sent: before that, the record is written.
    pub fn has_begun(&self) -> bool {
        self.record().exists() || self.path.join("ledger.jsonl").exists()
    }

    /// A step's own record.
    pub fn step(&self, step: &str) -> PathBuf {
        self.path.join("steps").join(format!("{step}.json"))
    }

    /// The artifacts of all steps, a folder each.
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// What is lent to a step while it runs.
    pub fn lent(&self, step: &str) -> PathBuf {
        self.path.join("lent").join(step)
    }

    /// Removes one of its files, if that is there.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let file = self.path.join(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", &file)(error)),
            _ => Ok(()),
        }
    }

    /// Waits until no other process reads and replaces what several write; holds them off while the file is open.
    pub(crate) fn lock(&self) -> Result<File, FolderError> {
        let path = self.path.join("lock");
        let file = lock_file(&path)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed("lock", &path)(error.into()))?;
        Ok(file)
    }

    /// Held by every process that runs steps of the run, or, `alone`, by one that bears no other; none if another process
    /// is in the way.
    pub(super) fn enter(&self, alone: bool) -> Result<Option<File>, FolderError> {
        try_lock(&self.path.join("alive"), alone)
    }

    /// Waits until no process runs steps of the run, but no longer than this; answers whether none does.
    pub fn wait_for_others(&self, most: Duration) -> Result<bool, FolderError> {
        let end = Deadline::after(most);
        while self.enter(true)?.is_none() {
            let Some(left) = end.remaining() else { return Ok(false) };
            std::thread::sleep(left.min(LOOK));
        }
        Ok(true)
    }

    /// Held by every process that runs a step, in whatever shards, from its beginning on.
    pub(super) fn claim(&self, step: &str) -> Result<Option<File>, FolderError> {
        try_lock(&self.claim_file(step), false)
    }

    /// Whether a process does. Claims come and go while the run's lock is held, so that none is missed.
    pub(super) fn is_claimed(&self, step: &str) -> bool {
        matches!(try_lock(&self.claim_file(step), true), Ok(None))
    }

    fn claim_file(&self, step: &str) -> PathBuf {
        self.path.join("steps").join(format!("{step}.claim"))
    }

    /// Held while a step runs; none if another process runs it.
    pub(super) fn lock_step(&self, step: &str) -> Result<Option<File>, FolderError> {
        try_lock(&self.path.join("steps").join(format!("{step}.lock")), true)
    }
}

fn try_lock(path: &Path, alone: bool) -> Result<Option<File>, FolderError> {
    let how = if alone { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingLockShared };
    let file = lock_file(path)?;
    match flock(&file, how) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(failed("lock", path)(error.into())),
    }
}

fn lock_file(path: &Path) -> Result<File, FolderError> {
    // Read, too: over NFS only who may read can share a lock.
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).open(path).map_err(failed("open", path))
}

/// Replaces a file's content so that after any crash it is the old or the new one.
pub(crate) fn write_atomically(file: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    // In two pods both processes may have the same number.
    let draft = file.with_extension(format!("{:016x}.draft", fastrand::u64(..)));
    let write = || -> std::io::Result<()> {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&draft, file)?;
        // The name is durable only with its folder.
        if let Some(folder) = file.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|source| {
        // On a full disk it would take the place of what must follow.
        let _ = fs::remove_file(&draft);
        failed("write", file)(source)
    })
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FolderError {
    move |source| FolderError::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_are_names_and_differ() {
        let (a, b) = (RunId::new(), RunId::new());

        assert_eq!(RunId::parse(a.as_str()).unwrap(), a);
        assert_ne!(a, b);
        let stale = RunId::of_stale();
        assert_eq!(RunId::parse(stale.as_str()).unwrap(), stale);
    }

    #[test]
    fn a_text_has_one_name_that_no_other_text_has() {
        let long = "x".repeat(99);
        let texts = ["jenkins-Team A-models%2Fmain-12", "jenkins-Team A-models/main-12", "-", "", "é", &long];
        let names = texts.map(|text| RunId::of(text).as_str().to_owned());

        assert_eq!(names[0], "team-a-models-2fmain-12-881f1bbb");
        for (n, name) in names.iter().enumerate() {
            assert!(RunId::parse(name).is_ok(), "{name}");
            assert!(!names[..n].contains(name), "{name}");
        }
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        for name in ["", ".", "..", "a/b", "../a", "A", "-a", "a b"] {
            assert!(RunId::parse(name).is_err(), "{name}");
        }
    }
}
