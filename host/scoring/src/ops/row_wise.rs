//! `RowWise`: an operator that answers each row of a matrix by itself, as tract wants operators.

use std::fmt;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{
    DimLike, EvalContext, EvalOp, InferenceOp, InferenceResult, InferenceRulesOp, Op, Solver, StaticName, TDim,
    TensorProxy, ToDim, TypedOp, as_op, bail, check_input_arity, check_output_arity, op_as_typed_op, op_out_of_plan,
    to_typed,
};

/// What an operator gives for each row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// A value, not a list of them.
    One,
    /// A list as long as the row.
    Same,
    /// A list of this length.
    Of(usize),
}

/// The rows that an operator is given.
pub(super) struct Table {
    pub(super) rows: usize,
    pub(super) width: usize,
    /// Row-major. Integers have lost the digits that single precision does not hold, as in onnxruntime.
    pub(super) cells: Vec<f64>,
    /// Whether they came in double precision.
    pub(super) double: bool,
}

/// What differs between operators.
pub(super) trait Rows: fmt::Debug + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// What each output holds for a row.
    fn outputs(&self) -> Vec<(DatumType, Width)>;

    /// How long rows must be at the least.
    fn least_width(&self) -> usize {
        0
    }

    /// The outputs for these rows.
    fn run(&self, table: &Table) -> TractResult<TVec<TValue>>;
}

#[derive(Debug, Clone)]
pub(super) struct RowWise(Arc<dyn Rows>);

impl RowWise {
    pub(super) fn new(operator: impl Rows) -> Self {
        Self(Arc::new(operator))
    }

    /// As a builder answers it.
    pub(super) fn built(operator: impl Rows) -> (Box<dyn InferenceOp>, Vec<String>) {
        (Box::new(Self::new(operator)), Vec::new())
    }

    fn check_width(&self, width: usize) -> TractResult<()> {
        let least = self.0.least_width();
        if width < least {
            bail!("`{}` reads {least} columns, but is given {width}", self.0.name());
        }
        Ok(())
    }
}

impl PartialEq for RowWise {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RowWise {}

impl Op for RowWise {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for RowWise {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input] = inputs.as_slice() else { bail!("`{}` takes one input", self.0.name()) };
        let &[rows, width] = input.shape() else { bail!("`{}` takes a matrix", self.0.name()) };
        self.check_width(width)?;
        let double = input.datum_type() == f64::datum_type();
        let single = if double { input.cast_to::<f64>()? } else { input.cast_to::<f32>()? };
        let cells = single.cast_to::<f64>()?.to_plain_array_view::<f64>()?.iter().copied().collect();
        self.0.run(&Table { rows, width, cells, double })
    }
}

impl TypedOp for RowWise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [rows, columns] = inputs[0].shape.dims() else { bail!("`{}` takes a matrix", self.0.name()) };
        if let Ok(width) = columns.to_usize() {
            self.check_width(width)?;
        }
        let facts = self.0.outputs().into_iter().map(|(datum_type, width)| {
            let mut shape: TVec<TDim> = tvec!(rows.clone());
            match width {
                Width::One => {}
                Width::Same => shape.push(columns.clone()),
                Width::Of(width) => shape.push(width.to_dim()),
            }
            datum_type.fact(shape)
        });
        Ok(facts.collect())
    }

    as_op!();
}

impl InferenceRulesOp for RowWise {
    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let given = self.0.outputs();
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, given.len())?;
        solver.equals(&inputs[0].rank, 2)?;
        for ((datum_type, width), output) in given.into_iter().zip(outputs) {
            solver.equals(&output.datum_type, datum_type)?;
            solver.equals(&output.shape[0], &inputs[0].shape[0])?;
            match width {
                Width::One => solver.equals(&output.rank, 1)?,
                Width::Same => solver.equals(&output.shape, &inputs[0].shape)?,
                Width::Of(width) => {
                    solver.equals(&output.rank, 2)?;
                    solver.equals(&output.shape[1], width.to_dim())?;
                }
            }
        }
        Ok(())
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.outputs().len())
    }

    as_op!();
    to_typed!();
}
