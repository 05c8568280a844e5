//! From the spec as typed to a plan: every reference, name, type and grant is checked, all errors at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::{self, DataSet, Source};
use crate::engine::{Component, ComponentError, Engine, Format, Info, Limits, may_fit};
use crate::services::{Auth, Credential, Grant, Grants, Masks, Permit, Secret, ServiceConfig, Services};
use crate::spec::{
    AuthKind, AuthSpec, LimitsSpec, Problem, Problems, Reference, Spec, StepSpec, Template, Way, is_name,
    parse_duration, parse_size,
};

use super::inputs::Inputs;
use super::{Environment, Plan, PlannedStep};

/// The word that stands for the ledger among a step's grants.
const LEDGER: &str = "ledger";

impl Plan {
    /// Checks a spec against its components and the environment.
    pub fn new(spec: &Spec, engine: &Engine, folder: &Path, environment: &Environment) -> Result<Self, Problems> {
        let base = spec.file.parent().map(Path::to_owned).unwrap_or_default();
        let mut resolver = Resolver { spec, engine, folder, environment, base, problems: spec.problems.clone() };
        let services = resolver.services();
        let data = resolver.data();
        let steps = resolver.steps();
        if resolver.problems.is_empty() {
            let spec_sha256 = data::digest(&spec.file).map(|(sha256, _)| sha256).unwrap_or_default();
            return Ok(Self { name: spec.name.clone(), spec: spec.file.clone(), spec_sha256, services, data, steps });
        }
        Err(Problems::new(&spec.file, resolver.problems))
    }
}

struct Resolver<'a> {
    spec: &'a Spec,
    engine: &'a Engine,
    folder: &'a Path,
    environment: &'a Environment,
    /// What paths are relative to.
    base: PathBuf,
    problems: Vec<Problem>,
}

/// Steps that stand before the one that is looked at: their ids, and what they are if their component could be loaded.
type Earlier = Vec<(String, Option<Component>)>;

impl Resolver<'_> {
    fn problem(&mut self, way: &Way, message: impl Into<String>) {
        self.problems.push(Problem::at(self.spec.document.place(way), message));
    }

    fn problem_with(&mut self, way: &Way, message: impl Into<String>, hint: Option<String>) {
        let problem = Problem::at(self.spec.document.place(way), message);
        self.problems.push(Problem { hint, ..problem });
    }

    fn services(&mut self) -> Vec<ServiceConfig> {
        let spec = self.spec;
        let mut services = Vec::new();
        for (name, service) in &spec.services {
            let Some(service) = service else { continue };
            let way = Way::root().to("services").to(name);
            if name == LEDGER {
                self.problem(&way, "`ledger` cannot be a service's name; in `grant` it stands for the run's ledger");
            }
            let ca_file = service.ca_file.as_deref().and_then(|file| self.fixed(file, &way.to("ca_file"), false));
            let (url, auth) = if let Some((url, auth)) = self.environment.stand_in() {
                (Some(url), Some(auth))
            } else {
                let url = self.fixed(&service.url, &way.to("url"), false);
                (url, self.auth(&service.auth, &way.to("auth")))
            };
            if let (Some(url), Some(auth)) = (url, auth) {
                let ca_file = ca_file.map(|file| self.base.join(file));
                let config = ServiceConfig { name: name.clone(), url, auth, ca_file, insecure: service.insecure };
                // Opening reads the CA file and takes the address apart; it sends nothing.
                if let Err(error) = Services::open(vec![config.clone()], "", &Masks::new()) {
                    self.problem(&way, error.to_string());
                }
                services.push(config);
            }
        }
        services
    }

    fn auth(&mut self, auth: &AuthSpec, way: &Way) -> Option<Auth> {
        let allowed: &[&str] = match auth.kind {
            AuthKind::Cp4d => &["username", "password", "api_key"],
            AuthKind::Token => &["token"],
        };
        let given = [
            ("username", &auth.username),
            ("password", &auth.password),
            ("api_key", &auth.api_key),
            ("token", &auth.token),
        ];
        let mut values = BTreeMap::new();
        for (key, text) in given {
            let Some(text) = text else { continue };
            if !allowed.contains(&key) {
                let kind = if auth.kind == AuthKind::Cp4d { "cp4d" } else { "token" };
                self.problem(&way.to(key), format!("a login of kind `{kind}` has no `{key}`"));
            }
            values.insert(key, self.fixed(text, &way.to(key), true)?);
        }
        let mut take = |key: &str| values.remove(key);
        match auth.kind {
            AuthKind::Token => match take("token") {
                Some(token) => Some(Auth::Token(Secret::new(token))),
                None => {
                    self.problem(way, "a login of kind `token` needs `token`");
                    None
                }
            },
            AuthKind::Cp4d => {
                let credential = match (take("password"), take("api_key")) {
                    (Some(password), None) => Some(Credential::Password(Secret::new(password))),
                    (None, Some(key)) => Some(Credential::ApiKey(Secret::new(key))),
                    _ => None,
                };
                match (take("username"), credential) {
                    (Some(username), Some(credential)) => Some(Auth::Cp4d { username, credential }),
                    _ => {
                        self.problem(
                            way,
                            "a login of kind `cp4d` needs `username` and one of `password` and `api_key`",
                        );
                        None
                    }
                }
            }
        }
    }

    /// A text that must be known now: references to `env`, and in `services` to `secrets`.
    fn fixed(&mut self, text: &str, way: &Way, secrets: bool) -> Option<String> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(reason) => {
                self.problem(way, reason);
                return None;
            }
        };
        let mut fixed = Some(String::new());
        for part in template.parts() {
            let value = match part {
                crate::spec::Part::Text(literal) => Some(literal.clone()),
                crate::spec::Part::Reference(reference) => self.value(reference, way, secrets),
            };
            fixed = fixed.zip(value).map(|(text, value)| text + &value);
        }
        fixed
    }

    fn value(&mut self, reference: &Reference, way: &Way, secrets: bool) -> Option<String> {
        let environment = self.environment;
        match reference {
            Reference::Env(name) => {
                let value = environment.variable(name);
                if value.is_none() {
                    self.problem_with(way, format!("the environment variable `{name}` is not set"), None);
                }
                value.map(str::to_owned)
            }
            Reference::Secret(name) if secrets => {
                let value = environment.secret(name).filter(|value| !value.is_empty());
                if value.is_none() {
                    let hint = format!("set the environment variable `{name}`");
                    self.problem_with(way, format!("the secret `{name}` is not set"), Some(hint));
                }
                value.map(str::to_owned)
            }
            Reference::Secret(name) => {
                self.problem(way, format!("the secret `{name}` may only be read in a service's `auth`"));
                None
            }
            Reference::Output { .. } => {
                self.problem(
                    way,
                    format!("`{reference}` is only known while the run goes on; it may stand in `inputs`"),
                );
                None
            }
        }
    }

    fn data(&mut self) -> BTreeMap<String, DataSet> {
        let spec = self.spec;
        let mut sets = BTreeMap::new();
        for (name, entry) in &spec.data {
            let Some(entry) = entry else { continue };
            let way = Way::root().to("data").to(name);
            let Some(file) = &entry.file else {
                self.problem(&way, format!("data set `{name}` needs `file`"));
                continue;
            };
            if let Some(sha256) = &entry.sha256 {
                self.check_sha256(sha256, &way.to("sha256"));
            }
            let Some(file) = self.fixed(file, &way.to("file"), false) else { continue };
            let set = DataSet { source: Source::File(self.base.join(file)), sha256: entry.sha256.clone() };
            if let Err(error) = data::fetch(&set) {
                self.problem(&way.to("file"), format!("data set `{name}`: {error}"));
            }
            sets.insert(name.clone(), set);
        }
        sets
    }

    fn check_sha256(&mut self, text: &str, way: &Way) {
        if text.len() != 64 || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            self.problem(way, "a SHA-256 has 64 hex digits");
        }
    }

    fn steps(&mut self) -> Vec<PlannedStep> {
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
                let named = |key: &str| spec.document.value.get("steps")?.get(n)?.get(key)?.as_str().map(str::to_owned);
                earlier.extend(named("id").or_else(|| named("step")).map(|id| (id, None)));
                continue;
            };
            let component = self.component(step, &way);
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
        if let Some(sha256) = &step.sha256 {
            self.check_sha256(sha256, &way.to("sha256"));
        }
        let (way, loaded) = match (&step.step, &step.module) {
            (Some(name), None) if is_name(name) => {
                let file = self.folder.join(format!("{name}.wasm"));
                let known = self.engine.named(self.folder, name);
                let known = known.and_then(|known| match &step.sha256 {
                    Some(wanted) if !wanted.eq_ignore_ascii_case(&known.sha256) => {
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
                (way.to("module"), self.engine.load(&self.base.join(module), step.sha256.as_deref()))
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
        let given: Value = match serde_yaml::from_value(serde_yaml::Value::Mapping(step.inputs.clone())) {
            Ok(given) => given,
            Err(error) => {
                self.problem(&way.to("inputs"), format!("these inputs have no form in JSON: {error}"));
                return None;
            }
        };
        let inputs = self.inputs(given, &way.to("inputs"));
        let sound = self.problems.len() == before;
        self.check_inputs(&inputs, component, way, earlier);
        if sound {
            self.check_schema(&inputs, component, &way.to("inputs"));
        }
        let trusted = step.module.is_none();
        let (permit, removes) = self.permit(step, id, &component.info, trusted, way);
        let limits = self.limits(step, &way.clone());
        if step.retry.attempts == 0 || step.retry.attempts > 20 {
            self.problem(&way.to("retry").to("attempts"), "`attempts` is a number from 1 to 20");
        }
        (self.problems.len() == before).then(|| PlannedStep {
            id: id.to_owned(),
            component: component.clone(),
            inputs,
            permit,
            removes,
            when: step.when,
            attempts: step.retry.attempts,
            limits,
        })
    }

    /// Replaces what is known now; leaves outputs of steps for later.
    fn inputs(&mut self, value: Value, way: &Way) -> Inputs {
        match value {
            Value::Object(members) => {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(key, value)| {
                        let value = self.inputs(value, &way.to(&key));
                        (key, value)
                    })
                    .collect();
                Inputs::Object(members)
            }
            Value::Array(items) => {
                Inputs::Array(items.into_iter().enumerate().map(|(n, item)| self.inputs(item, &way.to(n))).collect())
            }
            Value::String(text) => match Template::parse(&text) {
                Ok(template)
                    if template.references().any(|reference| matches!(reference, Reference::Output { .. })) =>
                {
                    self.partly(&template, way)
                }
                _ => {
                    self.fixed(&text, way, false).map_or(Inputs::Known(Value::Null), |text| Inputs::Known(text.into()))
                }
            },
            other => Inputs::Known(other),
        }
    }

    /// A text with outputs in it: what else it refers to is replaced now.
    fn partly(&mut self, template: &Template, way: &Way) -> Inputs {
        Inputs::Later(template.replaced(|reference| match reference {
            Reference::Output { .. } => None,
            other => Some(self.value(other, way, false).unwrap_or_default()),
        }))
    }

    /// References to other steps, and files.
    fn check_inputs(&mut self, inputs: &Inputs, component: &Component, way: &Way, earlier: &Earlier) {
        let base = way.to("inputs");
        for (pointer, template) in inputs.later() {
            for reference in template.references() {
                let Reference::Output { step, path } = reference else { continue };
                let place = base.down(&pointer);
                let Some((_, known)) = earlier.iter().find(|(id, _)| id == step) else {
                    let later = self
                        .spec
                        .steps
                        .iter()
                        .flatten()
                        .any(|other| other.id.as_ref().or(other.step.as_ref()) == Some(step));
                    let what = if later { "which runs later" } else { "but there is no such step" };
                    self.problem(&place, format!("`{reference}` reads step `{step}`, {what}"));
                    continue;
                };
                // A step whose component could not be loaded has its own problem already.
                let Some(known) = known else { continue };
                let Some(from) = known.info.outputs.at(path.iter().map(String::as_str)) else {
                    let names: Vec<_> = known.info.outputs.properties().map(|(name, _)| format!("`{name}`")).collect();
                    let hint = format!("its outputs are {}", names.join(", "));
                    self.problem_with(&place, format!("step `{step}` has no output `{}`", path.join(".")), Some(hint));
                    continue;
                };
                let Some(to) = component.info.inputs.at(pointer.split('/').skip(1)) else { continue };
                let text = serde_json::json!({"type": ["string", "number", "integer", "boolean"]});
                let (to, used) = if template.alone().is_some() { (to, "the input") } else { (&text, "a text") };
                if !may_fit(from, to) {
                    self.problem(&place, format!("`{reference}` is {}, {used} is {}", words(from), words(to)));
                }
            }
        }
        for (pointer, format, value) in component.info.inputs.files(&inputs.sketch()) {
            let place = base.down(&pointer);
            match format {
                Format::DataSet if !self.spec.data.contains_key(&value) => {
                    let known: Vec<_> = self.spec.data.keys().map(|name| format!("`{name}`")).collect();
                    let hint = (!known.is_empty()).then(|| format!("`data` has {}", known.join(", ")));
                    self.problem_with(&place, format!("there is no data set `{value}`"), hint);
                }
                Format::Model => self.check_model(&value, &place),
                Format::Artifact => {
                    self.problem(&place, "an artifact is an earlier step's output: write `${{ steps.….… }}`")
                }
                Format::DataSet => {}
            }
        }
    }

    fn check_model(&mut self, value: &str, place: &Way) {
        let path = Path::new(value);
        let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            self.problem(place, format!("the model `{value}` must lie in the spec's folder"));
        } else if !self.base.join(path).is_file() {
            self.problem(place, format!("there is no model file `{}`", self.base.join(path).display()));
        }
    }

    fn check_schema(&mut self, inputs: &Inputs, component: &Component, way: &Way) {
        let later: Vec<String> = inputs.later().into_iter().map(|(pointer, _)| pointer).collect();
        for (pointer, message) in component.info.inputs.errors(&inputs.sketch()) {
            // Where a value comes later, `null` stands for it now; its type is checked elsewhere.
            let open = later.iter().any(|later| pointer == *later || pointer.starts_with(&format!("{later}/")));
            if !open {
                self.problem(&way.down(&pointer), message);
            }
        }
    }

    /// What the step may send, and whether it may remove what the run created.
    fn permit(&mut self, step: &StepSpec, id: &str, info: &Info, trusted: bool, way: &Way) -> (Permit, bool) {
        let needs = Grants::new(info.needs.clone());
        for service in
            info.needs.iter().map(|need| &need.service).filter(|name| !self.spec.services.contains_key(*name))
        {
            let hint = format!("add `{service}` under `services`");
            let message = format!("`{}` uses the service `{service}`, which the spec does not have", info.name);
            self.problem_with(way, message, Some(hint));
        }
        let mut removes = trusted && info.removes;
        let mut granted = Vec::new();
        for (service, lines) in &step.grant {
            let way = way.to("grant").to(service);
            if service != LEDGER && !self.spec.services.contains_key(service) {
                self.problem(&way, format!("there is no service `{service}`"));
            }
            for (n, line) in lines.iter().enumerate() {
                match (service.as_str(), line.as_str()) {
                    (LEDGER, "remove") => removes = info.removes,
                    (LEDGER, _) => {
                        self.problem(&way.to(n), format!("`{line}` is nothing the ledger can grant; there is `remove`"))
                    }
                    _ => match Grant::parse(service, line) {
                        Ok(grant) => granted.push(grant),
                        Err(error) => self.problem(&way.to(n), error.to_string()),
                    },
                }
            }
        }
        let permit =
            if trusted { Permit::built_in(id, needs) } else { Permit::custom(id, needs, Grants::new(granted)) };
        (permit, removes)
    }

    fn limits(&mut self, step: &StepSpec, way: &Way) -> Limits {
        let mut limits = Limits::default();
        if let Some(text) = &step.timeout {
            match parse_duration(text) {
                Ok(time) => limits.time = time,
                Err(reason) => self.problem(&way.to("timeout"), reason),
            }
        }
        let LimitsSpec { memory, request, response, open_requests } = &step.limits;
        let way = way.to("limits");
        let sizes = [
            ("memory", memory, &mut limits.memory),
            ("request", request, &mut limits.request),
            ("response", response, &mut limits.response),
        ];
        for (key, text, limit) in sizes {
            match text.as_deref().map(parse_size) {
                Some(Ok(bytes)) => *limit = usize::try_from(bytes).unwrap_or(usize::MAX),
                Some(Err(reason)) => self.problem(&way.to(key), reason),
                None => {}
            }
        }
        match open_requests {
            Some(0) | Some(257..) => {
                self.problem(&way.to("open_requests"), "`open_requests` is a number from 1 to 256")
            }
            Some(count) => limits.open_requests = *count as usize,
            None => {}
        }
        limits
    }
}

fn words(schema: &Value) -> String {
    match crate::engine::types(schema) {
        None => "anything".to_owned(),
        Some(names) => {
            let names: Vec<_> = names.iter().filter(|name| *name != "null").map(|name| format!("`{name}`")).collect();
            names.join(" or ")
        }
    }
}
