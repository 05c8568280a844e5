//! What can be wrong with a model, or with what it is given.

/// Why a model cannot be loaded or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum ScoringError {
    /// The bytes are no ONNX model.
    #[error("not an ONNX model: {reason}")]
    NotOnnx { reason: String },
    /// The model has operators that tract lacks, or not with these attributes.
    #[error("the model uses {}, which cannot be run here: {reason}", quoted(operators))]
    Operator { operators: Vec<String>, reason: String },
    /// The operators are there, but the model as a whole makes no sense to tract.
    #[error("the model cannot be run here: {reason}")]
    Unusable { reason: String },
    /// More or fewer tensors than the model has inputs.
    #[error("the model takes {wanted} inputs, not {got}")]
    Count { wanted: usize, got: usize },
    /// A tensor that does not fit its input.
    #[error("input `{input}` takes the shape {wanted}, not {got}")]
    Shape { input: String, wanted: String, got: String },
    /// Values that its input cannot hold.
    #[error("input `{input}` takes {wanted}, not {got}")]
    Type { input: String, wanted: String, got: String },
    /// The model was loaded, but failed over these values.
    #[error("the model failed to run: {reason}")]
    Run { reason: String },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
