//! The other runs of a pipeline on this machine, for who looks for what lost ones have left.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::folder::{FolderError, RunFolder, RunId, failed};
use super::ledger::Ledger;
use super::record::RunRecord;

/// A pipeline's runs that have a folder here.
#[derive(Debug)]
pub struct LocalRuns {
    /// The names of those that are under way.
    pub alive: Vec<String>,
    /// While it is there, nobody goes on with one that has left something.
    _held: Vec<File>,
}

impl LocalRuns {
    /// Looks into the folder in which runs are kept, if it is there.
    pub fn of(runs: &Path, pipeline: &str) -> Result<Self, FolderError> {
        let (mut alive, mut held) = (Vec::new(), Vec::new());
        let entries = match fs::read_dir(runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { alive, _held: held }),
            Err(error) => return Err(failed("read", runs)(error)),
        };
        for entry in entries {
            let name = entry.map_err(failed("read", runs))?.file_name();
            let Some(run) = name.to_str().and_then(|name| RunId::parse(name).ok()) else { continue };
            let Ok(folder) = RunFolder::open(runs, &run) else { continue };
            let record = RunRecord::read(&folder).ok();
            // Without its record it may be one of the pipeline's. A dry run's services have ended with it.
            if record.as_ref().is_some_and(|record| record.pipeline != pipeline || record.dry_run) {
                continue;
            }
            match folder.enter(true)? {
                None => alive.push(run.as_str().to_owned()),
                // Only those are held: there may be many more runs than files can be open.
                Some(lock) if has_left(&folder, record.as_ref()) => held.push(lock),
                Some(_) => {}
            }
        }
        alive.sort();
        Ok(Self { alive, _held: held })
    }
}

/// Whether the run's ledger names something, or cannot be read.
fn has_left(folder: &RunFolder, record: Option<&RunRecord>) -> bool {
    let Some(record) = record else { return true };
    let ledger = Ledger::new(folder.path(), &record.pipeline, &record.run, &record.nonce);
    ledger.left().map_or(true, |left| !left.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(runs: &Path, name: &str) -> RunFolder {
        RunFolder::create(runs, &RunId::parse(name).unwrap()).unwrap()
    }

    #[test]
    fn only_a_run_that_somebody_holds_is_alive() {
        let runs = tempfile::tempdir().unwrap();
        assert!(LocalRuns::of(&runs.path().join("none"), "p").unwrap().alive.is_empty());
        folder(runs.path(), "dead");
        let alive = folder(runs.path(), "alive").enter(false).unwrap();

        assert_eq!(LocalRuns::of(runs.path(), "p").unwrap().alive, ["alive"]);

        drop(alive);
        assert!(LocalRuns::of(runs.path(), "p").unwrap().alive.is_empty());
    }

    #[test]
    fn one_that_may_have_left_something_is_held() {
        let runs = tempfile::tempdir().unwrap();
        let dead = folder(runs.path(), "dead");

        let local = LocalRuns::of(runs.path(), "p").unwrap();
        assert!(dead.enter(true).unwrap().is_none());
        drop(local);

        assert!(dead.enter(true).unwrap().is_some());
    }
}
