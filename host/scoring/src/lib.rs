//! An ONNX model in tract: what it takes and gives, and running it.
//!
//! `OnnxFile` reads and checks the file, `zip_map` makes tensors of its maps, `ops` has the operators that tract lacks,
//! `program` prepares the graph for any number of rows, `Model` runs it over `Tensor`s. `guard` turns tract's panics
//! into errors.
//! Knows nothing of pipelines.

mod error;
mod guard;
mod model;
mod onnx_file;
mod ops;
mod port;
mod program;
mod tensor;
mod zip_map;

pub use error::ScoringError;
pub use guard::catch;
pub use model::Model;
pub use port::{Element, Port};
pub use tensor::{Tensor, Values};
