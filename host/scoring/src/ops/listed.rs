//! `Listed`: tree ensembles as ONNX writes them, lists side by side, and whether these are trees.

use std::collections::{HashMap, HashSet};

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::internal::bail;

use super::attributes::{integers, numbers, texts};
use super::forest::{Forest, Node, Test};

/// An entry per node of a tree, and one per weight of a leaf.
pub(super) struct Listed<'a> {
    trees: &'a [i64],
    ids: &'a [i64],
    features: &'a [i64],
    yes: &'a [i64],
    no: &'a [i64],
    thresholds: Vec<f64>,
    tests: Vec<Test>,
    /// Empty, or whether a missing value passes.
    missing: &'a [i64],
    weight_trees: &'a [i64],
    weight_ids: &'a [i64],
    /// The output that each weight is for.
    pub(super) outputs: &'a [i64],
    pub(super) weights: Vec<f64>,
}

impl<'a> Listed<'a> {
    /// The lists of a node; those of weights begin with `class` or `target`.
    pub(super) fn read(context: &ParsingContext, node: &'a NodeProto, prefix: &str) -> TractResult<Self> {
        let of_nodes = |name: &str| integers(node, &format!("nodes_{name}"));
        let of_weights = |name: &str| integers(node, &format!("{prefix}_{name}"));
        let listed = Self {
            trees: of_nodes("treeids")?,
            ids: of_nodes("nodeids")?,
            features: of_nodes("featureids")?,
            yes: of_nodes("truenodeids")?,
            no: of_nodes("falsenodeids")?,
            thresholds: numbers(context, node, "nodes_values")?,
            tests: texts(node, "nodes_modes")?.iter().map(|mode| test(mode)).collect::<TractResult<_>>()?,
            missing: of_nodes("missing_value_tracks_true")?,
            weight_trees: of_weights("treeids")?,
            weight_ids: of_weights("nodeids")?,
            outputs: of_weights("ids")?,
            weights: numbers(context, node, &format!("{prefix}_weights"))?,
        };
        let (nodes, weights) = (listed.trees.len(), listed.weights.len());
        let of_nodes = [listed.ids, listed.features, listed.yes, listed.no].map(<[i64]>::len);
        let of_weights = [listed.weight_trees, listed.weight_ids, listed.outputs].map(<[i64]>::len);
        let even = of_nodes.into_iter().chain([listed.thresholds.len(), listed.tests.len()]).all(|size| size == nodes)
            && of_weights.into_iter().all(|size| size == weights)
            && [0, nodes].contains(&listed.missing.len());
        if !even {
            bail!("its lists differ in length");
        }
        if nodes == 0 || u32::try_from(nodes.max(weights)).is_err() {
            bail!("it has {nodes} nodes and {weights} weights");
        }
        Ok(listed)
    }

    /// The trees, with so many outputs.
    pub(super) fn forest(&self, outputs: usize) -> TractResult<Forest> {
        let places = self.places()?;
        let (spans, weights) = self.spans(&places, outputs)?;
        let mut features = 0;
        let mut nodes = Vec::with_capacity(self.trees.len());
        for at in 0..self.trees.len() {
            let leaf = self.tests[at] == Test::Leaf;
            let next = if leaf { spans[at] } else { [self.no, self.yes].map(|to| places[&self.child(at, to)]) };
            let Ok(feature) = u32::try_from(if leaf { 0 } else { self.features[at] }) else {
                bail!("it reads feature {}", self.features[at]);
            };
            features = features.max(if leaf { 0 } else { feature as usize + 1 });
            let missing = self.missing.get(at).is_some_and(|passes| *passes == 1);
            nodes.push(Node { threshold: self.thresholds[at], feature, next, test: self.tests[at], missing });
        }
        let roots = self.roots().map(|root| places[&root]).collect();
        Ok(Forest { nodes, roots, weights, outputs, features })
    }

    /// Where each node is. Fails unless every walk from a root ends: no node may have two ways to it, no root one.
    fn places(&self) -> TractResult<HashMap<(i64, i64), u32>> {
        let ids = self.trees.iter().copied().zip(self.ids.iter().copied());
        let places: HashMap<(i64, i64), u32> = ids.zip(0_u32..).collect();
        if places.len() != self.trees.len() {
            bail!("two of its nodes have one number");
        }
        let mut reached: HashSet<(i64, i64)> = self.roots().collect();
        for at in (0..self.trees.len()).filter(|at| self.tests[*at] != Test::Leaf) {
            for child in [self.child(at, self.yes), self.child(at, self.no)] {
                if !places.contains_key(&child) || !reached.insert(child) {
                    bail!("its nodes form no trees");
                }
            }
        }
        Ok(places)
    }

    /// The first node of every tree, in the order in which they are listed.
    fn roots(&self) -> impl Iterator<Item = (i64, i64)> {
        let mut known = HashSet::new();
        self.trees.iter().copied().zip(self.ids.iter().copied()).filter(move |(tree, _)| known.insert(*tree))
    }

    fn child(&self, at: usize, children: &[i64]) -> (i64, i64) {
        (self.trees[at], children[at])
    }

    /// For each node where its weights begin and end, and the weights in that order.
    #[expect(clippy::type_complexity, reason = "two lists that only the caller puts together")]
    fn spans(
        &self,
        places: &HashMap<(i64, i64), u32>,
        outputs: usize,
    ) -> TractResult<(Vec<[u32; 2]>, Vec<(u32, f64)>)> {
        let mut order = Vec::with_capacity(self.weights.len());
        for at in 0..self.weights.len() {
            let leaf = places.get(&(self.weight_trees[at], self.weight_ids[at]));
            let Some(leaf) = leaf.filter(|leaf| self.tests[**leaf as usize] == Test::Leaf) else {
                bail!("a weight belongs to no leaf");
            };
            match u32::try_from(self.outputs[at]) {
                Ok(output) if (output as usize) < outputs => order.push((*leaf, output, self.weights[at])),
                _ => bail!("a weight belongs to no class or target"),
            }
        }
        // Stable: what is first in the file is added first.
        order.sort_by_key(|(leaf, ..)| *leaf);
        let mut spans = vec![[0, 0]; self.trees.len()];
        for ((leaf, ..), at) in order.iter().zip(0_u32..) {
            let span = &mut spans[*leaf as usize];
            *span = if span[1] == 0 { [at, at + 1] } else { [span[0], at + 1] };
        }
        Ok((spans, order.into_iter().map(|(_, output, weight)| (output, weight)).collect()))
    }
}

fn test(mode: &str) -> TractResult<Test> {
    Ok(match mode {
        "BRANCH_LEQ" => Test::AtMost,
        "BRANCH_LT" => Test::Below,
        "BRANCH_GTE" => Test::AtLeast,
        "BRANCH_GT" => Test::Above,
        "BRANCH_EQ" => Test::Equal,
        "BRANCH_NEQ" => Test::Unequal,
        "LEAF" => Test::Leaf,
        other => bail!("a node of it is `{other}`"),
    })
}
