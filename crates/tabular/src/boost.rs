//! Boosting: tree after tree, each on the slopes of the loss that the ones before it left.

use crate::bins::Binned;
use crate::error::Error;
use crate::grow::{self, Shape, Soil};
use crate::tree::Tree;

/// How a forest is grown.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Rounds at most; each adds a tree, or one for each class where there are more than two. Held
    /// out rows decide when to stop.
    pub rounds: u32,
    /// Shrinkage of each tree, above 0 and at most 1.
    pub learning_rate: f64,
    /// Whether rare classes weigh more, by the inverse of their frequency.
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
pub(crate) struct Ground<'a> {
    /// [rows, width], row-major.
    pub matrix: &'a [f32],
    pub width: usize,
    pub binned: &'a Binned,
    pub truth: &'a [usize],
    pub weights: &'a [f32],
    pub classes: usize,
}

impl Ground<'_> {
    /// Sums that the trees make for a row.
    pub fn sums(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    fn row(&self, row: u32) -> &[f32] {
        &self.matrix[row as usize * self.width..][..self.width]
    }
}

/// Trees, and how they did on rows that they were not grown on.
pub(crate) struct Grown {
    pub trees: Vec<Tree>,
    /// What each sum begins with.
    pub base: Vec<f32>,
    /// Rounds after which the held-out rows' loss was least; all of them where none are held out.
    pub rounds: usize,
    /// That least loss.
    pub loss: f64,
    /// Sums of the held-out rows then: [rows, sums], base included.
    pub held_sums: Vec<f32>,
    /// Gain of all splits of each feature.
    pub gains: Vec<f64>,
}

/// Grows trees on `rows` until `held` rows show no more gain. `report` is told each round and the
/// mean loss of the rows that it was judged on, and says whether to go on.
pub(crate) fn boost(
    ground: &Ground<'_>,
    (rows, held): (&[u32], &[u32]),
    options: &Options,
    shape: Shape,
    report: &mut dyn FnMut(usize, f64) -> bool,
) -> Result<Grown, Error> {
    let (sums, seen) = (ground.sums(), [rows, held].concat());
    let base = base(ground, rows);
    let mut totals = vec![0.0_f32; ground.truth.len() * sums];
    seen.iter().for_each(|&row| totals[row as usize * sums..][..sums].copy_from_slice(&base));
    let mut grown = Grown {
        trees: Vec::new(),
        base,
        rounds: 0,
        loss: f64::INFINITY,
        held_sums: Vec::new(),
        gains: vec![0.0; ground.width],
    };
    let (least, most) = PATIENCE_ROUNDS;
    let patience = (PATIENCE / options.learning_rate).clamp(least, most) as usize;
    let mut draws = fastrand::Rng::with_seed(options.seed);
    let mut is_in = vec![false; ground.truth.len()];
    let judged = if held.is_empty() { rows } else { held };
    for round in 0..=options.rounds as usize {
        let loss = loss(ground, judged, &totals);
        if loss < grown.loss || held.is_empty() {
            grown.loss = loss;
            grown.rounds = round;
            grown.held_sums = held
                .iter()
                .flat_map(|&row| &totals[row as usize * sums..][..sums])
                .copied()
                .collect();
        }
        if !report(round, loss) {
            return Err(Error::Stopped);
        }
        if round == options.rounds as usize || round - grown.rounds >= patience {
            break;
        }
        let trees = one_round(ground, rows, &totals, options, shape, &mut draws, &mut grown.gains);
        is_in.fill(false);
        for (sum, tree) in trees.iter().enumerate() {
            for (value, rows) in &tree.leaves {
                rows.iter().for_each(|&row| {
                    totals[row as usize * sums + sum] += value;
                    is_in[row as usize] = true;
                });
            }
        }
        // Rows that this round did not draw.
        for &row in seen.iter().filter(|&&row| !is_in[row as usize]) {
            let features = ground.row(row);
            let place = &mut totals[row as usize * sums..][..sums];
            place
                .iter_mut()
                .zip(&trees)
                .for_each(|(sum, grown)| *sum += grown.tree.value(features));
        }
        grown.trees.extend(trees.into_iter().map(|grown| grown.tree));
    }
    Ok(grown)
}

/// A tree for each sum, all on the same draw of rows.
fn one_round(
    ground: &Ground<'_>,
    rows: &[u32],
    totals: &[f32],
    options: &Options,
    shape: Shape,
    draws: &mut fastrand::Rng,
    gains: &mut [f64],
) -> Vec<grow::Grown> {
    let sums = ground.sums();
    let mut drawn: Vec<u32> = rows.iter().copied().filter(|_| draws.f64() < ROW_SHARE).collect();
    // A handful of rows may all have been passed over.
    if drawn.len() < 2 * shape.leaf_rows {
        drawn = rows.to_vec();
    }
    let mut slopes = vec![(0.0_f32, 0.0_f32); ground.truth.len()];
    (0..sums)
        .map(|sum| {
            for &row in &drawn {
                let totals = &totals[row as usize * sums..][..sums];
                slopes[row as usize] = slope(ground, row as usize, totals, sum);
            }
            let mut allowed: Vec<usize> = (0..ground.width).collect();
            draws.shuffle(&mut allowed);
            allowed.truncate(((ground.width as f64 * COLUMN_SHARE).ceil() as usize).max(1));
            allowed.sort_unstable();
            let (binned, learning_rate) = (ground.binned, options.learning_rate);
            let soil = Soil { binned, allowed: &allowed, slopes: &slopes, shape, learning_rate };
            grow::grow(&soil, drawn.clone(), gains)
        })
        .collect()
}

/// First and second derivative of a row's loss by one of its sums: p − y and p (1 − p).
fn slope(ground: &Ground<'_>, row: usize, totals: &[f32], sum: usize) -> (f32, f32) {
    let class = if ground.classes == 2 { 1 } else { sum };
    let probability = probability(totals, sum);
    let is_true = f64::from(u8::from(ground.truth[row] == class));
    let weight = f64::from(ground.weights[row]);
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
fn loss(ground: &Ground<'_>, rows: &[u32], totals: &[f32]) -> f64 {
    let sums = ground.sums();
    let (mut loss, mut weights) = (0.0, 0.0);
    for &row in rows {
        let totals = &totals[row as usize * sums..][..sums];
        let truth = ground.truth[row as usize];
        let likelihood = match (sums, truth) {
            (1, 0) => 1.0 - probability(totals, 0),
            (1, _) => probability(totals, 0),
            (_, truth) => probability(totals, truth),
        };
        let weight = f64::from(ground.weights[row as usize]);
        loss -= weight * likelihood.max(f64::MIN_POSITIVE).ln();
        weights += weight;
    }
    loss / weights
}

/// What is known without any feature: the logarithm of each class's share, or of their odds.
fn base(ground: &Ground<'_>, rows: &[u32]) -> Vec<f32> {
    // As if each class had been seen once more: one that no row here is of stays possible.
    let mut shares = vec![1.0_f64; ground.classes];
    for &row in rows {
        shares[ground.truth[row as usize]] += f64::from(ground.weights[row as usize]);
    }
    let total: f64 = shares.iter().sum();
    match shares[..] {
        [no, yes] => vec![(yes / no).ln() as f32],
        _ => shares.iter().map(|share| (share / total).ln() as f32).collect(),
    }
}
