//! A spec file, read part by part.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::{Document, MAX_BYTES};
use super::problem::{Place, Problem, Problems};
use super::violation::violations;
use super::way::Way;
use super::{DataSpec, ServiceSpec, StepSpec, schema};

/// A spec file.
#[derive(Debug)]
pub struct Spec {
    /// The file, as it was named.
    pub file: PathBuf,
    /// What it holds.
    pub text: String,
    /// The text's values and places.
    pub document: Document,
    /// The pipeline's name.
    pub name: String,
    /// The services by name; none where the entry cannot be read.
    pub services: BTreeMap<String, Option<ServiceSpec>>,
    /// The data sets by name; none where the entry cannot be read.
    pub data: BTreeMap<String, Option<DataSpec>>,
    /// The steps, in order; none where the entry cannot be read.
    pub steps: Vec<Option<StepSpec>>,
    /// What is wrong so far. The plan looks at the rest all the same, so that all errors are told at once.
    pub problems: Vec<Problem>,
}

/// The schema of a spec, and what checks it.
static SCHEMA: LazyLock<(Value, jsonschema::Validator)> = LazyLock::new(|| {
    let schema = schema();
    let validator = jsonschema::draft202012::new(&schema).expect("it is made of types, and a test makes it");
    (schema, validator)
});

impl Spec {
    /// Reads a file. Every part that cannot be read is a problem of its own; only a file without any parts is an error.
    pub fn read(file: &Path) -> Result<Self, Problems> {
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
        Self::parse(file, bytes)
    }

    /// Reads what a file holds.
    pub fn parse(file: &Path, bytes: Vec<u8>) -> Result<Self, Problems> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            let line = valid.split('\n').count();
            let column = valid.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let text = String::from_utf8_lossy(error.as_bytes());
            let hint = "save the file in UTF-8";
            let problem = Problem::at(Place::at(line, column), "this is not UTF-8").hint(hint);
            Problems::new(file, &text, vec![problem])
        })?;
        let document = Document::parse(&text).map_err(|problems| Problems::new(file, &text, problems))?;
        let mut reader = Reader { document: &document, wrong: Vec::new(), problems: Vec::new() };
        reader.check();
        let name = document.value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let services = reader.entries("services");
        let data = reader.entries("data");
        let steps = reader.steps();
        let problems = reader.problems;
        Ok(Self { file: file.to_owned(), text, name, services, data, steps, problems, document })
    }
}

/// Turns values into types, keeping every error.
struct Reader<'a> {
    document: &'a Document,
    /// Where the schema is violated.
    wrong: Vec<Way>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Checks the whole against the schema.
    fn check(&mut self) {
        let (schema, validator) = &*SCHEMA;
        for violation in violations(validator, schema, &self.document.value) {
            let way = Way::root().down(&violation.pointer);
            let place = match &violation.key {
                Some(key) => self.document.key_place(&way.to(key)),
                None => self.document.place(&way),
            };
            // An unknown key does not spoil what stands around it.
            if violation.key.is_none() {
                self.wrong.push(way);
            }
            self.problems.push(Problem { place: Some(place), message: violation.message, hint: violation.hint });
        }
        let root = Way::root();
        if let Some(version) = self.document.value.get("version").and_then(Value::as_u64).filter(|&one| one != 1) {
            let place = self.document.place(&root.to("version"));
            self.problems.push(Problem::at(place, format!("`version` is {version}; this stepwise reads version 1")));
        }
        if let Some(name) = self.document.value.get("name").and_then(Value::as_str) {
            self.check_name(name, self.document.place(&root.to("name")));
        }
    }

    fn entries<T: DeserializeOwned>(&mut self, key: &str) -> BTreeMap<String, Option<T>> {
        let mut entries = BTreeMap::new();
        for (name, value) in self.document.value.get(key).and_then(Value::as_object).into_iter().flatten() {
            let way = Way::root().to(key).to(name);
            self.check_name(name, self.document.key_place(&way));
            entries.insert(name.clone(), self.typed(value, &way));
        }
        entries
    }

    fn steps(&mut self) -> Vec<Option<StepSpec>> {
        let way = Way::root().to("steps");
        let steps = self.document.value.get("steps").and_then(Value::as_array).into_iter().flatten();
        steps.enumerate().map(|(n, step)| self.typed(step, &way.to(n))).collect()
    }

    fn check_name(&mut self, name: &str, place: Place) {
        if !is_name(name) {
            let message = format!("`{name}` is not a name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first");
            self.problems.push(Problem::at(place, message));
        }
    }

    /// A value as `T`, if its schema found nothing wrong with it.
    fn typed<T: DeserializeOwned>(&mut self, value: &Value, way: &Way) -> Option<T> {
        if self.wrong.iter().any(|wrong| wrong.is_in(way)) {
            return None;
        }
        match serde_json::from_value(value.clone()) {
            Ok(typed) => Some(typed),
            // The unknown keys were told; the schema says the rest of what the types do.
            Err(error) => {
                if self.problems.is_empty() {
                    self.problems.push(Problem::at(self.document.place(way), error.to_string()));
                }
                None
            }
        }
    }
}

/// A name that may stand in paths, tags and file names.
pub fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}
