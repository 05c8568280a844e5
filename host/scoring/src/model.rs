//! A loaded model.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tract_onnx::prelude::*;

use crate::onnx_file::{OnnxFile, brief};
use crate::{Port, ScoringError, Tensor, guard, program};

/// An ONNX model, ready to run any number of rows from any thread.
#[derive(Debug, Clone)]
pub struct Model {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    sha256: String,
    runnable: Arc<TypedRunnableModel>,
}

impl Model {
    /// Reads a model file and prepares it.
    pub fn load(bytes: &[u8]) -> Result<Self, ScoringError> {
        let unusable = |reason| ScoringError::Unusable { reason };
        let mut file = OnnxFile::read(bytes)?;
        let graph = file.graph()?;
        let prepared = guard::catch(|| program::prepare(graph, &mut file));
        let (runnable, outputs) = prepared.map_err(unusable)?.map_err(|error| unusable(brief(&error)))?;
        let sha256 = format!("{:x}", Sha256::digest(bytes));
        Ok(Self { inputs: file.inputs, outputs, sha256, runnable })
    }

    /// What the model takes, in the order of the file.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the model gives, in the order of the file.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// SHA-256 of the file, 64 hex digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Runs the model: one tensor per input in their order, answers one per output in theirs.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, ScoringError> {
        if inputs.len() != self.inputs.len() {
            return Err(ScoringError::Count { wanted: self.inputs.len(), got: inputs.len() });
        }
        let fed = inputs.iter().zip(&self.inputs).map(|(tensor, port)| Ok(tensor.feed(port)?.into_tvalue()));
        let fed = fed.collect::<Result<TVec<TValue>, ScoringError>>()?;
        let run = || -> TractResult<Vec<Tensor>> {
            self.runnable.run(fed)?.iter().map(|answer| Tensor::answered(answer)).collect()
        };
        let failed = |reason| ScoringError::Run { reason };
        guard::catch(run).map_err(failed)?.map_err(|error| failed(brief(&error)))
    }
}
