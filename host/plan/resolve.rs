//! From the spec as typed to a plan: every reference, name, type and grant is checked, all errors at once.
//!
//! Here are the steps and their components; `params`, `services`, `data` (with `models`), `inputs`, `permit` and `retry` check the parts
//! that their names say, `texts` replaces references, `typed` finds secrets that stand in the spec itself.

mod data;
mod inputs;
mod params;
mod permit;
mod retry;
mod services;
mod texts;
mod typed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::{Role, digest};
use crate::engine::{Component, ComponentError, Engine};
use crate::services::{Masks, Secret};
use crate::spec::{Problem, Problems, Spec, StepSpec, Way, is_name};

use super::{Environment, Plan, PlannedStep};

/// The word that stands for the ledger among a step's grants.
const LEDGER: &str = "ledger";

impl Plan {
    /// Checks a spec against its components and the environment.
    pub fn new(spec: &Spec, engine: &Engine, folder: &Path, environment: &Environment) -> Result<Self, Problems> {
        Self::of(spec, engine, folder, environment, false)
    }

    /// The same for those steps only that remove what a run created: what else a spec needs may be gone by then.
    pub fn for_cleanup(
        spec: &Spec,
        engine: &Engine,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Self, Problems> {
        Self::of(spec, engine, folder, environment, true)
    }

    fn of(
        spec: &Spec,
        engine: &Engine,
        folder: &Path,
        environment: &Environment,
        only_removing: bool,
    ) -> Result<Self, Problems> {
        let base = spec.file.parent().map(Path::to_owned).unwrap_or_default();
        let problems = spec.problems.clone();
        let (params, unset, secrets) = (BTreeMap::new(), Vec::new(), typed::secrets(spec));
        let mut resolver = Resolver { spec, engine, folder, environment, base, params, unset, secrets, problems };
        resolver.params = resolver.params();
        let time = resolver.time(spec.timeout.as_deref(), &Way::root().to("timeout"));
        let services = resolver.services();
        let mut sets = |role| if only_removing { BTreeMap::new() } else { resolver.data_sets(role) };
        let (data, models) = (sets(Role::Data), sets(Role::Model));
        let steps = resolver.steps(only_removing);
        resolver.platforms(&services, &steps);
        if resolver.problems.is_empty() {
            let spec_sha256 = digest(&spec.file).map(|(sha256, _)| sha256).unwrap_or_default();
            let (name, overrides, spec) = (spec.name.clone(), spec.overrides.clone(), spec.file.clone());
            let secrets = resolver.secrets;
            return Ok(Self { name, spec, overrides, spec_sha256, time, services, secrets, data, models, steps });
        }
        // What is wrong may quote what was read, or a line with a secret that is typed into it.
        let masks = Masks::of(&resolver.secrets);
        for problem in &mut resolver.problems {
            problem.message = masks.mask(&problem.message).into_owned();
            problem.argument = problem.argument.as_ref().map(|argument| masks.mask(argument).into_owned());
        }
        Err(Problems::new(&spec.file, &masks.mask(&spec.text), resolver.problems))
    }
}

struct Resolver<'a> {
    spec: &'a Spec,
    engine: &'a Engine,
    folder: &'a Path,
    environment: &'a Environment,
    /// What paths are relative to.
    base: PathBuf,
    /// The values of `params`.
    params: BTreeMap<String, Value>,
    /// What reads a variable or a param that is not set, if that is allowed.
    unset: Vec<Way>,
    /// Every secret that was read so far.
    secrets: Vec<Secret>,
    problems: Vec<Problem>,
}

/// Steps that stand before the one that is looked at: their ids, and what they are if their component could be loaded.
type Earlier = Vec<(String, Option<Component>)>;

impl Resolver<'_> {
    fn problem(&mut self, way: &Way, message: impl Into<String>) {
        self.problems.push(self.spec.problem(way, message));
    }

    fn problem_with(&mut self, way: &Way, message: impl Into<String>, hint: Option<String>) {
        self.problems.push(Problem { hint, ..self.spec.problem(way, message) });
    }

    /// Whether a value, or something in it, reads what is not set.
    fn is_unset(&self, way: &Way) -> bool {
        self.unset.iter().any(|unset| unset.is_in(way))
    }

    fn steps(&mut self, only_removing: bool) -> Vec<PlannedStep> {
        let spec = self.spec;
        let mut steps = Vec::new();
        let mut earlier: Earlier = Vec::new();
        if spec.steps.is_empty() {
            self.problem(&Way::root().to("steps"), "there are no steps");
        }
        for (n, step) in spec.steps.iter().enumerate() {
            let way = Way::root().to("steps").to(n);
            let Some(step) = step else {
                // Its name may still be known; what refers to it is not wrong for that.
                let named = |key: &str| spec.value().get("steps")?.get(n)?.get(key)?.as_str().map(str::to_owned);
                earlier.extend(named("id").or_else(|| named("step")).map(|id| (id, None)));
                continue;
            };
            let before = self.problems.len();
            let component = self.component(step, &way);
            if only_removing && !component.as_ref().is_some_and(|component| component.info.removes) {
                self.problems.truncate(before);
                continue;
            }
            let fallback =
                step.step.clone().or_else(|| component.as_ref().map(|component| component.info.name.clone()));
            let id = step.id.clone().or(fallback).unwrap_or_default();
            if component.is_some() || step.id.is_some() {
                self.check_id(&id, step, &way, &earlier);
            }
            let planned = component.as_ref().and_then(|component| self.step(step, &id, component, &way, &earlier));
            steps.extend(planned);
            earlier.push((id, component));
        }
        steps
    }

    fn check_id(&mut self, id: &str, step: &StepSpec, way: &Way, earlier: &Earlier) {
        let way = if step.id.is_some() { way.to("id") } else { way.clone() };
        if !is_name(id) {
            self.problem(&way, format!("`{id}` is not a name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first"));
        }
        if earlier.iter().any(|(known, _)| known == id) {
            let hint = "give one of them another `id`".to_owned();
            self.problem_with(&way, format!("two steps are called `{id}`"), Some(hint));
        }
    }

    fn component(&mut self, step: &StepSpec, way: &Way) -> Option<Component> {
        let sha256 = step.sha256.as_deref().and_then(|sha256| self.sha256(sha256, &way.to("sha256")));
        let (way, loaded) = match (&step.step, &step.module) {
            (Some(name), None) if is_name(name) => {
                let file = self.folder.join(format!("{name}.wasm"));
                let known = self.engine.named(self.folder, name);
                let known = known.and_then(|known| match &sha256 {
                    Some(wanted) if *wanted != known.sha256 => {
                        Err(ComponentError::Digest { file, found: known.sha256, wanted: wanted.clone() })
                    }
                    _ => Ok(known),
                });
                (way.to("step"), known)
            }
            (Some(name), None) => {
                self.problem(&way.to("step"), format!("`{name}` is not a step's name; a file goes under `module`"));
                return None;
            }
            (None, Some(module)) => {
                let module = self.fixed(module, &way.to("module"), false)?;
                (way.to("module"), self.engine.load(&self.base.join(module), sha256.as_deref()))
            }
            _ => {
                self.problem(way, "a step has one of `step` and `module`");
                return None;
            }
        };
        loaded.map_err(|error| self.problem_with(&way, error.to_string(), error.hint())).ok()
    }

    fn step(
        &mut self,
        step: &StepSpec,
        id: &str,
        component: &Component,
        way: &Way,
        earlier: &Earlier,
    ) -> Option<PlannedStep> {
        let before = self.problems.len();
        let inputs = self.inputs(Value::Object(step.inputs.clone()), &way.to("inputs"));
        let sound = self.problems.len() == before;
        self.check_inputs(&inputs, component, way, earlier);
        if sound {
            self.check_schema(&inputs, component, &way.to("inputs"));
        }
        let trusted = step.module.is_none();
        let (permit, removes) = self.permit(step, id, &component.info, trusted, way);
        let limits = self.limits(step, &way.clone());
        let retry = self.retry(&step.retry, &way.to("retry"));
        (self.problems.len() == before).then(|| PlannedStep {
            id: id.to_owned(),
            component: component.clone(),
            inputs,
            permit,
            removes,
            when: step.when,
            continue_on: step.continue_on,
            retry,
            limits,
        })
    }
}
