//! Decision trees, and what they say of a row.

use serde::{Deserialize, Serialize};

/// One node of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Goes left where the feature is not above the threshold, or is missing and that side is the
    /// left one; else right.
    Split {
        /// Number of the feature.
        feature: u32,
        /// Compared in 32-bit floating point.
        threshold: f32,
        /// True if a missing value goes left.
        missing_left: bool,
        /// Position of the left child in the tree.
        left: u32,
        /// Position of the right child.
        right: u32,
    },
    /// The end: what the tree adds.
    Leaf(f32),
}

/// Nodes; the first is the root, and children come after their parents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree(pub Vec<Node>);

impl Tree {
    /// The tree's value for a row of features.
    pub fn value(&self, row: &[f32]) -> f32 {
        let mut position = 0;
        // Children come after their parents, so this ends.
        while let Some(node) = self.0.get(position) {
            match *node {
                Node::Leaf(value) => return value,
                Node::Split { feature, threshold, missing_left, left, right } => {
                    let value = row.get(feature as usize).copied().unwrap_or(f32::NAN);
                    let goes_left = if value.is_nan() { missing_left } else { value <= threshold };
                    position = if goes_left { left } else { right } as usize;
                }
            }
        }
        0.0
    }
}

/// Trees, and how their sums become logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// Number of features of a row.
    pub width: usize,
    /// Sums that the trees make: 1 for two classes, else one for each class. Tree number i adds to
    /// sum i mod `sums`.
    pub sums: usize,
    /// The trees.
    pub trees: Vec<Tree>,
    /// For each class what its sum is multiplied by (with one sum, that sum for both classes).
    pub scale: Vec<f32>,
    /// For each class what is added then.
    pub offset: Vec<f32>,
}

impl Forest {
    /// A logit for each class, in the very arithmetic of the exported graph: sums in 32-bit
    /// floating point in the order of the trees.
    pub fn logits(&self, row: &[f32]) -> Vec<f32> {
        let sums = sums(&self.trees, self.sums, row);
        let pairs = self.scale.iter().zip(&self.offset).enumerate();
        pairs.map(|(class, (scale, offset))| sums[class % self.sums] * scale + offset).collect()
    }
}

/// The sums of trees for a row of features.
pub(crate) fn sums(trees: &[Tree], sums: usize, row: &[f32]) -> Vec<f32> {
    let mut totals = vec![0.0; sums];
    for (index, tree) in trees.iter().enumerate() {
        totals[index % sums] += tree.value(row);
    }
    totals
}
