//! Grows one tree: the split with the largest gain first, found in histograms of gradients.
//!
//! Second-order boosting as in Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System":
//! a leaf's value is −G / (H + λ), a split's gain what it takes from the loss; leaves are split
//! best first and the larger child's histogram is its parent's less the smaller child's, as in
//! Ke et al. 2017, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree".

use crate::bins::BinnedFeature;
use crate::tree::{Node, Tree};

/// Bounds of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub leaves: usize,
    pub depth: usize,
    /// Rows that a leaf has at least.
    pub leaf_rows: usize,
}

/// What the leaves' values are divided by beside the curvature; keeps those of few rows small.
const LAMBDA: f64 = 1.0;
/// Curvature that a leaf has at least.
const CURVATURE_MIN: f64 = 1e-3;
/// Smaller gains are rounding.
const GAIN_MIN: f64 = 1e-9;

/// Sums over some rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    curvature: f64,
    rows: u32,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.curvature += other.curvature;
        self.rows += other.rows;
    }

    fn less(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }

    fn score(self) -> f64 {
        self.gradient * self.gradient / (self.curvature + LAMBDA)
    }
}

/// What a tree is grown on.
pub(crate) struct Soil<'a> {
    pub features: &'a [BinnedFeature],
    /// Features that this tree may use.
    pub allowed: &'a [usize],
    /// First and second derivative of each row's loss.
    pub slopes: &'a [(f32, f32)],
    pub shape: Shape,
    /// What the leaves' values are multiplied by.
    pub learning_rate: f64,
}

struct Split {
    gain: f64,
    /// Position among the allowed features.
    place: usize,
    /// The last bin that goes left.
    bin: usize,
    missing_left: bool,
}

struct Leaf {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    sum: Sum,
    histogram: Vec<Sum>,
    best: Option<Split>,
}

/// Grows a tree on some rows; adds the gain of each split to its feature's.
pub(crate) fn grow(soil: &Soil<'_>, rows: Vec<u32>, gains: &mut [f64]) -> Tree {
    let starts = starts(soil);
    let mut nodes = vec![Node::Leaf(0.0)];
    let histogram = histogram(soil, &starts, &rows);
    let mut open = vec![leaf(soil, &starts, (0, 0), rows, histogram)];
    nodes[0] = Node::Leaf(value(soil, open[0].sum));
    while nodes.len() < 2 * soil.shape.leaves - 1 {
        let gain = |leaf: &Leaf| leaf.best.as_ref().map_or(0.0, |split| split.gain);
        let best = (0..open.len()).reduce(|best, index| {
            if gain(&open[index]) > gain(&open[best]) { index } else { best }
        });
        let Some(parent) = best.map(|index| open.swap_remove(index)) else { break };
        let Some(split) = &parent.best else { break };
        let feature = soil.allowed[split.place];
        gains[feature] += split.gain;
        let (left, right) = (nodes.len(), nodes.len() + 1);
        nodes[parent.node] = Node::Split {
            feature: feature as u32,
            threshold: threshold(&soil.features[feature], split.bin),
            missing_left: split.missing_left,
            left: left as u32,
            right: right as u32,
        };
        for child in part(soil, &starts, parent, left) {
            nodes.push(Node::Leaf(value(soil, child.sum)));
            open.push(child);
        }
    }
    Tree(nodes)
}

/// The last bin has no upper bound: everything that is not missing goes left.
fn threshold(feature: &BinnedFeature, bin: usize) -> f32 {
    feature.thresholds.get(bin).copied().unwrap_or(f32::MAX)
}

fn value(soil: &Soil<'_>, sum: Sum) -> f32 {
    (-sum.gradient / (sum.curvature + LAMBDA) * soil.learning_rate) as f32
}

/// Where each allowed feature's bins begin in a histogram; missing values come last of them.
fn starts(soil: &Soil<'_>) -> Vec<usize> {
    let mut starts = vec![0];
    for &feature in soil.allowed {
        let last = starts.last().copied().unwrap_or(0);
        starts.push(last + soil.features[feature].bins() + 1);
    }
    starts
}

fn histogram(soil: &Soil<'_>, starts: &[usize], rows: &[u32]) -> Vec<Sum> {
    let mut histogram = vec![Sum::default(); starts.last().copied().unwrap_or(0)];
    for (place, &feature) in soil.allowed.iter().enumerate() {
        let slots = &mut histogram[starts[place]..starts[place + 1]];
        let codes = &soil.features[feature].codes;
        for &row in rows {
            let (gradient, curvature) = soil.slopes[row as usize];
            let slot = &mut slots[usize::from(codes[row as usize])];
            slot.gradient += f64::from(gradient);
            slot.curvature += f64::from(curvature);
            slot.rows += 1;
        }
    }
    histogram
}

fn leaf(
    soil: &Soil<'_>,
    starts: &[usize],
    (node, depth): (usize, usize),
    rows: Vec<u32>,
    histogram: Vec<Sum>,
) -> Leaf {
    let mut sum = Sum::default();
    for &row in &rows {
        let (gradient, curvature) = soil.slopes[row as usize];
        sum.add(Sum { gradient: gradient.into(), curvature: curvature.into(), rows: 1 });
    }
    let may_split = depth < soil.shape.depth && rows.len() >= 2 * soil.shape.leaf_rows;
    let best = if may_split { best_split(soil, starts, &histogram, sum) } else { None };
    Leaf { node, depth, rows, sum, histogram, best }
}

/// The children of a leaf that is split; the left one becomes node `left`.
fn part(soil: &Soil<'_>, starts: &[usize], parent: Leaf, left: usize) -> Vec<Leaf> {
    let Leaf { depth, rows, histogram: mut rest, best, .. } = parent;
    let Some(Split { place, bin, missing_left, .. }) = best else { return Vec::new() };
    let feature = &soil.features[soil.allowed[place]];
    let goes_left = |row: &u32| {
        let code = usize::from(feature.codes[*row as usize]);
        if code == feature.bins() { missing_left } else { code <= bin }
    };
    let (lefts, rights): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(goes_left);
    let left_is_small = lefts.len() <= rights.len();
    let small = histogram(soil, starts, if left_is_small { &lefts } else { &rights });
    rest.iter_mut().zip(&small).for_each(|(sum, part)| *sum = sum.less(*part));
    let (of_left, of_right) = if left_is_small { (small, rest) } else { (rest, small) };
    vec![
        leaf(soil, starts, (left, depth + 1), lefts, of_left),
        leaf(soil, starts, (left + 1, depth + 1), rights, of_right),
    ]
}

/// The split with the largest gain; of equal ones the first.
fn best_split(soil: &Soil<'_>, starts: &[usize], histogram: &[Sum], all: Sum) -> Option<Split> {
    let mut best: Option<Split> = None;
    let fits =
        |sum: Sum| sum.rows as usize >= soil.shape.leaf_rows && sum.curvature >= CURVATURE_MIN;
    for place in 0..soil.allowed.len() {
        let slots = &histogram[starts[place]..starts[place + 1]];
        let Some((missing, bins)) = slots.split_last() else { continue };
        let mut present = Sum::default();
        for (bin, slot) in bins.iter().enumerate() {
            present.add(*slot);
            for with_missing in [false, true] {
                if with_missing && missing.rows == 0 {
                    continue;
                }
                let mut left = present;
                if with_missing {
                    left.add(*missing);
                }
                if left.rows >= all.rows {
                    continue;
                }
                let right = all.less(left);
                let gain = left.score() + right.score() - all.score();
                let is_better = gain > best.as_ref().map_or(GAIN_MIN, |split| split.gain);
                if is_better && fits(left) && fits(right) {
                    // What was never missing here goes where most rows go.
                    let missing_left =
                        if missing.rows == 0 { left.rows >= right.rows } else { with_missing };
                    best = Some(Split { gain, place, bin, missing_left });
                }
            }
        }
    }
    best
}
