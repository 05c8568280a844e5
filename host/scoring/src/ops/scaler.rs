//! `Scaler`: each column less its offset, times its scale.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::{cast::cast, math};
use tract_onnx::tract_hir::internal::{
    DimLike, Expansion, InferenceOp, InferenceResult, Solver, StaticName, TensorProxy, bail, check_input_arity,
    check_output_arity, expand,
};

use super::attributes::floats;

#[derive(Debug, Clone)]
struct Scaler {
    /// A value per column, or one for all.
    offset: Vec<f32>,
    scale: Vec<f32>,
}

pub(super) fn scaler(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let (offset, scale) = (floats(node, "offset")?, floats(node, "scale")?);
    if offset.is_empty() || offset.len() != scale.len() {
        bail!("it has {} offsets and {} scales", offset.len(), scale.len());
    }
    Ok((expand(Scaler { offset, scale }), Vec::new()))
}

impl Expansion for Scaler {
    fn name(&self) -> StaticName {
        "Scaler".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let columns = &model.outlet_fact(inputs[0])?.shape[1];
        // Values for another number of columns would be spread over them, or fail in the midst of a run.
        if self.offset.len() > 1 && columns.to_usize().ok() != Some(self.offset.len()) {
            bail!("`{prefix}` scales {} columns, but is given {columns}", self.offset.len());
        }
        let mut value = model.wire_node(format!("{prefix}.single"), cast(f32::datum_type()), inputs)?[0];
        for (name, operator, values) in [("offset", math::sub(), &self.offset), ("scale", math::mul(), &self.scale)] {
            let values = tensor1(values).broadcast_into_rank(2)?;
            let values = model.add_const(format!("{prefix}.{name}s"), values)?;
            value = model.wire_node(format!("{prefix}.{name}"), operator, &[value, values])?[0];
        }
        Ok(tvec!(value))
    }
}
