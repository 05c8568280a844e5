//! From the graph as read to one that runs any number of rows.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{DimLike, bail};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_hir::infer::{DimFact, Factoid, ShapeFactoid};

use crate::Port;
use crate::onnx_file::OnnxFile;

/// Optimizes the graph once for every number of rows: what the file leaves free becomes a symbol, unless a matrix
/// in the graph fixes it. The file's inputs learn those lengths; the outputs are what the graph makes, since files are
/// known to declare them wrongly.
pub(crate) fn prepare(
    mut graph: InferenceModel,
    file: &mut OnnxFile,
) -> TractResult<(Arc<TypedRunnableModel>, Vec<Port>)> {
    name_free_lengths(&mut graph)?;
    let typed = graph.into_typed()?;
    let typed = typed.set_symbols(&fixed_lengths(&typed)?)?;
    // Once more: a length may have been fixed in two ways.
    fixed_lengths(&typed)?;
    for (outlet, port) in typed.input_outlets()?.iter().zip(&mut file.inputs) {
        port.shape = lengths(typed.outlet_fact(*outlet)?);
    }
    let mut outputs = Vec::new();
    for (outlet, name) in typed.output_outlets()?.iter().zip(&file.outputs) {
        let fact = typed.outlet_fact(*outlet)?;
        let (shape, classes) = (lengths(fact), file.classes.remove(name));
        if let Some(classes) = &classes
            && shape.get(1..) != Some(&[Some(classes.len())])
        {
            bail!("`{name}` has {} classes for columns {:?}", classes.len(), fact.shape);
        }
        outputs.push(Port { name: name.clone(), element: fact.datum_type.into(), shape, classes });
    }
    Ok((typed.into_optimized()?.into_runnable()?, outputs))
}

fn lengths(fact: &TypedFact) -> Vec<Option<usize>> {
    fact.shape.iter().map(|dim| dim.to_usize().ok()).collect()
}

fn name_free_lengths(graph: &mut InferenceModel) -> TractResult<()> {
    let rows = graph.symbols.sym("rows");
    for outlet in graph.input_outlets()?.to_vec() {
        let mut fact = graph.outlet_fact(outlet)?.clone();
        let mut dims: TVec<DimFact> = fact.shape.dims().cloned().collect();
        for (axis, dim) in dims.iter_mut().enumerate().filter(|(_, dim)| dim.concretize().is_none()) {
            // Inputs whose first axis has no name of its own share one: they are columns of the same rows.
            let symbol = if axis == 0 { rows.clone() } else { graph.symbols.new_with_prefix("length") };
            *dim = DimFact::from(TDim::from(symbol));
        }
        fact.shape = ShapeFactoid::closed(dims);
        graph.set_outlet_fact(outlet, fact)?;
    }
    Ok(())
}

/// The free lengths over which a product sums, as its other factor has them. tract does not check these when it
/// runs, and would read beyond the end of the shorter one.
fn fixed_lengths(model: &TypedModel) -> TractResult<HashMap<Symbol, TDim>> {
    let mut fixed = HashMap::new();
    for node in model.nodes() {
        let Some(product) = node.op_as::<EinSum>() else {
            continue;
        };
        let facts = model.node_input_facts(node.id)?;
        for axis in product.axes.iter_all_axes().filter(|axis| axis.outputs.iter().flatten().next().is_none()) {
            let lengths = facts.iter().zip(&axis.inputs).flat_map(|(fact, at)| at.iter().map(|at| &fact.shape[*at]));
            let lengths: Vec<&TDim> = lengths.collect();
            for pair in lengths.windows(2).filter(|pair| pair[0] != pair[1]) {
                match pair {
                    [TDim::Sym(free), length @ TDim::Val(_)] | [length @ TDim::Val(_), TDim::Sym(free)] => {
                        fixed.insert(free.clone(), (*length).clone());
                    }
                    [left, right] => bail!("`{}` sums over {left} and {right} values at once", node.name),
                    _ => {}
                }
            }
        }
    }
    Ok(fixed)
}
