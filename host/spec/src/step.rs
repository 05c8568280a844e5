//! `steps`: what runs, and how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// An entry of `steps`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
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
    pub inputs: Map<String, Value>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
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
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
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
