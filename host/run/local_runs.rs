//! The other runs of a pipeline on this machine, for who looks for what lost ones have left.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use crate::console::Console;
use crate::deadline::Stop;
use crate::engine::State;
use crate::plan::Plan;

use super::error::RunError;
use super::folder::{FolderError, LOOK, RunFolder, RunId, failed};
use super::ledger::{Ledger, LedgerError};
use super::record::RunRecord;

/// A pipeline's runs that have a folder here.
#[derive(Debug)]
pub struct LocalRuns {
    /// The names of those that are under way.
    pub alive: Vec<String>,
    held: Vec<Held>,
    /// While it is there, no run of the pipeline begins.
    _gate: File,
}

/// A run that may have left something. While it is there, nobody goes on with the run.
#[derive(Debug)]
struct Held {
    folder: RunFolder,
    /// None if it cannot be read.
    record: Option<RunRecord>,
    _lock: File,
}

impl LocalRuns {
    /// Looks into the folder in which runs are kept for all of the pipeline's runs or for `only` one.
    pub fn of(runs: &Path, pipeline: &str, only: Option<&RunId>) -> Result<Self, FolderError> {
        // Runs that are just beginning are waited for, and others who look for leftovers.
        let gate = loop {
            match RunFolder::gate(runs, pipeline, true)? {
                Some(gate) => break gate,
                None => std::thread::sleep(LOOK),
            }
        };
        let mut local = Self { alive: Vec::new(), held: Vec::new(), _gate: gate };
        for entry in fs::read_dir(runs).map_err(failed("read", runs))? {
            let name = entry.map_err(failed("read", runs))?.file_name();
            let Some(run) = name.to_str().and_then(|name| RunId::parse(name).ok()) else { continue };
            if only.is_some_and(|only| *only != run) {
                continue;
            }
            let Ok(folder) = RunFolder::open(runs, &run) else { continue };
            let record = RunRecord::read(&folder).ok();
            // Without its record it may be one of the pipeline's. A dry run's services have ended with it.
            if record.as_ref().is_some_and(|record| record.pipeline != pipeline || record.dry_run) {
                continue;
            }
            match folder.enter(true)? {
                None => local.alive.push(run.as_str().to_owned()),
                // Only those are held: there may be many more runs than files can be open.
                Some(lock) if has_left(&folder, record.as_ref()) => {
                    local.held.push(Held { folder, record, _lock: lock });
                }
                Some(_) => {}
            }
        }
        local.alive.sort();
        Ok(local)
    }

    /// Notes in the ledgers that what they name was removed: the service and the path of each request. Who goes on with such a
    /// run makes it anew.
    pub fn settle(&self, plan: &Plan, removed: &BTreeSet<(String, String)>) -> Result<(), LedgerError> {
        for Held { folder, record, .. } in &self.held {
            let Some(record) = record.as_ref().filter(|record| has_same_services(record, plan)) else { continue };
            let ledger = ledger(folder, record);
            // One that is damaged is told to who goes on with the run.
            for entry in ledger.left().unwrap_or_default() {
                let removal = entry.removal().map(|path| (entry.announcement.service.clone(), path));
                if removal.is_some_and(|removal| removed.contains(&removal)) {
                    ledger.settle(entry.number, State::Removed)?;
                }
            }
        }
        Ok(())
    }
}

/// Waits until nobody removes what lost runs of the pipeline have left. While the file is open, nobody begins to.
pub(super) fn wait_at_gate(runs: &Path, pipeline: &str, stop: &Stop, console: &Console) -> Result<File, RunError> {
    if let Some(gate) = RunFolder::gate(runs, pipeline, false)? {
        return Ok(gate);
    }
    console.note("waiting", "waiting for a cleanup of what lost runs have left", None);
    while !stop.wait(LOOK) {
        if let Some(gate) = RunFolder::gate(runs, pipeline, false)? {
            return Ok(gate);
        }
    }
    Err(RunError::Interrupted)
}

fn ledger(folder: &RunFolder, record: &RunRecord) -> Ledger {
    Ledger::new(folder.path(), &record.pipeline, &record.run, &record.nonce)
}

/// Whether the run's ledger names something, or cannot be read.
fn has_left(folder: &RunFolder, record: Option<&RunRecord>) -> bool {
    record.is_none_or(|record| ledger(folder, record).left().map_or(true, |left| !left.is_empty()))
}

/// Whether the services are where the run had them: elsewhere the same path is another resource.
fn has_same_services(record: &RunRecord, plan: &Plan) -> bool {
    plan.services.iter().all(|service| record.services.get(&service.name).is_none_or(|url| *url == service.url))
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
        assert!(LocalRuns::of(&runs.path().join("none"), "p", None).unwrap().alive.is_empty());
        folder(runs.path(), "dead");
        let alive = folder(runs.path(), "alive").enter(false).unwrap();

        assert_eq!(LocalRuns::of(runs.path(), "p", None).unwrap().alive, ["alive"]);

        drop(alive);
        assert!(LocalRuns::of(runs.path(), "p", None).unwrap().alive.is_empty());
    }

    #[test]
    fn no_run_begins_while_others_are_looked_for() {
        let runs = tempfile::tempdir().unwrap();
        let (stop, console) = (Stop::new(), Console::silent());
        let local = LocalRuns::of(runs.path(), "p", None).unwrap();
        assert!(wait_at_gate(runs.path(), "other", &stop, &console).is_ok());
        stop.stop();
        assert!(matches!(wait_at_gate(runs.path(), "p", &stop, &console), Err(RunError::Interrupted)));
        drop(local);
        let one = wait_at_gate(runs.path(), "p", &stop, &console).unwrap();
        assert!(wait_at_gate(runs.path(), "p", &stop, &console).is_ok(), "runs may begin together");
        assert!(RunFolder::gate(runs.path(), "p", true).unwrap().is_none());
        drop(one);
    }

    #[test]
    fn one_that_may_have_left_something_is_held() {
        let runs = tempfile::tempdir().unwrap();
        let dead = folder(runs.path(), "dead");

        let local = LocalRuns::of(runs.path(), "p", None).unwrap();
        assert!(dead.enter(true).unwrap().is_none());
        drop(local);

        assert!(dead.enter(true).unwrap().is_some());
    }
}
