//! AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: decoupled weight decay, bias
//! correction, one pass over a weight's numbers.
//!
//! Rows of the word table that no token of the batch names are left as they are: no decay and no
//! drift of their moving means. That differs from a dense optimiser, and spares most of its time.

use crate::weights::{Weight, Weights};
use crm_ai_model::Gradient;
use std::collections::HashMap;

/// Moving-mean factors and the least divisor; PyTorch's and Hugging Face's defaults.
pub(crate) const BETA_1: f32 = 0.9;
pub(crate) const BETA_2: f32 = 0.999;
pub(crate) const EPSILON: f32 = 1e-8;
/// The gradients' common length is cut to this, as Hugging Face's `max_grad_norm`.
const NORM_MAX: f64 = 1.0;

/// Learning rate and weight decay of one step.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Learning rate of this step.
    pub learning_rate: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
}

/// The optimiser.
#[derive(Debug)]
pub struct AdamW {
    /// Steps that changed the weights.
    pub steps: u64,
    threads: usize,
}

/// Outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The weights are changed.
    Step,
    /// A gradient is infinite or no number; the weights are as they were.
    Overflow,
}

/// One weight's gradient.
enum Slope<'a> {
    /// Of its numbers from the given one on.
    Dense(usize, &'a [f32]),
    /// Of whole rows: the row's number, then its gradient.
    Rows(Vec<(usize, Vec<f32>)>),
}

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub rate: f32,
    pub decay: f32,
    /// 1 / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ).
    pub corrections: (f32, f32),
    /// Factor by which gradients are clipped.
    pub clip: f32,
}

impl AdamW {
    /// An optimiser that shares its work among `threads` threads.
    pub fn new(threads: usize) -> Self {
        Self { steps: 0, threads: threads.max(1) }
    }

    /// Counts a step by gradients whose squares, `scale`² times too large, sum to `squares`, and
    /// gives its numbers; `None`, and nothing is counted, where that is infinite or no number.
    pub(crate) fn begin(&mut self, squares: f64, rates: Rates, scale: f32) -> Option<Step> {
        let norm = squares.sqrt() / f64::from(scale);
        if !norm.is_finite() {
            return None;
        }
        self.steps += 1;
        let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
        Some(Step {
            rate: rates.learning_rate,
            decay: rates.weight_decay,
            corrections: (1.0 / (1.0 - BETA_1.powi(t)), 1.0 / (1.0 - BETA_2.powi(t)).sqrt()),
            clip: (NORM_MAX / (norm + 1e-6)).min(1.0) as f32 / scale,
        })
    }

    /// Changes the weights. `gradient` gives a named output of the graph, which is `scale` times
    /// the gradient; `ids` are the batch's token ids, [batch · tokens]. `None` where a gradient is
    /// missing.
    pub fn step<'a>(
        &mut self,
        weights: &mut Weights,
        gradient: impl Fn(&str) -> Option<&'a [f32]>,
        ids: &[i64],
        rates: Rates,
        scale: f32,
    ) -> Option<Applied> {
        let slopes: Vec<Slope<'a>> = weights
            .0
            .iter()
            .map(|weight| slope(weight, gradient(weight.gradient())?, ids))
            .collect::<Option<_>>()?;
        let squares = slopes.iter().map(Slope::square_sum).sum();
        let Some(step) = self.begin(squares, rates, scale) else {
            return Some(Applied::Overflow);
        };
        let mut work: Vec<(&mut Weight, &Slope<'_>)> = weights.0.iter_mut().zip(&slopes).collect();
        // The largest first, each to the thread that has least to do.
        work.sort_by_key(|(_, slope)| std::cmp::Reverse(slope.numbers()));
        let mut shares: Vec<(usize, Vec<_>)> = (0..self.threads).map(|_| (0, vec![])).collect();
        for item in work {
            if let Some(share) = shares.iter_mut().min_by_key(|share| share.0) {
                share.0 += item.1.numbers();
                share.1.push(item);
            }
        }
        std::thread::scope(|scope| {
            for (_, share) in shares {
                scope.spawn(move || share.into_iter().for_each(|(w, slope)| apply(w, slope, step)));
            }
        });
        Some(Applied::Step)
    }
}

impl Slope<'_> {
    fn numbers(&self) -> usize {
        match self {
            Self::Dense(_, values) => values.len(),
            Self::Rows(rows) => rows.iter().map(|(_, row)| row.len()).sum(),
        }
    }

    fn square_sum(&self) -> f64 {
        match self {
            Self::Dense(_, values) => square_sum(values),
            Self::Rows(rows) => rows.iter().map(|(_, row)| square_sum(row)).sum(),
        }
    }
}

/// Σ x². Eight sums side by side, which one vector instruction adds to at once; parts are short
/// enough that 32 bits lose nothing that matters.
fn square_sum(values: &[f32]) -> f64 {
    let partial = |part: &[f32]| {
        let (eights, rest) = part.as_chunks::<8>();
        let mut sums = [0.0_f32; 8];
        for eight in eights {
            sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += value * value);
        }
        sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
    };
    values.chunks(4096).map(|part| f64::from(partial(part))).sum()
}

fn slope<'a>(weight: &Weight, values: &'a [f32], ids: &[i64]) -> Option<Slope<'a>> {
    match weight.parameter.gradient {
        Gradient::Dense(_) => Some(Slope::Dense(0, values)),
        Gradient::RowsFrom(_, first) => Some(Slope::Dense(first * weight.width(), values)),
        Gradient::TokenRows(_) => Some(Slope::Rows(sum_by_id(values, ids, weight.width()))),
    }
}

/// Sums the rows of equal tokens.
fn sum_by_id(values: &[f32], ids: &[i64], width: usize) -> Vec<(usize, Vec<f32>)> {
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut rows: Vec<(usize, Vec<f32>)> = Vec::new();
    for (&id, row) in ids.iter().zip(values.chunks_exact(width)) {
        match places.get(&id) {
            Some(&at) => rows[at].1.iter_mut().zip(row).for_each(|(sum, value)| *sum += value),
            None => {
                places.insert(id, rows.len());
                rows.push((id as usize, row.to_vec()));
            }
        }
    }
    rows
}

fn apply(weight: &mut Weight, slope: &Slope<'_>, step: Step) {
    let step = if weight.parameter.decays { step } else { Step { decay: 0.0, ..step } };
    let width = weight.width();
    let Weight { values, mean, square, .. } = weight;
    match slope {
        Slope::Dense(first, slope) => {
            let (values, mean) = (&mut values[*first..], &mut mean[*first..]);
            update(values, slope, mean, &mut square[*first..], step);
        }
        Slope::Rows(rows) => {
            for (row, slope) in rows {
                let range = row * width..(row + 1) * width;
                let (values, mean) = (&mut values[range.clone()], &mut mean[range.clone()]);
                update(values, slope, mean, &mut square[range], step);
            }
        }
    }
}

/// A weight's numbers, as many as there are gradients.
fn update(values: &mut [f32], slope: &[f32], mean: &mut [f32], square: &mut [f32], step: Step) {
    let kept = 1.0 - step.rate * step.decay;
    let rate = step.rate * step.corrections.0;
    for (((value, slope), mean), square) in values.iter_mut().zip(slope).zip(mean).zip(square) {
        let slope = slope * step.clip;
        *mean = BETA_1 * *mean + (1.0 - BETA_1) * slope;
        *square = BETA_2 * *square + (1.0 - BETA_2) * slope * slope;
        *value = *value * kept - rate * *mean / (square.sqrt() * step.corrections.1 + EPSILON);
    }
}
