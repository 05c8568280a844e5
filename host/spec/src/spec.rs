//! A spec file, read part by part.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::{Document, MAX_BYTES};
use super::hide::without_logins;
use super::layers::{Layer, Layers, Overrides};
use super::problem::{Place, Problem, Problems};
use super::violation::{Violation, validator, violations};
use super::way::Way;
use super::ways::Ways;
use super::{DataSpec, Dialect, ParamSpec, Reference, SecretSpec, ServiceSpec, StepSpec, schema};

/// A spec file, with all that lies over it.
#[derive(Debug)]
pub struct Spec {
    /// The file, as it was named.
    pub file: PathBuf,
    /// What it holds, as it was read.
    pub bytes: Vec<u8>,
    /// The same as a text.
    pub text: String,
    /// What is laid over it.
    pub overrides: Overrides,
    /// The pipeline's name.
    pub name: String,
    /// How long a call of `run` may take.
    pub timeout: Option<String>,
    /// The params by name; none where the entry cannot be read.
    pub params: BTreeMap<String, Option<ParamSpec>>,
    /// The services by name; none where the entry cannot be read.
    pub services: BTreeMap<String, Option<ServiceSpec>>,
    /// Where secrets are read, by name; none where the entry cannot be read.
    pub secrets: BTreeMap<String, Option<SecretSpec>>,
    /// The data sets by name; none where the entry cannot be read.
    pub data: BTreeMap<String, Option<DataSpec>>,
    /// The models by name; none where the entry cannot be read.
    pub models: BTreeMap<String, Option<DataSpec>>,
    /// The steps, in order; none where the entry cannot be read.
    pub steps: Vec<Option<StepSpec>>,
    /// What is wrong so far. The plan looks at the rest all the same, so that all errors are told at once.
    pub problems: Vec<Problem>,
    document: Document,
    layers: Layers,
    wrong: Ways<()>,
}

/// The schema of a spec, and what checks it.
static SCHEMA: LazyLock<(Value, jsonschema::Validator)> = LazyLock::new(|| {
    let schema = schema();
    let validator = validator(&schema).expect("it is made of types, and a test makes it");
    (schema, validator)
});

impl Spec {
    /// Reads a file. Every part that cannot be read is a problem of its own; only a file without any parts is an error.
    pub fn read(file: &Path, overrides: &Overrides) -> Result<Self, Problems> {
        let whole = |message: String| Problems::new(file, "", vec![Problem::whole(message)]);
        let failed = |error| whole(format!("failed to read the spec: {error}"));
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(failed)?;
        let length = opened.metadata().map_or(0, |metadata| metadata.len());
        // One more than may be: a pipe or a device does not tell its length.
        opened.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > MAX_BYTES {
            let length = length.max(bytes.len() as u64);
            return Err(whole(format!("the spec has {length} bytes, more than the {MAX_BYTES} that are read")));
        }
        Self::parse(file, bytes, overrides)
    }

    /// Reads what a file holds.
    pub fn parse(file: &Path, bytes: Vec<u8>, overrides: &Overrides) -> Result<Self, Problems> {
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = valid.split('\n').count();
            let column = valid.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let text = String::from_utf8_lossy(&bytes);
            let hint = "save the file in UTF-8";
            let problem = Problem::at(Place::at(line, column), "this is not UTF-8").hint(hint);
            Problems::new(file, &without_logins(&text), vec![problem])
        })?;
        // A byte order mark, as some editors write it, is no part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let document =
            Document::parse(&text).map_err(|problems| Problems::new(file, &without_logins(&text), problems))?;
        let mut reader =
            Reader { layers: Layers::of(&document), document: &document, wrong: Ways::default(), problems: Vec::new() };
        reader.check(&document.value);
        let problems = reader.layers.apply(&document, overrides);
        reader.problems.extend(problems);
        let value = reader.layers.value.clone();
        // What the layers have brought. What is told twice is one problem all the same.
        reader.check(&value);
        reader.check_names(&value);
        let text_of = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text_of("name").unwrap_or_default();
        let timeout = text_of("timeout");
        let params = reader.entries(&value, "params");
        let services = reader.entries(&value, "services");
        let secrets = reader.entries(&value, "secrets");
        let data = reader.entries(&value, "data");
        let models = reader.entries(&value, "models");
        let steps = reader.steps(&value);
        let Reader { layers, problems, wrong, .. } = reader;
        let (file, overrides) = (file.to_owned(), overrides.clone());
        Ok(Self {
            file,
            bytes,
            text,
            overrides,
            name,
            timeout,
            params,
            services,
            secrets,
            data,
            models,
            steps,
            problems,
            document,
            layers,
            wrong,
        })
    }

    /// All values, after every layer.
    pub fn value(&self) -> &Value {
        &self.layers.value
    }

    /// All values as they are written, before any layer.
    pub fn written(&self) -> &Value {
        &self.document.value
    }

    /// Whether the schema has found something wrong in a value, which then has a problem of its own.
    pub fn is_wrong(&self, way: &Way) -> bool {
        self.wrong.within(way).next().is_some()
    }

    /// Where a value comes from: the layer, and where in the file, if not from an argument.
    pub fn origin(&self, way: &Way) -> (Layer, Option<Place>) {
        let (layer, source) = self.layers.origin(way);
        let place = (!matches!(layer, Layer::Set(_))).then(|| self.document.place(&source));
        (layer, place)
    }

    /// A problem of a value.
    pub fn problem(&self, way: &Way, message: impl Into<String>) -> Problem {
        problem(&self.document, &self.layers, way, None, message.into())
    }

    /// A problem of a key of a mapping.
    pub fn key_problem(&self, way: &Way, key: &str, message: impl Into<String>) -> Problem {
        problem(&self.document, &self.layers, way, Some(key), message.into())
    }
}

fn problem(document: &Document, layers: &Layers, way: &Way, key: Option<&str>, message: String) -> Problem {
    let way = key.map_or_else(|| way.clone(), |key| way.to(key));
    match layers.origin(&way) {
        (Layer::Set(argument), _) => Problem { argument: Some(argument), ..Problem::whole(message) },
        (_, source) if key.is_some() => Problem::at(document.key_place(&source), message),
        (_, source) => Problem::at(document.place(&source), message),
    }
}

/// What is to be said of a service's dialect that is older than all that there are.
fn too_old(value: &Value, pointer: &str) -> Option<(String, Option<String>)> {
    let service = pointer.strip_suffix("/dialect")?.rsplit_once('/')?.0;
    let typed = value.pointer(pointer)?.as_str()?;
    if !service.ends_with("/services") || !Dialect::is_before_all(typed) {
        return None;
    }
    let hint = "3.5 is `cp4d_3.5`; a cluster that is older must be upgraded";
    Some((format!("`{typed}`: Cloud Pak for Data before 3.5 is not supported"), Some(hint.to_owned())))
}

/// Turns values into types, keeping every error.
struct Reader<'a> {
    document: &'a Document,
    layers: Layers,
    /// Where the schema is violated.
    wrong: Ways<()>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Checks the whole against the schema.
    fn check(&mut self, value: &Value) {
        let (schema, validator) = &*SCHEMA;
        for Violation { pointer, key, is_of_key, message, hint } in violations(validator, schema, value) {
            let way = Way::root().down(&pointer);
            let (message, hint) = too_old(value, &pointer).unwrap_or((message, hint));
            let problem = problem(self.document, &self.layers, &way, key.as_deref(), message);
            self.problems.push(Problem { hint: hint.map(Into::into), ..problem });
            if !is_of_key {
                self.wrong.insert(way, ());
            }
        }
    }

    /// Checks the version and all names.
    fn check_names(&mut self, value: &Value) {
        let root = Way::root();
        if let Some(version) = value.get("version").and_then(Value::as_u64).filter(|&version| version != 1) {
            let message = format!("`version` is {version}; this stepwise reads version 1");
            self.problems.push(problem(self.document, &self.layers, &root.to("version"), None, message));
        }
        if let Some(name) = value.get("name").and_then(Value::as_str) {
            self.check_name(name, &root.to("name"), None);
        }
        for collection in ["params", "services", "data", "models"] {
            for name in value.get(collection).and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                self.check_name(name, &root.to(collection), Some(name));
            }
        }
        for name in value.get("secrets").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            if !Reference::is_name(name) {
                let message = format!("`{name}` is not a secret's name: a-z, A-Z, 0-9, `_` and `-`");
                self.problems.push(problem(self.document, &self.layers, &root.to("secrets"), Some(name), message));
            }
        }
    }

    fn check_name(&mut self, name: &str, way: &Way, key: Option<&str>) {
        if !is_name(name) {
            let message = format!("`{name}` is not a name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first");
            self.problems.push(problem(self.document, &self.layers, way, key, message));
        }
    }

    fn entries<T: DeserializeOwned>(&mut self, value: &Value, key: &str) -> BTreeMap<String, Option<T>> {
        let way = Way::root().to(key);
        let entries = value.get(key).and_then(Value::as_object).into_iter().flatten();
        entries.map(|(name, value)| (name.clone(), self.typed(value, &way.to(name)))).collect()
    }

    fn steps(&mut self, value: &Value) -> Vec<Option<StepSpec>> {
        let way = Way::root().to("steps");
        let steps = value.get("steps").and_then(Value::as_array).into_iter().flatten();
        steps.enumerate().map(|(n, step)| self.typed(step, &way.to(n))).collect()
    }

    /// A value as `T`, without what its schema found wrong in it; none if nothing is left that makes one.
    fn typed<T: DeserializeOwned>(&mut self, value: &Value, way: &Way) -> Option<T> {
        let mut value = value.clone();
        let mut is_wrong = false;
        for wrong in self.wrong.within(way) {
            is_wrong = true;
            remove(&mut value, &wrong.as_str()[way.as_str().len()..]);
        }
        let typed = serde_json::from_value(value);
        if is_wrong {
            return typed.ok();
        }
        // The schema says all that the types do, but for what a test would have to forget.
        typed
            .map_err(|error| self.problems.push(problem(self.document, &self.layers, way, None, error.to_string())))
            .ok()
    }
}

/// Removes what a JSON pointer leads to; of a list with a wrong item nothing is left.
fn remove(value: &mut Value, pointer: &str) {
    let mut pointer = pointer;
    while let Some((around, key)) = pointer.rsplit_once('/') {
        match value.pointer_mut(around) {
            Some(Value::Object(members)) => {
                members.remove(&key.replace("~1", "/").replace("~0", "~"));
                return;
            }
            // It may have been removed with what is around it.
            None => return,
            Some(_) => pointer = around,
        }
    }
    *value = Value::Null;
}

/// A name that may stand in paths, tags and file names.
pub fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}
