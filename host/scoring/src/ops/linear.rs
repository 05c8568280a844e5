//! `LinearClassifier`: tract reads labels off the transformed scores, where different ones can have become equal.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::{cast::cast, einsum::EinSum, math};
use tract_onnx::tract_hir::internal::{
    AxesMapping, Expansion, InferenceOp, InferenceResult, Solver, StaticName, TensorProxy, ToDim, bail,
    check_input_arity, check_output_arity, expand,
};

use super::attributes::floats;
use super::classes::{Choice, Classes};
use super::row_wise::RowWise;
use super::transform::Transform;

#[derive(Debug, Clone)]
struct LinearClassifier {
    /// Columns × scores.
    coefficients: Arc<Tensor>,
    /// 1 × scores.
    intercepts: Arc<Tensor>,
    classes: RowWise,
    label: DatumType,
    labels: usize,
}

pub(super) fn classifier(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let labels = Classes::labels(node, "classlabels_ints", "classlabels_strings")?;
    let (coefficients, intercepts) = (floats(node, "coefficients")?, floats(node, "intercepts")?);
    let (scores, count) = (intercepts.len(), labels.len());
    if scores == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(scores) {
        bail!("it has {} coefficients for {scores} intercepts", coefficients.len());
    }
    let choice = match Transform::read(node)? {
        transform if scores == count => Choice::Largest(transform),
        Transform::Probit if scores == 1 && count == 2 => bail!("it has one score, whose PROBIT makes no second one"),
        transform if scores == 1 && count == 2 => {
            Choice::Second { above: 0.0, whole: 1.0, logistic: transform == Transform::Logistic }
        }
        _ => bail!("it has {scores} scores for {count} classes"),
    };
    let by_score = tensor1(&coefficients).into_shape(&[scores, coefficients.len() / scores])?;
    let classes = Classes::new(labels, choice);
    Ok((
        expand(LinearClassifier {
            coefficients: by_score.permute_axes(&[1, 0])?.into_arc_tensor(),
            intercepts: tensor1(&intercepts).broadcast_into_rank(2)?.into_arc_tensor(),
            label: classes.outputs()[0].0,
            labels: count,
            classes: RowWise::new(classes),
        }),
        Vec::new(),
    ))
}

impl Expansion for LinearClassifier {
    fn name(&self) -> StaticName {
        "LinearClassifier".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(2)
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 2)?;
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&outputs[0].datum_type, self.label)?;
        solver.equals(&outputs[1].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].rank, 1)?;
        solver.equals(&outputs[1].rank, 2)?;
        solver.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        solver.equals(&outputs[1].shape[0], &inputs[0].shape[0])?;
        solver.equals(&outputs[1].shape[1], self.labels.to_dim())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let single = model.wire_node(format!("{prefix}.single"), cast(f32::datum_type()), inputs)?[0];
        let coefficients = model.add_const(format!("{prefix}.coefficients"), self.coefficients.clone())?;
        let product = EinSum::new(AxesMapping::for_numpy_matmul(2, false, false, false)?, f32::datum_type());
        let products = model.wire_node(format!("{prefix}.matmul"), product, &[single, coefficients])?[0];
        let intercepts = model.add_const(format!("{prefix}.intercepts"), self.intercepts.clone())?;
        let scores = model.wire_node(format!("{prefix}.scores"), math::add(), &[products, intercepts])?;
        model.wire_node(format!("{prefix}.classes"), self.classes.clone(), &scores)
    }
}
