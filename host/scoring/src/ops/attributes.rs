//! Reading an operator's attributes.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::prelude::TractResult;
use tract_onnx::tensor::load_tensor;

/// A list of integers, empty if it is not given.
pub(super) fn integers<'a>(node: &'a NodeProto, name: &str) -> TractResult<&'a [i64]> {
    Ok(node.get_attr_opt_slice(name)?.unwrap_or_default())
}

/// A list of texts, empty if it is not given.
pub(super) fn texts(node: &NodeProto, name: &str) -> TractResult<Vec<String>> {
    Ok(node.get_attr_opt_vec(name)?.unwrap_or_default())
}

/// A list of numbers in single precision, empty if it is not given.
pub(super) fn floats(node: &NodeProto, name: &str) -> TractResult<Vec<f32>> {
    Ok(node.get_attr_opt_vec(name)?.unwrap_or_default())
}

/// A list of numbers: in single precision, or as a tensor under a name of its own in double precision.
pub(super) fn numbers(context: &ParsingContext, node: &NodeProto, name: &str) -> TractResult<Vec<f64>> {
    match node.get_attr_opt::<&TensorProto>(&format!("{name}_as_tensor"))? {
        None => Ok(floats(node, name)?.into_iter().map(f64::from).collect()),
        Some(tensor) => {
            let tensor = load_tensor(&*context.framework.provider, tensor, None)?;
            let tensor = tensor.cast_to::<f64>()?;
            Ok(tensor.to_plain_array_view::<f64>()?.iter().copied().collect())
        }
    }
}
