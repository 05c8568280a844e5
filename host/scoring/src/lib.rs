//! An ONNX model in tract: what it takes and gives, and running it.
//!
//! `OnnxFile` reads and checks the file, `Model` runs it over `Tensor`s, `guard` turns tract's panics into errors.
//! Knows nothing of pipelines.

mod error;
mod guard;
mod model;
mod onnx_file;
mod port;
mod tensor;

pub use error::ScoringError;
pub use model::Model;
pub use port::{Element, Port};
pub use tensor::{Tensor, Values};
