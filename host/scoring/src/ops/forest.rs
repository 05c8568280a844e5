//! `Forest`: decision trees in one flat list, and what their leaves give for rows.

use super::classes::Scores;
use super::row_wise::Table;

/// Rows that go through one tree before the next: few enough that they stay in the cache with it.
const BLOCK: usize = 128;

#[derive(Debug)]
pub(super) struct Forest {
    pub(super) nodes: Vec<Node>,
    /// Where each tree begins.
    pub(super) roots: Vec<u32>,
    /// What leaves give, and to which output.
    pub(super) weights: Vec<(u32, f64)>,
    /// How many outputs there are.
    pub(super) outputs: usize,
    /// How many features the nodes read.
    pub(super) features: usize,
}

/// A node of a tree, small because there are many.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) threshold: f64,
    pub(super) feature: u32,
    /// Where to go on if the test fails, and if it holds; of a leaf where its weights begin and end.
    pub(super) next: [u32; 2],
    pub(super) test: Test,
    /// Whether a missing value passes the test.
    pub(super) missing: bool,
}

/// How a node compares a feature with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    Unequal,
    Leaf,
}

/// How what leaves give becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Smallest,
    Largest,
}

impl Forest {
    /// A number per row and output. In single precision unless the rows came in double, so that scores that are even
    /// in onnxruntime are even here.
    pub(super) fn scores(&self, table: &Table, aggregate: Aggregate) -> Scores {
        let count = table.rows * self.outputs;
        let mut scores = Scores { values: vec![0.0; count], seen: vec![false; count] };
        let round = |value: f64| if table.double { value } else { single(value) };
        let combine = |old: f64, new: f64| match aggregate {
            Aggregate::Sum | Aggregate::Average => round(old + new),
            Aggregate::Smallest => old.min(new),
            Aggregate::Largest => old.max(new),
        };
        for first in (0..table.rows).step_by(BLOCK) {
            for root in &self.roots {
                for row in first..table.rows.min(first + BLOCK) {
                    let leaf = self.leaf(*root, &table.cells[row * table.width..][..table.width]);
                    for (output, weight) in &self.weights[leaf.next[0] as usize..leaf.next[1] as usize] {
                        let at = row * self.outputs + *output as usize;
                        let old = scores.values[at];
                        scores.values[at] = if scores.seen[at] { combine(old, *weight) } else { *weight };
                        scores.seen[at] = true;
                    }
                }
            }
        }
        if aggregate == Aggregate::Average {
            scores.values.iter_mut().for_each(|sum| *sum = round(*sum / self.roots.len() as f64));
        }
        scores
    }

    fn leaf(&self, root: u32, row: &[f64]) -> &Node {
        let mut node = &self.nodes[root as usize];
        while node.test != Test::Leaf {
            let value = row[node.feature as usize];
            let passes = node.test.holds(value, node.threshold) | (node.missing & value.is_nan());
            node = &self.nodes[node.next[usize::from(passes)] as usize];
        }
        node
    }
}

impl Test {
    #[expect(clippy::float_cmp, reason = "that is what these nodes ask")]
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::AtMost => value <= threshold,
            Self::Below => value < threshold,
            Self::AtLeast => value >= threshold,
            Self::Above => value > threshold,
            Self::Equal => value == threshold,
            Self::Unequal => value != threshold,
            Self::Leaf => false,
        }
    }
}

/// The nearest number in single precision; a sum of two such is rounded no differently than single precision does.
#[expect(clippy::cast_possible_truncation, reason = "that is what is asked")]
pub(super) fn single(value: f64) -> f64 {
    f64::from(value as f32)
}
