//! `Sigmoid`: tract has it in single precision alone, but models of doubles have it too.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::{math, nn};
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceOp, InferenceResult, Solver, StaticName, TensorProxy, check_input_arity, check_output_arity,
    expand,
};

#[derive(Debug, Clone)]
struct Sigmoid;

pub(super) fn sigmoid() -> Box<dyn InferenceOp> {
    expand(Sigmoid)
}

impl Expansion for Sigmoid {
    fn name(&self) -> StaticName {
        "Sigmoid".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, &inputs[0].datum_type)?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let fact = model.outlet_fact(inputs[0])?;
        if fact.datum_type != f64::datum_type() {
            return model.wire_node(prefix, nn::sigmoid(), inputs);
        }
        let one = tensor0(1.0_f64).broadcast_into_rank(fact.rank())?;
        let one = model.add_const(format!("{prefix}.one"), one)?;
        let opposite = model.wire_node(format!("{prefix}.opposite"), math::neg(), inputs)?;
        let power = model.wire_node(format!("{prefix}.power"), math::exp(), &opposite)?[0];
        let sum = model.wire_node(format!("{prefix}.sum"), math::add(), &[power, one])?;
        model.wire_node(prefix, math::recip(), &sum)
    }
}
