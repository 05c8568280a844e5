//! One try of a step: its inputs resolved, its files lent, its component executed, its outputs checked.

use std::sync::Arc;

use serde_json::Value;

use crate::data::{Local, is_below};
use crate::deadline::{Deadline, Stop};
use crate::engine::{self, FailureCategory, Format, Kept, Limit, Meter, Places, StepContext, StepError, Waited};
use crate::plan::PlannedStep;
use crate::spec::Violation;

use super::artifacts;
use super::lend::{LendError, Lent, Loan};
use super::requests::Counted;
use super::runner::Runner;
use super::step_record::StepRecord;

impl Runner<'_> {
    /// One try.
    pub(super) fn attempt(&self, step: &PlannedStep, record: &mut StepRecord, stop: &Stop) -> Result<Value, StepError> {
        let invalid_with = |message: String, hint: Option<&str>| {
            StepError::Failed(engine::Failure {
                category: FailureCategory::InvalidInput,
                message,
                hint: hint.map(str::to_owned),
                outputs: None,
            })
        };
        let invalid = |message| invalid_with(message, None);
        let outputs_of = |id: &str| self.outputs_of(id);
        let inputs = step.inputs.resolve(&outputs_of).map_err(invalid)?;
        record.inputs = self.events.masked_value(inputs.clone());
        let info = &step.component.info;
        let absent = step.inputs.later().into_iter().find_map(|(pointer, template)| {
            let (name, reference) = (pointer.strip_prefix('/')?, template.alone()?);
            let absent = info.inputs.requires(name) && inputs.get(name).is_none();
            absent.then(|| format!("its input `{name}` has no value: `{reference}` has none in this run"))
        });
        if let Some(message) = absent {
            return Err(invalid(message));
        }
        if let Some(violation) = info.inputs.errors(&inputs).into_iter().next() {
            return Err(invalid(format!("its inputs are not what its schema says: {}", at(&violation))));
        }
        let loans = self.loans(step, &inputs, stop).map_err(invalid)?;
        let lends = !loans.is_empty();
        let lent = Lent::new(self.folder.lent(&step.id), loans).map_err(|error| match error {
            LendError::Shard { ref source, .. } => invalid_with(error.to_string(), source.hint()),
            error => StepError::Host(error.to_string()),
        })?;
        record.files.clone_from(&lent.files);
        let artifacts = self.folder.artifacts().join(&step.id);
        let meter = Arc::new(Meter::new(step.limits.clone()));
        if info.artifacts {
            let left = std::fs::create_dir_all(&artifacts).and_then(|()| artifacts::counted(&artifacts));
            let left =
                left.map_err(|error| StepError::Host(format!("failed to create `{}`: {error}", artifacts.display())))?;
            meter.add(Limit::Artifacts, left).map_err(StepError::Limit)?;
        }
        let deadline = Deadline::after(step.limits.time);
        let deadline = self.end_for(step).map_or(deadline, |end| deadline.or_sooner(end));
        if deadline.remaining().is_none() {
            return Err(StepError::OutOfTime(step.limits.time));
        }
        let context = Arc::new(StepContext {
            step: step.id.clone(),
            services: Arc::clone(&self.services),
            permit: step.permit.clone(),
            removes: step.removes,
            scoring: info.scoring,
            models: lent.models.clone(),
            ledger: Arc::clone(&self.ledger),
            events: Arc::clone(&self.events),
            deadline,
            stop: stop.clone(),
            places: Places::new(Arc::clone(&meter)),
            meter,
            kept: Kept::default(),
            requests: Counted::default(),
            waited: Waited::default(),
        });
        let data = lends.then_some(lent.folder.as_path());
        let ended =
            engine::execute(&step.component, &context, &inputs, data, info.artifacts.then_some(artifacts.as_path()));
        record.waiting_ms += context.waited.millis();
        record.used = context.meter.used();
        context.requests.add_to(&mut record.requests);
        // What is recorded is also what later steps read.
        let mut outputs = self.events.masked_value(ended?);
        if let Some(violation) = info.outputs.errors(&outputs).into_iter().next() {
            return Err(StepError::Outputs(at(&violation)));
        }
        record.artifacts = artifacts::place(&self.folder, &step.id, &info.outputs, &mut outputs)
            .map_err(|error| StepError::Outputs(error.to_string()))?;
        Ok(outputs)
    }

    /// The files that the inputs name.
    pub(super) fn loans(&self, step: &PlannedStep, inputs: &Value, stop: &Stop) -> Result<Vec<Loan>, String> {
        let (mut loans, schema) = (Vec::new(), &step.component.info.inputs);
        for (pointer, format, value) in schema.files(inputs) {
            let is_split = schema.is_split(&pointer);
            // All rows were lent to the shards already.
            if is_split && step.shards().is_some() {
                continue;
            }
            let source = match format {
                Format::DataSet => {
                    let set = self.plan.data.get(&value).ok_or_else(|| format!("there is no data set `{value}`"))?;
                    self.brought.bring(&value, set, stop).map_err(|error| error.to_string())?
                }
                Format::Model => match self.plan.models.get(&value) {
                    Some(model) => self.brought.bring(&value, model, stop).map_err(|error| error.to_string())?,
                    None if is_below(&value) => Local::file(self.plan.folder().join(&value)),
                    None => return Err(format!("the model `{value}` must lie in the spec's folder")),
                },
                Format::Artifact => {
                    Local::file(artifacts::find(&self.folder, &value).map_err(|error| error.to_string())?)
                }
            };
            loans.push(Loan { value, format: format.name(), source, shard: step.shard().filter(|_| is_split) });
        }
        Ok(loans)
    }
}

/// What does not fit, and where, if it is not the whole.
fn at(violation: &Violation) -> String {
    let (place, message) = (violation.pointer.trim_start_matches('/'), &violation.message);
    if place.is_empty() { message.clone() } else { format!("`{place}`: {message}") }
}
