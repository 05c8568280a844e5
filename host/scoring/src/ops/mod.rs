//! Operators that tract lacks, or does not mean as onnxruntime does, which is what answers in WML.

mod attributes;
mod classes;
mod ensemble;
mod forest;
mod linear;
mod listed;
mod normalizer;
mod row_wise;
mod scaler;
mod sigmoid;
mod transform;

use tract_onnx::Onnx;

/// Has tract build these operators, in place of its own where it has one.
pub(crate) fn register(onnx: &mut Onnx) {
    let operators = &mut onnx.op_register;
    operators.insert("LinearClassifier", linear::classifier);
    operators.insert("Normalizer", normalizer::normalizer);
    operators.insert("Scaler", scaler::scaler);
    operators.insert("Sigmoid", |_, _| Ok((sigmoid::sigmoid(), Vec::new())));
    operators.insert("TreeEnsembleClassifier", ensemble::classifier);
    operators.insert("TreeEnsembleRegressor", ensemble::regressor);
}
