//! `ZipMap`, the last operator of a classifier: it makes a map of every row. tract has no maps, so the rows stay a
//! tensor, whose columns are in an order that can be told from the keys.

use std::collections::{BTreeSet, HashMap, HashSet};

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

use crate::ScoringError;

const OPERATOR: &str = "ZipMap";

/// Has every `ZipMap` at the end of the graph sort columns instead, and answers the keys by output. One whose maps
/// the graph itself reads stays, for whoever refuses operators.
pub(crate) fn unzip(graph: &mut GraphProto) -> Result<HashMap<String, Vec<String>>, ScoringError> {
    let read: HashSet<String> = graph.node.iter().flat_map(|node| &node.input).cloned().collect();
    let mut classes = HashMap::new();
    for node in graph.node.iter_mut().filter(|node| node.op_type == OPERATOR && node.domain == "ai.onnx.ml") {
        let [output] = node.output.as_slice() else { continue };
        if read.contains(output) {
            continue;
        }
        let keys = keys(node).map_err(|reason| ScoringError::Operator {
            operators: vec![format!("{}.{OPERATOR}", node.domain)],
            reason: reason.to_owned(),
        })?;
        let order = order(&keys);
        classes.insert(output.clone(), order.iter().map(|at| keys[*at].clone()).collect());
        let sorting = TensorProto {
            name: format!("{output}/order"),
            data_type: DataType::Int64 as i32,
            dims: vec![i64::try_from(order.len()).unwrap_or(i64::MAX)],
            int64_data: order.into_iter().filter_map(|at| i64::try_from(at).ok()).collect(),
            ..TensorProto::default()
        };
        sort_columns(node, &sorting.name);
        graph.initializer.push(sorting);
    }
    Ok(classes)
}

fn keys(node: &NodeProto) -> Result<Vec<String>, &'static str> {
    let of = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let integers = of("classlabels_int64s").into_iter().flat_map(|list| &list.ints).map(i64::to_string);
    let texts = of("classlabels_strings").into_iter().flat_map(|list| &list.strings);
    let texts = texts.map(|text| String::from_utf8(text.clone()).map_err(|_| "a key of it is no text"));
    let keys: Vec<String> = integers.map(Ok).chain(texts).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err("it has no keys");
    }
    if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
        return Err("two of its keys are the same");
    }
    Ok(keys)
}

/// The positions of the keys in their order: as numbers if all are, else as texts.
fn order(keys: &[String]) -> Vec<usize> {
    let numbers: Option<Vec<i64>> = keys.iter().map(|key| key.parse().ok()).collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    match numbers {
        Some(numbers) => order.sort_by_key(|at| numbers[*at]),
        None => order.sort_by_key(|at| &keys[*at]),
    }
    order
}

/// Makes the node one that gathers its input's columns.
fn sort_columns(node: &mut NodeProto, order: &str) {
    let axis = AttributeProto {
        name: "axis".to_owned(),
        r#type: AttributeType::Int as i32,
        i: 1,
        ..AttributeProto::default()
    };
    "Gather".clone_into(&mut node.op_type);
    node.domain = String::new();
    node.input.push(order.to_owned());
    node.attribute = vec![axis];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_numbers_if_all_are() {
        let ordered = |keys: &[&str]| order(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert_eq!(ordered(&["10", "9", "-1"]), [2, 1, 0]);
        assert_eq!(ordered(&["10", "9", "a"]), [0, 1, 2]);
        assert_eq!(ordered(&["b", "a"]), [1, 0]);
    }
}
