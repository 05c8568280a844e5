//! From the spec as typed to a plan: every reference, name, type and grant is checked, all errors at once.
//!
//! Here are the steps; `components`, `params`, `services`, `secrets`, `data` (with `models`), `inputs`, `permit` and `retry` check
//! the parts that their names say, `stale` steps that no run runs, `shards` steps that are split, `quantities` reads times and sizes, `texts` replaces references, `typed` finds secrets that
//! stand in the spec itself.

mod components;
mod data;
mod inputs;
mod params;
mod permit;
mod quantities;
mod retry;
mod secrets;
mod services;
mod shards;
mod stale;
mod texts;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::{Role, digest_of};
use crate::engine::{Component, Engine};
use crate::services::{Masks, Secret};
use crate::spec::{Hint, Known, Otherwise, Problem, Problems, Spec, StepSpec, Way, Ways, When, is_name};

use super::{Environment, Plan, PlannedStep, Stale};

use components::Components;

/// The word that stands for the ledger among a step's grants.
const LEDGER: &str = "ledger";

impl Plan {
    /// Checks a spec against its components and the environment.
    pub fn new(spec: &Spec, engine: &Engine, folder: &Path, environment: &Environment) -> Result<Self, Problems> {
        Self::of(spec, engine, folder, environment, &Scope::All)
    }

    /// The same for those steps only that remove what a run created: what else a spec needs may be gone by then.
    pub fn for_cleanup(
        spec: &Spec,
        engine: &Engine,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Self, Problems> {
        Self::of(spec, engine, folder, environment, &Scope::Removing)
    }

    /// The same for those steps only that remove what lost runs have left.
    pub fn for_stale(
        spec: &Spec,
        engine: &Engine,
        folder: &Path,
        environment: &Environment,
        stale: Stale,
    ) -> Result<Self, Problems> {
        Self::of(spec, engine, folder, environment, &Scope::Stale(stale))
    }

    fn of(
        spec: &Spec,
        engine: &Engine,
        folder: &Path,
        environment: &Environment,
        scope: &Scope,
    ) -> Result<Self, Problems> {
        let base = spec.file.parent().map(Path::to_owned).unwrap_or_default();
        let problems = spec.problems.clone();
        let mut resolver = Resolver {
            spec,
            environment,
            base,
            components: Components::new(engine, folder),
            params: BTreeMap::new(),
            known: KnownNames::of(spec),
            secret_names: secrets::names(spec),
            unknown: Ways::default(),
            stale: if let Scope::Stale(stale) = scope { stale.clone() } else { Stale::default() },
            secrets: typed::secrets(spec),
            unset_secrets: BTreeSet::new(),
            missing: BTreeMap::new(),
            problems,
        };
        resolver.params = resolver.params();
        let time = resolver.time(spec.timeout.as_deref(), &Way::root().to("timeout"));
        let is_whole = matches!(scope, Scope::All);
        if is_whole {
            resolver.check_secrets();
        }
        let services = resolver.services();
        let mut sets = |role| if is_whole { resolver.data_sets(role) } else { BTreeMap::new() };
        let (data, models) = (sets(Role::Data), sets(Role::Model));
        let (steps, keeps_nothing) = resolver.steps(scope);
        resolver.platforms(&services, &steps);
        if resolver.problems.is_empty() {
            let spec_sha256 = digest_of(&spec.bytes);
            let (name, overrides, spec) = (spec.name.clone(), spec.overrides.clone(), spec.file.clone());
            let (secrets, unset_secrets) = (resolver.secrets, resolver.unset_secrets);
            let (stale, steps) = steps.into_iter().partition(|step| is_whole && step.when == When::Stale);
            return Ok(Self {
                name,
                spec,
                overrides,
                spec_sha256,
                time,
                services,
                secrets,
                unset_secrets,
                data,
                models,
                steps,
                stale,
                keeps_nothing,
                is_whole,
            });
        }
        // What is wrong may quote what was read, or a line with a secret that is typed into it.
        let masks = Masks::of(&resolver.secrets);
        for problem in &mut resolver.problems {
            problem.message = masks.mask(&problem.message).into_owned();
            problem.argument = problem.argument.as_ref().map(|argument| masks.mask(argument).into_owned());
        }
        Err(Problems::new(&spec.file, &masks.mask_in_place(&spec.text), resolver.problems))
    }
}

/// Which steps are planned.
enum Scope {
    All,
    /// Those that remove what a run created: what else a spec needs may be gone by then.
    Removing,
    /// Those that remove what lost runs have left.
    Stale(Stale),
}

impl Scope {
    fn includes(&self, step: &StepSpec, component: Option<&Component>) -> bool {
        match self {
            Self::All => true,
            Self::Removing => step.when != When::Stale && component.is_some_and(|component| component.info.removes),
            Self::Stale(_) => step.when == When::Stale,
        }
    }
}

struct Resolver<'a> {
    spec: &'a Spec,
    environment: &'a Environment,
    /// What paths are relative to.
    base: PathBuf,
    components: Components<'a>,
    /// The values of `params`.
    params: BTreeMap<String, Value>,
    known: KnownNames,
    /// Names that the spec reads as those of secrets.
    secret_names: BTreeSet<String>,
    /// Values that are not known now: what they read is not set, or was refused with a problem of its own.
    unknown: Ways<()>,
    /// What steps are told that are `when: stale`.
    stale: Stale,
    /// Every secret that was read so far.
    secrets: Vec<Secret>,
    /// Variables of secrets that are not set.
    unset_secrets: BTreeSet<String>,
    /// What was told to be missing, and which of the problems that is.
    missing: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

/// The names of which one may be meant.
struct KnownNames {
    params: Known,
    data: Known,
    models: Known,
}

impl KnownNames {
    fn of(spec: &Spec) -> Self {
        Self {
            params: Known::new(spec.params.keys().map(String::as_str), Otherwise::Nothing),
            data: Known::new(spec.data.keys().map(String::as_str), Otherwise::All("`data` has")),
            models: Known::new(spec.models.keys().map(String::as_str), Otherwise::All("`models` has")),
        }
    }
}

/// A step among the others: what it is called, and what it is if its component could be loaded.
struct Named {
    id: String,
    component: Option<Component>,
    /// Whether it is `when: stale`, and so never runs with those that are not.
    is_stale: bool,
}

/// All steps, and which of them is looked at.
#[derive(Clone, Copy)]
struct Order<'a> {
    steps: &'a [Named],
    now: usize,
}

impl Resolver<'_> {
    fn problem(&mut self, way: &Way, message: impl Into<String>) {
        self.problems.push(self.spec.problem(way, message));
    }

    fn problem_with(&mut self, way: &Way, message: impl Into<String>, hint: Option<impl Into<Hint>>) {
        self.problems.push(Problem { hint: hint.map(Into::into), ..self.spec.problem(way, message) });
    }

    /// Whether a value, or something in it, is not known now.
    fn is_unknown(&self, way: &Way) -> bool {
        self.unknown.within(way).next().is_some()
    }

    /// The steps, and whether one of them removes what a run created, however that ended.
    fn steps(&mut self, scope: &Scope) -> (Vec<PlannedStep>, bool) {
        let spec = self.spec;
        if spec.steps.is_empty() {
            self.problem(&Way::root().to("steps"), "there are no steps");
        }
        // All are named first: a step may refer to one that only its component names, and that runs later.
        let mut named = Vec::new();
        for (n, step) in spec.steps.iter().enumerate() {
            let before = self.problems.len();
            let component = step.as_ref().and_then(|step| self.component(step, &Way::root().to("steps").to(n)));
            if !step.as_ref().is_some_and(|step| scope.includes(step, component.as_ref())) {
                let kept = if matches!(scope, Scope::All) { self.problems.len() } else { before };
                self.problems.truncate(kept);
                self.missing.retain(|_, told| *told < kept);
            }
            // What refers to a step that cannot be read is not wrong for that.
            let written = |key: &str| spec.value().get("steps")?.get(n)?.get(key)?.as_str().map(str::to_owned);
            let own = || component.as_ref().map(|component| component.info.name.clone());
            let id = written("id").or_else(|| written("step")).or_else(own).unwrap_or_default();
            let is_stale = step.as_ref().is_some_and(|step| step.when == When::Stale);
            named.push(Named { id, component, is_stale });
        }
        let removes =
            |component: &Option<Component>| component.as_ref().is_some_and(|component| component.info.removes);
        let is_always = |step: &Option<StepSpec>| step.as_ref().is_some_and(|step| step.when == When::Always);
        let mut both = spec.steps.iter().zip(&named);
        let keeps_nothing = both.any(|(step, named)| is_always(step) && removes(&named.component));
        let mut steps = Vec::new();
        for (n, step) in spec.steps.iter().enumerate() {
            let order = Order { steps: &named, now: n };
            let way = Way::root().to("steps").to(n);
            let (Some(step), component) = (step, &named[n].component) else { continue };
            if !scope.includes(step, component.as_ref()) {
                continue;
            }
            if component.is_some() || step.id.is_some() {
                self.check_id(step, &way, order);
            }
            let planned = component.as_ref().and_then(|component| self.step(step, component, &way, order));
            steps.extend(planned.into_iter().flat_map(PlannedStep::split));
        }
        (steps, keeps_nothing)
    }

    fn check_id(&mut self, step: &StepSpec, way: &Way, order: Order<'_>) {
        let id = order.id();
        let way = if step.id.is_some() { way.to("id") } else { way.clone() };
        if !is_name(id) {
            self.problem(&way, format!("`{id}` is not a name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first"));
        } else if order.earlier().iter().any(|earlier| earlier.id == id) {
            self.problem_with(&way, format!("two steps are called `{id}`"), Some("give one of them another `id`"));
        }
    }

    fn step(&mut self, step: &StepSpec, component: &Component, way: &Way, order: Order<'_>) -> Option<PlannedStep> {
        let before = self.problems.len();
        let mut inputs = self.inputs(Value::Object(step.inputs.clone()), &way.to("inputs"));
        self.tell_stale(step, component, &mut inputs, way);
        self.check_inputs(&inputs, component, way, order);
        self.check_schema(&inputs, component, &way.to("inputs"));
        let share = self.share(step, component, &inputs, way);
        let trusted = step.module.is_none();
        let (permit, removes) = self.permit(step, order.id(), &component.info, trusted, way);
        let limits = self.limits(step, way);
        let retry = self.retry(&step.retry, &way.to("retry"));
        (self.problems.len() == before).then(|| PlannedStep {
            id: order.id().to_owned(),
            share,
            place: order.now,
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

impl<'a> Order<'a> {
    /// What the step is called.
    fn id(self) -> &'a str {
        &self.steps[self.now].id
    }

    fn is_stale(self) -> bool {
        self.steps[self.now].is_stale
    }

    fn earlier(self) -> &'a [Named] {
        &self.steps[..self.now]
    }

    fn later(self) -> &'a [Named] {
        &self.steps[self.now + 1..]
    }
}
