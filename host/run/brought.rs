//! The data sets and models of a run, brought here before its first step: what is not to be had must not be found out
//! when half of the run's resources are there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::console::Console;
use crate::data::{DataSet, Local};
use crate::deadline::Stop;
use crate::engine::Format;
use crate::plan::Plan;
use crate::services::Masks;

use super::choice::Choice;
use super::error::RunError;
use super::events::{LogLevel, shown};

/// What was brought. Steps that name the same data set read the same bytes, whatever its source has by then.
#[derive(Debug)]
pub(super) struct Brought {
    local: Mutex<BTreeMap<(&'static str, String), Local>>,
    /// Servers repeat what they are sent.
    masks: Masks,
    console: Console,
}

impl Brought {
    /// Brings what the chosen steps name. What only an earlier step's output names comes when it is known.
    pub(super) fn new(
        plan: &Plan,
        choice: &Choice,
        masks: &Masks,
        stop: &Stop,
        console: &Console,
    ) -> Result<Self, RunError> {
        for set in plan.data.values().chain(plan.models.values()) {
            set.secrets().iter().for_each(|secret| masks.add(secret));
        }
        let brought = Self { local: Mutex::default(), masks: masks.clone(), console: console.clone() };
        for step in plan.steps.iter().filter(|step| choice.includes(&step.id)) {
            for (_, format, name) in step.component.info.inputs.files(&step.inputs.sketch()) {
                let set = match format {
                    Format::DataSet => plan.data.get(&name),
                    Format::Model => plan.models.get(&name),
                    Format::Artifact => None,
                };
                if let Some(set) = set {
                    brought.bring(&name, set, stop)?;
                }
            }
        }
        Ok(brought)
    }

    /// The file of a data set or a model, fetched unless that was done.
    pub(super) fn bring(&self, name: &str, set: &DataSet, stop: &Stop) -> Result<Local, RunError> {
        let mut all = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (set.role.key(), name.to_owned());
        if let Some(local) = all.get(&key) {
            return Ok(local.clone());
        }
        let say = |text: &str| self.console.log(name, LogLevel::Info, &shown(&self.masks, text));
        let local = set.fetch(stop, &say).map_err(|error| RunError::Data {
            noun: set.role.noun(),
            name: name.to_owned(),
            message: shown(&self.masks, &error.to_string()),
            error: Box::new(error),
        })?;
        all.insert(key, local.clone());
        Ok(local)
    }
}
