//! `Normalizer`: each row divided by its norm.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::prelude::tract_ndarray::Array2;
use tract_onnx::tract_hir::internal::{InferenceOp, bail};

use super::row_wise::{RowWise, Rows, Table, Width};

/// The norms. tract takes the largest magnitude for the first; onnxruntime takes the largest value.
#[derive(Debug)]
enum Normalizer {
    Largest,
    Magnitudes,
    Squares,
}

pub(super) fn normalizer(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok(RowWise::built(match node.get_attr_opt("norm")?.unwrap_or("MAX") {
        "MAX" => Normalizer::Largest,
        "L1" => Normalizer::Magnitudes,
        "L2" => Normalizer::Squares,
        other => bail!("its `norm` is `{other}`"),
    }))
}

impl Normalizer {
    fn norm(&self, row: &[f64]) -> f64 {
        match self {
            Self::Largest => row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Magnitudes => row.iter().map(|value| value.abs()).sum(),
            Self::Squares => row.iter().map(|value| value * value).sum::<f64>().sqrt(),
        }
    }
}

impl Rows for Normalizer {
    fn name(&self) -> &'static str {
        "Normalizer"
    }

    fn outputs(&self) -> Vec<(DatumType, Width)> {
        vec![(f32::datum_type(), Width::Same)]
    }

    fn run(&self, table: &Table) -> TractResult<TVec<TValue>> {
        let mut normalized = Vec::with_capacity(table.cells.len());
        for row in table.cells.chunks(table.width.max(1)) {
            // A row of zeros stays one.
            let norm = Some(self.norm(row)).filter(|norm| *norm != 0.0).unwrap_or(1.0);
            #[expect(clippy::cast_possible_truncation, reason = "the output is in single precision")]
            normalized.extend(row.iter().map(|value| (value / norm) as f32));
        }
        let normalized: Tensor = Array2::from_shape_vec((table.rows, table.width), normalized)?.into();
        Ok(tvec!(normalized.into_tvalue()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_norm_is_that_of_onnxruntime() {
        let table = || Table { rows: 3, width: 2, cells: vec![1.0, -2.0, -3.0, -4.0, 0.0, 0.0], double: false };
        let normalized = |normalizer: Normalizer| -> Vec<f32> {
            let answer = normalizer.run(&table()).unwrap();
            answer[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect()
        };
        assert_eq!(normalized(Normalizer::Largest), [1.0, -2.0, 1.0, 4.0 / 3.0, 0.0, 0.0]);
        assert_eq!(normalized(Normalizer::Magnitudes), [1.0 / 3.0, -2.0 / 3.0, -3.0 / 7.0, -4.0 / 7.0, 0.0, 0.0]);
        assert_eq!(normalized(Normalizer::Squares), [0.447_213_6, -0.894_427_2, -0.6, -0.8, 0.0, 0.0]);
    }
}
