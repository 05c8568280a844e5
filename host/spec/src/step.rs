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
    /// What a failure of it does not stop.
    pub continue_on: Option<ContinueOn>,
    /// Whether it is run again.
    #[serde(default)]
    pub retry: RetrySpec,
    /// Into how many shards it is split, 1 to 1000: each does a part of the rows, then one call puts together what they have
    /// answered. A run does them one after the other, or a process each: `run --shard`.
    #[schemars(range(min = 1, max = 1000))]
    pub shards: Option<u32>,
    /// How long it may take, each try.
    #[schemars(example = &"90s", example = &"10m")]
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
    /// In no run: `stepwise cleanup --stale` runs it, to remove what lost runs have left.
    Stale,
}

impl When {
    /// As the spec writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Always => "always",
            Self::Stale => "stale",
        }
    }
}

/// After which failure of a step the pipeline goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContinueOn {
    /// A missed gate: the steps after it run as if it had been passed, and the run still ends as one that missed a gate.
    Gate,
}

/// `retry` of a step.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RetrySpec {
    /// How often it is tried altogether, 1 to 20; without it, once.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: Option<u32>,
    /// After failures of which categories; without it, `unavailable` only.
    pub on: Option<Vec<Category>>,
    /// The pauses between the tries.
    #[serde(default)]
    pub backoff: BackoffSpec,
}

/// What kind of failure a step has had. A missed gate is no reason to try again: the metrics stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// A service cannot be reached, answers with 5xx, or not in time.
    Unavailable,
    /// A service refuses what the step asks for.
    Refused,
    /// The step cannot do with its inputs or data.
    InvalidInput,
    /// The component crashed or broke its contract.
    Internal,
}

impl Category {
    /// As the spec and the records write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::InvalidInput => "invalid-input",
            Self::Internal => "internal",
        }
    }
}

/// `backoff` of a retry. The n-th pause is `first` times `factor` to the power of n - 1, at most `longest`, of which a
/// share of up to `jitter` is left out at random.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BackoffSpec {
    /// The first pause; without it, `500ms`.
    #[schemars(example = &"500ms", example = &"2s")]
    pub first: Option<String>,
    /// How much longer each pause is than the one before, 1 to 10; without it, 2.
    #[schemars(range(min = 1, max = 10))]
    pub factor: Option<f64>,
    /// The longest pause; without it, `30s`.
    #[schemars(example = &"30s", example = &"2m")]
    pub longest: Option<String>,
    /// The share of a pause that is left to chance, 0 to 1; without it, 0.5.
    #[schemars(range(min = 0, max = 1))]
    pub jitter: Option<f64>,
}

/// `limits` of a step.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Memory of the component, for example `256MiB`.
    #[schemars(example = &"512MiB")]
    pub memory: Option<String>,
    /// Entries of the component's tables.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub tables: Option<u32>,
    /// Size of its outputs, or of its failure.
    #[schemars(example = &"8MiB")]
    pub output: Option<String>,
    /// Size of its log.
    #[schemars(example = &"64MiB")]
    pub log: Option<String>,
    /// Size of all its files together.
    #[schemars(example = &"2GiB")]
    pub artifacts: Option<String>,
    /// Requests altogether.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub requests: Option<u32>,
    /// Requests in flight at once.
    #[schemars(range(min = 1, max = 256))]
    pub open_requests: Option<u32>,
    /// Longest body of a request.
    #[schemars(example = &"1GiB")]
    pub request: Option<String>,
    /// Longest body of an answer.
    #[schemars(example = &"64MiB")]
    pub response: Option<String>,
}
