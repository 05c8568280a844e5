//! What of a run that is resumed still stands: a step's work is not done again if nothing that led to it has changed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::data::digest_once;
use crate::deadline::Stop;
use crate::engine::Format;
use crate::plan::{PlannedStep, When};

use super::artifacts;
use super::runner::Runner;
use super::step_record::{StepOutcome, StepRecord};

impl Runner<'_> {
    /// Whether any step's work is still to be done. If none is, it does not matter that what the steps created may be
    /// gone: they are not needed any more.
    pub(super) fn is_unfinished(&self) -> bool {
        let mut work = self.plan.steps.iter().filter(|step| step.when == When::Success && !step.removes);
        work.any(|step| self.changed(step).is_some())
    }

    /// Why a step's work must be done, or done again; none if what it did still stands.
    pub(super) fn outdated(&self, step: &PlannedStep, unfinished: bool) -> Option<String> {
        self.changed(step).or_else(|| if unfinished { self.gone_resource(&step.id) } else { None })
    }

    fn changed(&self, step: &PlannedStep) -> Option<String> {
        let Some(record) = self.record_of(&step.id) else {
            return Some("it has not run".to_owned());
        };
        if step.when != When::Success || step.removes {
            return Some("it belongs to every end of a run".to_owned());
        }
        if record.outcome != StepOutcome::Succeeded {
            return Some(format!("it {}", record.outcome.verb()));
        }
        if record.sha256 != step.component.sha256 {
            return Some("its component has changed".to_owned());
        }
        let inputs = match step.inputs.resolve(&|id| self.outputs_of(id)) {
            Ok(inputs) => inputs,
            Err(reason) => return Some(reason),
        };
        let masked = self.events.masked_value(inputs.clone());
        if let Some(name) = other_member(&record.inputs, &masked) {
            return Some(format!("its input `{name}` has changed"));
        }
        let granted: BTreeSet<_> = step.permit.granted().map(|grant| format!("{} {grant}", grant.service)).collect();
        if granted != record.grants.iter().cloned().collect() {
            return Some("its grants have changed".to_owned());
        }
        self.other_file(step, record, &inputs).or_else(|| self.other_artifact(step, record))
    }

    /// A file that is not what the step read.
    fn other_file(&self, step: &PlannedStep, record: &StepRecord, inputs: &Value) -> Option<String> {
        let loans = match self.loans(step, inputs, &Stop::new()) {
            Ok(loans) => loans,
            Err(reason) => return Some(reason),
        };
        let other = loans.into_iter().find(|loan| {
            let read = record.files.iter().find(|file| file.value == loan.value && file.format == loan.format);
            let now = loan.digest().ok();
            read.map(|file| &file.sha256) != now.as_ref().map(|(sha256, _)| sha256)
        });
        other.map(|loan| format!("the {} `{}` has changed", loan.format.replace('-', " "), loan.value))
    }

    /// A file that the step wrote and that is not there any more as it was.
    fn other_artifact(&self, step: &PlannedStep, record: &StepRecord) -> Option<String> {
        let outputs = record.outputs.as_ref()?;
        let files = step.component.info.outputs.files(outputs).into_iter();
        files.filter(|(_, format, _)| *format == Format::Artifact).find_map(|(_, _, value)| {
            let Ok(file) = artifacts::find(&self.folder, &value) else {
                return Some(format!("its artifact `{value}` is gone"));
            };
            let now = digest_once(&file).ok().map(|(sha256, _)| sha256);
            (now.as_ref() != record.artifacts.get(&value)).then(|| format!("its artifact `{value}` has changed"))
        })
    }

    /// Something that the step created and that the run has removed.
    fn gone_resource(&self, step: &str) -> Option<String> {
        match self.ledger.gone(&BTreeSet::from([step])) {
            Ok(gone) => gone.map(|entry| format!("the {} that it created was removed", entry.announcement.kind)),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// The first member that two objects do not have the same.
fn other_member(then: &Value, now: &Value) -> Option<String> {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (then, now) = (members(then), members(now));
    then.keys().chain(now.keys()).find(|name| then.get(*name) != now.get(*name)).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_that_is_new_gone_or_different_is_named() {
        let then = json!({"a": 1, "b": [1, 2]});
        assert_eq!(other_member(&then, &then), None);
        assert_eq!(other_member(&then, &json!({"a": 1, "b": [2, 1]})).as_deref(), Some("b"));
        assert_eq!(other_member(&then, &json!({"b": [1, 2]})).as_deref(), Some("a"));
        assert_eq!(other_member(&then, &json!({"a": 1, "b": [1, 2], "c": null})).as_deref(), Some("c"));
    }
}
