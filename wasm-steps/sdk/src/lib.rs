//! For authors of steps: everything between a `run` function and a component.
//!
//! A step is `fn run(host: &dyn Host, input: Input) -> Result<Output, Failure>` and one [`step!`]. Its schemas come from
//! the types (doc comments become descriptions), and it is tested natively with [`fake::Fake`] for a host.
//!
//! - [`step`]: what a step is, and the two functions that a component exports
//! - [`host`]: the world of a step as a trait; [`wasi`] is the real one, [`fake`] the one for tests
//! - [`request`], [`response`], [`failure`]: asking a service, reading its answer, saying why it went wrong
//! - [`pages`]: lists that come in pages
//! - [`wait`]: polling with a deadline
//! - [`resource`]: creating what the run's cleanup removes again; [`lookup`] finds it
//! - [`files`]: inputs and outputs that name files; [`archive`]: a model file as WML takes it
//! - [`table`], [`batches`]: a data set as typed rows, and cut for requests
//! - [`prediction`]: what a model answers to rows; from WML it comes as [`scoring_answer`], from the model itself by
//!   [`local_scoring`], and it is kept as [`predictions_file`]
//! - [`records`]: writing to an OpenScale data set; [`mark`]: knowing them again; [`payload`], [`feedback`]: what is written
//! - [`ports`]: a model's inputs and outputs as columns
//! - [`quality`]: what OpenScale's quality monitor found; [`verdict`] holds it against gates; [`separation`]: how a
//!   classifier's probabilities separate its classes
//! - [`field`], [`gate`], [`wml`], [`openscale`]: words of the domain that several steps use

pub mod archive;
pub mod batches;
#[expect(missing_docs, clippy::pedantic, reason = "generated from the contract")]
pub mod bindings;
pub mod failure;
#[cfg(not(target_family = "wasm"))]
pub mod fake;
pub mod feedback;
pub mod field;
pub mod files;
pub mod gate;
pub mod host;
mod json;
pub mod local_scoring;
pub mod lookup;
pub mod mark;
pub mod openscale;
pub mod pages;
pub mod payload;
pub mod ports;
pub mod prediction;
pub mod predictions_file;
pub mod quality;
pub mod records;
pub mod request;
pub mod resource;
pub mod response;
pub mod scoring_answer;
pub mod separation;
pub mod step;
pub mod table;
mod table_text;
pub mod verdict;
pub mod wait;
#[cfg(target_family = "wasm")]
pub mod wasi;
pub mod wml;

pub use batches::{BatchLimits, BatchRow, Batches};
pub use bindings::exports::stepwise::step::step::StepInfo;
pub use bindings::stepwise::step::{
    ledger, log::Level, scoring, services, services::Repeat, types::Failure, types::FailureCategory,
};
pub use field::{Field, FieldType};
pub use files::{Artifact, DataSet, ModelFile};
pub use gate::{Gate, Gates, Limit, METRICS};
pub use host::{Host, LocalModel, Pending};
pub use local_scoring::score_locally;
pub use prediction::{ModelOutput, Prediction};
pub use predictions_file::{PredictionsReader, PredictionsWriter, WrittenPrediction};
pub use records::{RecordSet, Records};
pub use request::{InFlight, Request, segment};
pub use resource::{Created, Resource, create};
pub use response::Response;
pub use scoring_answer::ScoringAnswer;
pub use separation::{RocCurve, ScoreDistribution, Separation};
pub use step::{Need, Needs};
pub use table::{Row, Table};
pub use wait::{Deadline, Poll, until};
