//! Grows one tree: the split with the largest gain first, found in histograms of gradients.
//!
//! Second-order boosting as in Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System":
//! a leaf's value is −G / (H + λ), a split's gain what it takes from the loss; leaves are split
//! best first and the larger child's histogram is its parent's less the smaller child's, as in
//! Ke et al. 2017, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree".

use crate::bins::{Binned, BinnedFeature};
use crate::tree::{Node, Tree};

/// Bounds of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub leaves: usize,
    pub depth: usize,
    /// Rows that a leaf has at least.
    pub leaf_rows: usize,
}

/// L2 regularisation: added to the curvature that the leaves' values are divided by; keeps those of
/// few rows small.
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
    fn of((gradient, curvature): (f32, f32)) -> Self {
        Self { gradient: gradient.into(), curvature: curvature.into(), rows: 1 }
    }

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

/// Input of one tree.
pub(crate) struct TreeInput<'a> {
    pub binned: &'a Binned,
    /// Features that this tree may use.
    pub allowed: &'a [usize],
    /// First and second derivative of each row's loss.
    pub slopes: &'a [(f32, f32)],
    pub shape: Shape,
    /// Factor of the leaves' values.
    pub learning_rate: f64,
}

struct Split {
    gain: f64,
    feature: usize,
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

/// A tree, and what it adds for the rows that it was grown on.
pub(crate) struct Grown {
    pub tree: Tree,
    /// For each leaf its value and its rows.
    pub leaves: Vec<(f32, Vec<u32>)>,
}

/// Grows a tree on some rows; adds the gain of each split to its feature's.
pub(crate) fn grow(input: &TreeInput<'_>, rows: Vec<u32>, gains: &mut [f64]) -> Grown {
    let starts = starts(input);
    let mut nodes = vec![Node::Leaf(0.0)];
    let histogram = histogram(input, &starts, &rows);
    let mut open = vec![leaf(input, &starts, (0, 0), rows, histogram)];
    nodes[0] = Node::Leaf(value(input, open[0].sum));
    while nodes.len() < 2 * input.shape.leaves - 1 {
        let gain = |leaf: &Leaf| leaf.best.as_ref().map_or(0.0, |split| split.gain);
        let best = (0..open.len()).reduce(|best, index| {
            if gain(&open[index]) > gain(&open[best]) { index } else { best }
        });
        let Some(best) = best.filter(|&index| open[index].best.is_some()) else { break };
        let parent = open.swap_remove(best);
        let Some(split) = &parent.best else { break };
        gains[split.feature] += split.gain;
        let (left, right) = (nodes.len(), nodes.len() + 1);
        nodes[parent.node] = Node::Split {
            feature: split.feature as u32,
            threshold: threshold(&input.binned.features[split.feature], split.bin),
            missing_left: split.missing_left,
            left: left as u32,
            right: right as u32,
        };
        for child in part(input, &starts, parent, left) {
            nodes.push(Node::Leaf(value(input, child.sum)));
            open.push(child);
        }
    }
    let leaves = open.into_iter().map(|leaf| (value(input, leaf.sum), leaf.rows)).collect();
    Grown { tree: Tree(nodes), leaves }
}

/// The last bin has no upper bound: everything that is not missing goes left.
fn threshold(feature: &BinnedFeature, bin: usize) -> f32 {
    feature.thresholds.get(bin).copied().unwrap_or(f32::MAX)
}

fn value(input: &TreeInput<'_>, sum: Sum) -> f32 {
    (-sum.gradient / (sum.curvature + LAMBDA) * input.learning_rate) as f32
}

/// The first slot of each unit in a histogram.
fn starts(input: &TreeInput<'_>) -> Vec<usize> {
    let mut starts = vec![0];
    for unit in &input.binned.units {
        starts.push(starts.last().copied().unwrap_or(0) + unit.slots);
    }
    starts
}

fn histogram(input: &TreeInput<'_>, starts: &[usize], rows: &[u32]) -> Vec<Sum> {
    let mut histogram = vec![Sum::default(); starts.last().copied().unwrap_or(0)];
    // Side by side once, not to be looked for again for each unit.
    let slopes: Vec<Sum> = rows.iter().map(|&row| Sum::of(input.slopes[row as usize])).collect();
    for (unit, start) in input.binned.units.iter().zip(starts) {
        let slots = &mut histogram[*start..start + unit.slots];
        for (&row, &slope) in rows.iter().zip(&slopes) {
            slots[usize::from(unit.codes[row as usize])].add(slope);
        }
    }
    histogram
}

fn leaf(
    input: &TreeInput<'_>,
    starts: &[usize],
    (node, depth): (usize, usize),
    rows: Vec<u32>,
    histogram: Vec<Sum>,
) -> Leaf {
    // Every row is in one slot of each unit.
    let mut sum = Sum::default();
    histogram[..starts[1]].iter().for_each(|slot| sum.add(*slot));
    let may_split = depth < input.shape.depth && rows.len() >= 2 * input.shape.leaf_rows;
    let best = if may_split { best_split(input, starts, &histogram, sum) } else { None };
    Leaf { node, depth, rows, sum, histogram, best }
}

/// The children of a leaf that is split; the left one becomes node `left`.
fn part(input: &TreeInput<'_>, starts: &[usize], parent: Leaf, left: usize) -> Vec<Leaf> {
    let Leaf { depth, rows, histogram: mut rest, best, .. } = parent;
    let Some(Split { feature, bin, missing_left, .. }) = best else { return Vec::new() };
    let feature = &input.binned.features[feature];
    let unit = &input.binned.units[feature.unit];
    let goes_left = |row: &u32| {
        let slot = unit.codes[*row as usize];
        if usize::from(slot) + 1 == unit.slots { missing_left } else { feature.bin(slot) <= bin }
    };
    let (lefts, rights): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(goes_left);
    let left_is_small = lefts.len() <= rights.len();
    let small = histogram(input, starts, if left_is_small { &lefts } else { &rights });
    rest.iter_mut().zip(&small).for_each(|(sum, part)| *sum = sum.less(*part));
    let (of_left, of_right) = if left_is_small { (small, rest) } else { (rest, small) };
    vec![
        leaf(input, starts, (left, depth + 1), lefts, of_left),
        leaf(input, starts, (left + 1, depth + 1), rights, of_right),
    ]
}

/// The split with the largest gain; of equal ones the first.
fn best_split(
    input: &TreeInput<'_>,
    starts: &[usize],
    histogram: &[Sum],
    all: Sum,
) -> Option<Split> {
    let mut best: Option<Split> = None;
    for &feature in input.allowed {
        let place = &input.binned.features[feature];
        let slots = &histogram[starts[place.unit]..starts[place.unit + 1]];
        let Some((missing, bins)) = slots.split_last() else { continue };
        let better = |split: &Split, best: &Option<Split>| {
            best.as_ref().is_none_or(|best| split.gain > best.gain)
        };
        let mut try_left = |bin: usize, left: Sum| {
            for with_missing in [false, true] {
                let found = gain(input, (left, *missing), with_missing, all);
                let found =
                    found.map(|(gain, missing_left)| Split { gain, feature, bin, missing_left });
                best = match found {
                    Some(split) if better(&split, &best) => Some(split),
                    _ => best.take(),
                };
            }
        };
        let mut left = Sum::default();
        match place.category {
            None => bins.iter().enumerate().for_each(|(bin, slot)| {
                left.add(*slot);
                try_left(bin, left);
            }),
            Some(category) => {
                bins.iter().for_each(|slot| left.add(*slot));
                try_left(0, left.less(bins[usize::from(category)]));
                try_left(1, left);
            }
        }
    }
    best
}

/// The gain of a split and the side of missing values; `None` if the split is invalid or has no
/// gain. `left` holds the values that are not missing and go left.
fn gain(
    input: &TreeInput<'_>,
    (mut left, missing): (Sum, Sum),
    with_missing: bool,
    all: Sum,
) -> Option<(f64, bool)> {
    if with_missing {
        left.add(missing);
    }
    let fits =
        |sum: Sum| sum.rows as usize >= input.shape.leaf_rows && sum.curvature >= CURVATURE_MIN;
    if (with_missing && missing.rows == 0) || left.rows >= all.rows || !fits(left) {
        return None;
    }
    let right = all.less(left);
    let gain = left.score() + right.score() - all.score();
    // What was never missing here goes where most rows go.
    let missing_left = if missing.rows == 0 { left.rows >= right.rows } else { with_missing };
    (gain > GAIN_MIN && fits(right)).then_some((gain, missing_left))
}
