//! Tree ensembles: tract takes it for granted that they are trees, and reads the labels of two classes off scores
//! that it has not yet completed.

use std::collections::{HashMap, HashSet};
use std::mem;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

use crate::ScoringError;

const OPERATOR: &str = "TreeEnsembleClassifier";

/// Checks all tree ensembles of the graph, and has the labels of two classes read off the completed scores.
pub(crate) fn mend(graph: &mut GraphProto) -> Result<(), ScoringError> {
    for mut node in mem::take(&mut graph.node) {
        for attribute in &mut node.attribute {
            attribute.g.iter_mut().chain(&mut attribute.graphs).try_for_each(mend)?;
        }
        if node.op_type != OPERATOR {
            graph.node.push(node);
            continue;
        }
        let refused = |reason: &str| ScoringError::Operator {
            operators: vec![format!("{}.{OPERATOR}", node.domain)],
            reason: reason.to_owned(),
        };
        check(&node).map_err(refused)?;
        if !scores_one_of_two(&node) {
            graph.node.push(node);
            continue;
        }
        check_completion(&node).map_err(refused)?;
        let (labels, lookup) = read_labels_off_scores(&mut node);
        graph.initializer.push(labels);
        graph.node.push(node);
        graph.node.extend(lookup);
    }
    Ok(())
}

/// Whether every tree is one, within itself, and every weight is some leaf's and for some class.
fn check(node: &NodeProto) -> Result<(), &'static str> {
    let modes = attribute(node, "nodes_modes").map_or(&[][..], |modes| &modes.strings);
    let of_nodes =
        ["treeids", "nodeids", "truenodeids", "falsenodeids"].map(|name| ints(node, &format!("nodes_{name}")));
    let of_leaves = ["treeids", "nodeids", "ids"].map(|name| ints(node, &format!("class_{name}")));
    if of_nodes.iter().any(|list| list.len() != modes.len())
        || of_leaves.iter().any(|list| list.len() != of_leaves[0].len())
    {
        return Err("its lists differ in length");
    }
    let [trees, ids, yes, no] = of_nodes;
    let is_leaf: HashMap<(i64, i64), bool> =
        modes.iter().enumerate().map(|(at, mode)| ((trees[at], ids[at]), mode == b"LEAF")).collect();
    let mut sizes: HashMap<i64, i64> = HashMap::new();
    for tree in trees {
        *sizes.entry(*tree).or_default() += 1;
    }
    if is_leaf.len() != modes.len() || is_leaf.keys().any(|(tree, id)| *id < 0 || *id >= sizes[tree]) {
        return Err("its nodes are not numbered from 0 in every tree");
    }
    // Without a second way to any node, and none back to the root, no walk from the root goes round in circles.
    let mut reached: HashSet<(i64, i64)> = trees.iter().map(|tree| (*tree, 0)).collect();
    for at in (0..modes.len()).filter(|at| modes[*at] != b"LEAF") {
        for child in [(trees[at], yes[at]), (trees[at], no[at])] {
            if !is_leaf.contains_key(&child) || !reached.insert(child) {
                return Err("its nodes form no trees");
            }
        }
    }
    let classes = class_count(node);
    let [trees, ids, classes_of_leaves] = of_leaves;
    if trees.iter().zip(ids).any(|(tree, id)| is_leaf.get(&(*tree, *id)) != Some(&true)) {
        return Err("a weight belongs to no leaf");
    }
    if classes_of_leaves.iter().any(|class| usize::try_from(*class).map_or(true, |class| class >= classes)) {
        return Err("a weight belongs to no class");
    }
    Ok(())
}

/// The layout of two classes where only one has weights, and the other's score follows from it.
fn scores_one_of_two(node: &NodeProto) -> bool {
    let scored: HashSet<&i64> = ints(node, "class_ids").iter().collect();
    class_count(node) == 2 && scored.len() == 1
}

/// tract completes the scores of two classes in one way, right for these alone.
fn check_completion(node: &NodeProto) -> Result<(), &'static str> {
    let transform = attribute(node, "post_transform").map_or(&b"NONE"[..], |attribute| &attribute.s);
    let negative =
        attribute(node, "class_weights").is_some_and(|weights| weights.floats.iter().any(|weight| *weight < 0.0));
    match transform {
        _ if ints(node, "class_ids").iter().any(|class| *class != 0) => Err("only its second class has weights"),
        _ if attribute(node, "classlabels_int64s").is_none() => Err("its two labels are texts"),
        b"LOGISTIC" => Ok(()),
        b"NONE" if !negative => Ok(()),
        _ => Err("it has two classes, but its scores are no probabilities"),
    }
}

/// The node's labels come from the completed scores: a lookup in `labels`, by the index of the largest.
fn read_labels_off_scores(node: &mut NodeProto) -> (TensorProto, [NodeProto; 2]) {
    node.output.resize(2, String::new());
    let label = mem::take(&mut node.output[0]);
    let of_label = |what: &str| format!("{label}/{what}");
    node.output[0] = of_label("incomplete");
    if node.output[1].is_empty() {
        node.output[1] = of_label("scores");
    }
    let values = ints(node, "classlabels_int64s").to_vec();
    let labels = TensorProto {
        name: of_label("labels"),
        data_type: DataType::Int64 as i32,
        dims: vec![2],
        int64_data: values,
        ..TensorProto::default()
    };
    let integer = |name: &str, i| AttributeProto { name: name.to_owned(), r#type: 2, i, ..AttributeProto::default() };
    let step = |operator: &str, inputs: [&str; 1], output: String, attributes| NodeProto {
        op_type: operator.to_owned(),
        name: output.clone(),
        input: inputs.map(str::to_owned).to_vec(),
        output: vec![output],
        attribute: attributes,
        ..NodeProto::default()
    };
    let largest =
        step("ArgMax", [&node.output[1]], of_label("index"), vec![integer("axis", 1), integer("keepdims", 0)]);
    let mut lookup = step("Gather", [&labels.name], label.clone(), vec![integer("axis", 0)]);
    lookup.input.push(of_label("index"));
    (labels, [largest, lookup])
}

fn class_count(node: &NodeProto) -> usize {
    let texts = attribute(node, "classlabels_strings").map_or(0, |labels| labels.strings.len());
    ints(node, "classlabels_int64s").len().max(texts)
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn ints<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map_or(&[], |attribute| &attribute.ints)
}
