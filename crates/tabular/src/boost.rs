//! Boosting: tree after tree, each on the slopes of the loss that the ones before it left.

use crate::bins::Binned;
use crate::grow::{self, Shape, TreeInput};
use crate::tree::{Node, Tree};
use serde::{Deserialize, Serialize};

/// Hyperparameters of a forest.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Rounds at most; each adds a tree, or one for each class where there are more than two. Held
    /// out rows decide when to stop.
    pub rounds: u32,
    /// Shrinkage of each tree, above 0 and at most 1.
    pub learning_rate: f64,
    /// True if rare classes weigh more, by the inverse of their frequency.
    pub balance_classes: bool,
    /// Decides every draw.
    pub seed: u64,
}

/// Share of the rows that each tree sees.
const ROW_SHARE: f64 = 0.8;
/// Share of the features that each tree may use.
const COLUMN_SHARE: f64 = 0.8;
/// Rounds without a gain after which boosting stops, times the learning rate.
const PATIENCE: f64 = 2.5;
/// Bounds of those rounds.
const PATIENCE_ROUNDS: (f64, f64) = (20.0, 300.0);

/// The rows and what is true of them.
pub(crate) struct TrainingData<'a> {
    /// [rows, width], row-major.
    pub matrix: &'a [f32],
    pub width: usize,
    pub binned: &'a Binned,
    pub truth: &'a [usize],
    pub weights: &'a [f32],
    pub classes: usize,
}

impl TrainingData<'_> {
    /// Sums that the trees make for a row.
    pub fn sums(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.matrix[row * self.width..][..self.width]
    }
}

/// The rows of a pass, and how trees are grown on them.
pub(crate) struct Fit<'a> {
    pub data: &'a TrainingData<'a>,
    /// Rows that trees are grown on.
    pub rows: &'a [u32],
    /// All others: they tell when to stop. Where there are none, no pass stops early.
    pub held: &'a [u32],
    pub options: &'a Options,
    /// Rounds at most.
    pub rounds: usize,
    pub shape: Shape,
}

/// Performance of trees on rows that they were not grown on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judged {
    /// Rounds after which the held-out rows' loss was least; all of them where none are held out.
    pub rounds: usize,
    /// That least loss.
    pub loss: f64,
    /// Sums of the held-out rows then: [rows, sums], base included.
    pub sums: Vec<f32>,
}

impl Judged {
    /// True if its state is valid for that many sums.
    pub fn fits(&self, sums: usize) -> bool {
        self.sums.len() == sums
    }
}

/// Trees as far as they are grown. With the same fit it goes on from any round as if it had
/// never been put away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growing {
    pub trees: Vec<Tree>,
    /// Initial value of each sum.
    pub base: Vec<f32>,
    /// Rounds done.
    pub rounds: usize,
    pub best: Judged,
    /// Gain of all splits of each feature.
    pub gains: Vec<f64>,
    /// Sums of all rows: [rows, sums], base included.
    totals: Vec<f32>,
    /// State of the random number generator.
    draws: u64,
}

impl Growing {
    /// No tree yet.
    pub fn begin(data: &TrainingData<'_>, rows: &[u32], seed: u64) -> Self {
        let base = base(data, rows);
        Self {
            trees: Vec::new(),
            rounds: 0,
            best: Judged { rounds: 0, loss: f64::INFINITY, sums: Vec::new() },
            gains: vec![0.0; data.width],
            totals: base.repeat(data.truth.len()),
            draws: seed,
            base,
        }
    }

    /// True if its state is valid for such rows, of which `held` were held out.
    pub fn fits(&self, data: &TrainingData<'_>, held: usize) -> bool {
        let sums = data.sums();
        let mut nodes = self.trees.iter().flat_map(|tree| &tree.0);
        self.trees.len() == self.rounds * sums
            && self.base.len() == sums
            && self.best.rounds <= self.rounds
            && self.best.fits(held * sums)
            && self.gains.len() == data.width
            && self.totals.len() == data.truth.len() * sums
            && nodes.all(|node| match node {
                Node::Split { feature, .. } => (*feature as usize) < data.width,
                Node::Leaf(_) => true,
            })
    }

    /// Judges what is grown: the mean loss of the held-out rows, or of all where there are none.
    pub fn judge(&mut self, fit: &Fit<'_>) -> f64 {
        let sums = fit.data.sums();
        let judged = if fit.held.is_empty() { fit.rows } else { fit.held };
        let loss = loss(fit.data, judged, &self.totals);
        if loss < self.best.loss || fit.held.is_empty() {
            let of_row = |&row: &u32| &self.totals[row as usize * sums..][..sums];
            let sums = fit.held.iter().flat_map(of_row).copied().collect();
            self.best = Judged { rounds: self.rounds, loss, sums };
        }
        loss
    }

    /// True if the maximum number of rounds is reached, or too many rounds brought no gain.
    pub fn is_over(&self, fit: &Fit<'_>) -> bool {
        let (least, most) = PATIENCE_ROUNDS;
        let patience = (PATIENCE / fit.options.learning_rate).clamp(least, most) as usize;
        self.rounds >= fit.rounds || self.rounds - self.best.rounds >= patience
    }

    /// One round: a tree for each sum.
    pub fn grow(&mut self, fit: &Fit<'_>) {
        let data = fit.data;
        let sums = data.sums();
        let mut draws = fastrand::Rng::with_seed(self.draws);
        let trees = one_round(fit, &self.totals, &mut draws, &mut self.gains);
        self.draws = draws.get_seed();
        let mut is_in = vec![false; data.truth.len()];
        for (sum, tree) in trees.iter().enumerate() {
            for (value, rows) in &tree.leaves {
                rows.iter().for_each(|&row| {
                    self.totals[row as usize * sums + sum] += value;
                    is_in[row as usize] = true;
                });
            }
        }
        // Rows that this round did not draw.
        for row in (0..data.truth.len()).filter(|&row| !is_in[row]) {
            let features = data.row(row);
            let totals = self.totals[row * sums..][..sums].iter_mut();
            totals.zip(&trees).for_each(|(sum, grown)| *sum += grown.tree.value(features));
        }
        self.trees.extend(trees.into_iter().map(|grown| grown.tree));
        self.rounds += 1;
    }
}

/// A tree for each sum, all on the same draw of rows.
fn one_round(
    fit: &Fit<'_>,
    totals: &[f32],
    draws: &mut fastrand::Rng,
    gains: &mut [f64],
) -> Vec<grow::Grown> {
    let Fit { data, rows, shape, .. } = *fit;
    let sums = data.sums();
    let mut drawn: Vec<u32> = rows.iter().copied().filter(|_| draws.f64() < ROW_SHARE).collect();
    // A handful of rows may all have been passed over.
    if drawn.len() < 2 * shape.leaf_rows {
        drawn = rows.to_vec();
    }
    let mut slopes = vec![(0.0_f32, 0.0_f32); data.truth.len()];
    (0..sums)
        .map(|sum| {
            for &row in &drawn {
                let totals = &totals[row as usize * sums..][..sums];
                slopes[row as usize] = slope(data, row as usize, totals, sum);
            }
            let mut allowed: Vec<usize> = (0..data.width).collect();
            draws.shuffle(&mut allowed);
            allowed.truncate(((data.width as f64 * COLUMN_SHARE).ceil() as usize).max(1));
            allowed.sort_unstable();
            let (binned, learning_rate) = (data.binned, fit.options.learning_rate);
            let input =
                TreeInput { binned, allowed: &allowed, slopes: &slopes, shape, learning_rate };
            grow::grow(&input, drawn.clone(), gains)
        })
        .collect()
}

/// First and second derivative of a row's loss by one of its sums: p − y and p (1 − p).
fn slope(data: &TrainingData<'_>, row: usize, totals: &[f32], sum: usize) -> (f32, f32) {
    let class = if data.classes == 2 { 1 } else { sum };
    let probability = probability(totals, sum);
    let is_true = f64::from(u8::from(data.truth[row] == class));
    let weight = f64::from(data.weights[row]);
    let slope = weight * (probability - is_true);
    (slope as f32, (weight * probability * (1.0 - probability)) as f32)
}

/// Softmax at one place; of a single sum the logistic function.
fn probability(totals: &[f32], place: usize) -> f64 {
    if let [total] = totals {
        return 1.0 / (1.0 + (-f64::from(*total)).exp());
    }
    let largest = totals.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let part = |total: f32| f64::from(total - largest).exp();
    part(totals[place]) / totals.iter().map(|&total| part(total)).sum::<f64>()
}

/// Weighted mean of the negative logarithm of what is true.
fn loss(data: &TrainingData<'_>, rows: &[u32], totals: &[f32]) -> f64 {
    let sums = data.sums();
    let (mut loss, mut weights) = (0.0, 0.0);
    for &row in rows {
        let totals = &totals[row as usize * sums..][..sums];
        let truth = data.truth[row as usize];
        let likelihood = match (sums, truth) {
            (1, 0) => 1.0 - probability(totals, 0),
            (1, _) => probability(totals, 0),
            (_, truth) => probability(totals, truth),
        };
        let weight = f64::from(data.weights[row as usize]);
        loss -= weight * likelihood.max(f64::MIN_POSITIVE).ln();
        weights += weight;
    }
    loss / weights
}

/// The prediction without any feature: the logarithm of each class's share, or of their odds.
fn base(data: &TrainingData<'_>, rows: &[u32]) -> Vec<f32> {
    // As if each class had been seen once more: one that no row here is of stays possible.
    let mut shares = vec![1.0_f64; data.classes];
    for &row in rows {
        shares[data.truth[row as usize]] += f64::from(data.weights[row as usize]);
    }
    let total: f64 = shares.iter().sum();
    match shares[..] {
        [no, yes] => vec![(yes / no).ln() as f32],
        _ => shares.iter().map(|share| (share / total).ln() as f32).collect(),
    }
}
