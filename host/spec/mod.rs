//! The spec as it is typed: read, not yet resolved.
//!
//! `document` parses YAML and keeps places, `reference` takes `${{ … }}` apart, `problem` says what is wrong and
//! where. After `plan` nothing looks at these types any more.

mod document;
mod problem;
mod quantity;
mod reference;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

pub use document::{Document, Way};
pub use problem::{Problem, Problems};
pub use quantity::{parse_duration, parse_size};
pub use reference::{Part, Reference, Template};

/// A spec file.
#[derive(Debug)]
pub struct Spec {
    /// The file, as it was named.
    pub file: PathBuf,
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

/// The top level of the file; its parts are read one by one, so that one error does not hide another.
#[derive(Debug, Deserialize)]
struct Top {
    version: u32,
    name: String,
    #[serde(default)]
    services: BTreeMap<String, Value>,
    #[serde(default)]
    data: BTreeMap<String, Value>,
    steps: Vec<Value>,
}

/// An entry of `services`.
#[derive(Debug, Deserialize)]
pub struct ServiceSpec {
    /// `https://…`, to which the paths of requests are appended.
    pub url: String,
    /// How to log in.
    pub auth: AuthSpec,
    /// PEM file with further certificate authorities, relative to the spec.
    pub ca_file: Option<String>,
    /// Accept any certificate.
    #[serde(default)]
    pub insecure: bool,
}

/// `auth` of a service.
#[derive(Debug, Deserialize)]
pub struct AuthSpec {
    /// Which way.
    pub kind: AuthKind,
    /// `cp4d`: who logs in.
    pub username: Option<String>,
    /// `cp4d`: the password, or else `api_key`.
    pub password: Option<String>,
    /// `cp4d`: the API key, or else `password`.
    pub api_key: Option<String>,
    /// `token`: a ready token.
    pub token: Option<String>,
}

/// The ways to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Cloud Pak for Data: user name with password or API key.
    Cp4d,
    /// A ready token.
    Token,
}

/// An entry of `data`.
#[derive(Debug, Deserialize)]
pub struct DataSpec {
    /// A local file, relative to the spec.
    pub file: Option<String>,
    /// What the file's SHA-256 must be, 64 hex digits.
    pub sha256: Option<String>,
}

/// An entry of `steps`.
#[derive(Debug, Deserialize)]
pub struct StepSpec {
    /// A component of the steps folder, by name.
    pub step: Option<String>,
    /// A component file, relative to the spec.
    pub module: Option<String>,
    /// What the component's SHA-256 must be, 64 hex digits.
    pub sha256: Option<String>,
    /// What other steps call it; without it, the component's name.
    pub id: Option<String>,
    /// The inputs, with references.
    #[serde(default)]
    pub inputs: Mapping,
    /// When it runs.
    #[serde(default)]
    pub when: When,
    /// Whether it is run again.
    #[serde(default)]
    pub retry: RetrySpec,
    /// How long it may take, each try.
    pub timeout: Option<String>,
    /// Requests that it may send, `METHOD /path/pattern` by service; `ledger: [remove]` lets it remove the run's resources.
    #[serde(default)]
    pub grant: BTreeMap<String, Vec<String>>,
    /// Limits other than the default ones.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// When a step runs, judged by the steps before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// When none before it failed.
    #[default]
    Success,
    /// When one before it failed, missed a gate or was interrupted.
    Failure,
    /// In any case.
    Always,
}

/// `retry` of a step.
#[derive(Debug, Deserialize)]
pub struct RetrySpec {
    /// How often it is tried altogether, when it fails as `unavailable`.
    pub attempts: u32,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self { attempts: 1 }
    }
}

/// `limits` of a step.
#[derive(Debug, Default, Deserialize)]
pub struct LimitsSpec {
    /// Memory of the component, for example `256MiB`.
    pub memory: Option<String>,
    /// Longest body of a request.
    pub request: Option<String>,
    /// Longest body of an answer.
    pub response: Option<String>,
    /// Requests in flight at once.
    pub open_requests: Option<u32>,
}

impl Spec {
    /// Reads a file. Every part that cannot be read is a problem of its own; only a file without any parts is an error.
    pub fn read(file: &Path) -> Result<Self, Problems> {
        let whole = |problem| Problems::new(file, vec![problem]);
        let bytes =
            std::fs::read(file).map_err(|error| whole(Problem::whole(format!("failed to read the spec: {error}"))))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|&byte| byte == b'\n').count();
            whole(Problem::at((line, 1), "the spec is not UTF-8 from here on"))
        })?;
        let document = Document::parse(&text).map_err(whole)?;
        let mut reader = Reader { document: &document, problems: Vec::new() };
        let parts = reader.parts();
        let problems = reader.problems;
        match parts {
            Some(Parts { name, services, data, steps }) => {
                Ok(Self { file: file.to_owned(), document, name, services, data, steps, problems })
            }
            None => Err(Problems::new(file, problems)),
        }
    }
}

struct Parts {
    name: String,
    services: BTreeMap<String, Option<ServiceSpec>>,
    data: BTreeMap<String, Option<DataSpec>>,
    steps: Vec<Option<StepSpec>>,
}

/// Turns values into types, keeping every error.
struct Reader<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn parts(&mut self) -> Option<Parts> {
        let root = Way::root();
        let top: Top = self.typed(&self.document.value, &root)?;
        if top.version != 1 {
            let place = self.document.place(&root.to("version"));
            self.problems
                .push(Problem::at(place, format!("`version` is {}; this stepwise reads version 1", top.version)));
        }
        self.check_name(&top.name, &root.to("name"));
        let services = self.entries(&top.services, &root.to("services"));
        let data = self.entries(&top.data, &root.to("data"));
        let ways = (0..).map(|n| root.to("steps").to(n));
        let steps = top.steps.iter().zip(ways).map(|(value, way)| self.typed(value, &way)).collect();
        Some(Parts { name: top.name, services, data, steps })
    }

    fn entries<T: DeserializeOwned>(
        &mut self,
        values: &BTreeMap<String, Value>,
        way: &Way,
    ) -> BTreeMap<String, Option<T>> {
        let mut entries = BTreeMap::new();
        for (name, value) in values {
            self.check_name(name, &way.to(name));
            entries.insert(name.clone(), self.typed(value, &way.to(name)));
        }
        entries
    }

    fn check_name(&mut self, name: &str, way: &Way) {
        if !is_name(name) {
            let place = self.document.key_place(way);
            self.problems.push(Problem::at(
                place,
                format!("`{name}` is not a name: 1 to 40 of a-z, 0-9, `-` and `_`, a letter first"),
            ));
        }
    }

    /// One value as `T`. Unknown keys are all reported; of other errors the first in the value.
    fn typed<T: DeserializeOwned>(&mut self, value: &Value, way: &Way) -> Option<T> {
        let mut unknown = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(value, &mut track);
        let result: Result<T, _> = serde_ignored::deserialize(deserializer, |path| unknown.push(pointer(&path)));
        for pointer in unknown {
            let key = pointer.rsplit('/').next().unwrap_or(&pointer).to_owned();
            let place = self.document.key_place(&way.down(&pointer));
            self.problems.push(Problem::at(place, format!("unknown key `{key}`")));
        }
        match result {
            Ok(typed) => Some(typed),
            Err(error) => {
                let path = track.path();
                let (mut at, mut last) = (way.clone(), None);
                for segment in &path {
                    match segment {
                        serde_path_to_error::Segment::Map { key } => (at, last) = (at.to(key), Some(key)),
                        serde_path_to_error::Segment::Seq { index } => at = at.to(index),
                        _ => {}
                    }
                }
                let message = last.map_or_else(|| error.to_string(), |key| format!("`{key}`: {error}"));
                self.problems.push(Problem::at(self.document.place(&at), message));
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

fn pointer(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}/{index}", pointer(parent)),
        Path::Map { parent, key } => format!("{}/{key}", pointer(parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => pointer(parent),
    }
}
