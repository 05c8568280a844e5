//! Why a component cannot be used, and how a step can end badly.

use std::path::PathBuf;
use std::time::Duration;

use super::contract::Failure;
use super::limits::Hit;

/// Why a component cannot be used. Found before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// No file for the name.
    #[error("there is no step `{name}` in `{folder}`", folder = folder.display())]
    Unknown {
        /// The step that was asked for.
        name: String,
        /// The steps folder.
        folder: PathBuf,
        /// A step that is there, with a name much like it.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    #[error("failed to read the component `{file}`: {source}", file = file.display())]
    Read {
        /// The component's file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was compiled cannot be written.
    #[error("failed to write `{file}`: {source}", file = file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A core module, as `wasm32-unknown-unknown` or `wasm32-wasip1` make them.
    #[error("`{file}` is a core WebAssembly module, not a component", file = file.display())]
    CoreModule {
        /// The file.
        file: PathBuf,
    },
    /// Something else altogether, or broken.
    #[error("`{file}` is not a WebAssembly component: {reason}", file = file.display())]
    NotAComponent {
        /// The file.
        file: PathBuf,
        /// What the compiler says.
        reason: String,
    },
    /// Another file than the spec wants.
    #[error("`{file}` has the SHA-256 {found}, the spec wants {wanted}", file = file.display())]
    Digest {
        /// The file.
        file: PathBuf,
        /// Its digest.
        found: String,
        /// The spec's.
        wanted: String,
    },
    /// Another contract, or more of it than this host has.
    #[error("component `{component}` {wants}; this stepwise speaks `stepwise:step@{speaks}`")]
    Contract {
        /// The component.
        component: String,
        /// What it is built for.
        wants: String,
        /// The host's version.
        speaks: &'static str,
    },
    /// An interface that steps do not get.
    #[error("component `{component}` imports `{import}`, which steps do not get")]
    Import {
        /// The component.
        component: String,
        /// The interface.
        import: String,
    },
    /// A component of another kind.
    #[error("component `{component}` is no step: it does not export `stepwise:step/step`")]
    NotAStep {
        /// The component.
        component: String,
    },
    /// `describe` did not answer as the contract says.
    #[error("component `{component}` does not describe itself: {reason}")]
    Describe {
        /// The component.
        component: String,
        /// What is wrong.
        reason: String,
    },
    /// The cache of compiled components is not private.
    #[error("the cache of compiled components `{path}` {reason}", path = path.display())]
    Cache {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine itself.
    #[error("failed to set up WebAssembly: {0}")]
    Engine(String),
}

impl ComponentError {
    /// The one action that mends it, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("is `{nearest}` meant?")),
            Self::Unknown { .. } => {
                Some("`stepwise steps` lists the steps; `make steps` builds those of this repository".to_owned())
            }
            Self::CoreModule { .. } => Some("build it with `--target wasm32-wasip2`".to_owned()),
            Self::Import { import, .. } if import.starts_with("wasi:http") => {
                Some("send requests with `stepwise:step/services`".to_owned())
            }
            Self::Contract { .. } => Some("build the component with this version's `step-sdk`".to_owned()),
            Self::Cache { path, .. } => {
                Some(format!("chmod 700 `{}`, or set STEPWISE_CACHE to a folder of yours", path.display()))
            }
            _ => None,
        }
    }
}

/// How one try of a step ended, if not well.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The step's own words.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The component trapped; with the panic message, if there was one.
    #[error("the component crashed: {0}")]
    Trapped(String),
    /// The step's time was up.
    #[error("not done within {}", seconds(*.0))]
    OutOfTime(Duration),
    /// The run's time was up.
    #[error("not done before the run's time of {} was over", seconds(*.0))]
    RunOutOfTime(Duration),
    /// It wanted more than one of its limits.
    #[error("{0}")]
    Limit(Hit),
    /// A signal ended it.
    #[error("interrupted")]
    Interrupted,
    /// What it answered is not what it describes.
    #[error("its outputs are not what its schema says: {0}")]
    Outputs(String),
    /// The host could not do its part.
    #[error("{0}")]
    Host(String),
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}
