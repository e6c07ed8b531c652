//! A classifier on the frozen encoder: regularised multinomial logistic regression.
//!
//! The features are the encoder's sentence vectors x, the means of the tokens' vectors, divided by
//! their root mean square, so that one regularisation suits every encoder. Minimised is
//! Σ wᵢ lossᵢ / Σ wᵢ + λ/2 · ‖W‖², which is convex where every label is one class; λ is chosen by
//! cross-validation.

use crate::dataset::Example;
use crate::lbfgs::minimise;
use crate::loss::Loss;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::cmp::Ordering;
use std::panic::resume_unwind;

/// Regularisations that are tried, the strongest first: each fit starts from the one before.
const LAMBDAS: [f32; 7] = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];
/// Parts of the cross-validation.
const FOLDS: usize = 3;
/// Rows of the cross-validation at most: the choice needs no more.
const TRIAL_ROWS_MAX: usize = 3000;
/// Steps of a fit at most, and the gradient below which it has converged.
const STEPS: usize = 300;
const TOLERANCE: f64 = 1e-6;
/// Rows whose products are computed at a time.
const CHUNK_ROWS: usize = 256;

/// The fitted head.
#[derive(Debug)]
pub(crate) struct Head {
    /// [classes, width], for vectors as they are pooled.
    pub weight: Vec<f32>,
    /// [classes].
    pub bias: Vec<f32>,
}

/// Rows in numbers.
struct Table<'a> {
    /// [rows, width].
    features: &'a [f32],
    width: usize,
    classes: usize,
    /// True if a row may have several classes.
    multi_label: bool,
    truth: &'a [&'a Example],
    /// Weight of each row, its class's weight included.
    weights: &'a [f32],
    /// The rows with a weight above 0.
    rows: Vec<usize>,
    threads: usize,
}

/// Fits a head to `vectors` [rows, width] on `threads` threads. `progress` is told after each of
/// at most [`fits`] fits which it was and what it minimised came to.
pub(crate) fn fit(
    vectors: &[f32],
    width: usize,
    loss: &Loss,
    examples: &[&Example],
    (seed, threads): (i64, usize),
    mut progress: impl FnMut(usize, f64),
) -> Head {
    let squares: f64 = vectors.iter().map(|number| f64::from(number * number)).sum();
    let scale = (vectors.len() as f64 / squares.max(f64::MIN_POSITIVE)).sqrt() as f32;
    let features: Vec<f32> = vectors.iter().map(|number| number * scale).collect();
    let rows = order(examples.len(), seed);
    let features = &features[..];
    let classes = loss.class_weights.len();
    let weights: Vec<f32> =
        examples.iter().map(|row| row.weight * loss.weight_of(&row.classes)).collect();
    let weights = &weights[..];
    let table = |rows| Table {
        features,
        width,
        classes,
        multi_label: loss.multi_label,
        truth: examples,
        weights,
        rows,
        threads,
    };
    let trial = &rows[..rows.len().min(TRIAL_ROWS_MAX)];
    let lambda = choose(trial, &table, &mut progress);
    // Fewer rows want more regularisation; the whole set has more than a fold had.
    let shrink = (trial.len() * (FOLDS - 1)) as f32 / (FOLDS * rows.len().max(1)) as f32;
    let (mut weight, loss) = table(rows).fit(vec![0.0; classes * (width + 1)], lambda * shrink);
    progress(fits(), loss);
    let bias = weight.split_off(classes * width);
    weight.iter_mut().for_each(|number| *number *= scale);
    Head { weight, bias }
}

/// The regularisation with the least loss on the parts that were not learnt. The loss has one
/// valley along the path, so the first one that is worse than the one before ends it.
fn choose<'a>(
    trial: &[usize],
    table: &impl Fn(Vec<usize>) -> Table<'a>,
    progress: &mut impl FnMut(usize, f64),
) -> f32 {
    let part = |fold: usize, inside: bool| {
        let own = |(at, _): &(usize, &usize)| (at % FOLDS == fold) == inside;
        table(trial.iter().enumerate().filter(own).map(|(_, &row)| row).collect())
    };
    let folds: Vec<_> = (0..FOLDS).map(|fold| (part(fold, false), part(fold, true))).collect();
    let mut points: Vec<Vec<f32>> =
        folds.iter().map(|(learnt, _)| vec![0.0; learnt.classes * (learnt.width + 1)]).collect();
    let (mut chosen, mut least) = (LAMBDAS[0], f64::INFINITY);
    for (at, lambda) in LAMBDAS.into_iter().enumerate() {
        let mut loss = 0.0;
        for (fold, ((learnt, judged), point)) in folds.iter().zip(&mut points).enumerate() {
            let (fitted, least) = learnt.fit(std::mem::take(point), lambda);
            *point = fitted;
            loss += judged.loss(point, 0.0, None);
            progress(at * FOLDS + fold + 1, least);
        }
        // NaN is no decrease either.
        if loss.partial_cmp(&least) != Some(Ordering::Less) {
            break;
        }
        (chosen, least) = (lambda, loss);
    }
    chosen
}

/// Most fits, for the progress.
pub(crate) fn fits() -> usize {
    FOLDS * LAMBDAS.len() + 1
}

fn order(count: usize, seed: i64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..count).collect();
    fastrand::Rng::with_seed(seed as u64).shuffle(&mut rows);
    rows
}

impl Table<'_> {
    /// Weights [classes, width] and biases [classes], one after the other; and the regularised mean
    /// loss there.
    fn fit(&self, start: Vec<f32>, lambda: f32) -> (Vec<f32>, f64) {
        minimise(start, STEPS, TOLERANCE, |point, slope| self.loss(point, lambda, Some(slope)))
    }

    /// The mean loss, and its gradient where one is asked for.
    fn loss(&self, point: &[f32], lambda: f32, slope: Option<&mut [f32]>) -> f64 {
        let weight = &point[..self.classes * self.width];
        let squares: f64 = weight.iter().map(|number| f64::from(number * number)).sum();
        let mut value = f64::from(lambda) / 2.0 * squares;
        let total: f32 = self.rows.iter().map(|&row| self.weights[row]).sum();
        let unit = 1.0 / total.max(f32::MIN_POSITIVE);
        let piece = self.rows.len().div_ceil(self.threads.max(1)).max(CHUNK_ROWS);
        let parts = std::thread::scope(|scope| {
            let part = |rows| scope.spawn(move || self.part(rows, unit, point));
            let running: Vec<_> = self.rows.chunks(piece).map(part).collect();
            let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
            // A thread that panicked takes this one along.
            ended.map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect::<Vec<_>>()
        });
        value += parts.iter().map(|(loss, _)| loss).sum::<f64>();
        if let Some(slope) = slope {
            slope.fill(0.0);
            slope.iter_mut().zip(weight).for_each(|(slope, number)| *slope = lambda * number);
            for (_, part) in &parts {
                slope.iter_mut().zip(part).for_each(|(sum, number)| *sum += number);
            }
        }
        value
    }

    /// The part of rows in the mean loss and in its gradient; `unit` is the share of a weight of 1.
    fn part(&self, rows: &[usize], unit: f32, point: &[f32]) -> (f64, Vec<f32>) {
        let Self { width, classes, .. } = *self;
        let (weight, bias) = point.split_at(classes * width);
        let (mut value, mut slope) = (0.0, vec![0.0; point.len()]);
        let (weight_slope, bias_slope) = slope.split_at_mut(classes * width);
        for rows in rows.chunks(CHUNK_ROWS) {
            let features: Vec<f32> = rows
                .iter()
                .flat_map(|&row| &self.features[row * width..(row + 1) * width])
                .copied()
                .collect();
            let mut logits: Vec<f32> = rows.iter().flat_map(|_| bias).copied().collect();
            add_product(
                matrix(&features, rows.len(), width),
                matrix(weight, classes, width).map(|matrix| matrix.reversed_axes()),
                &mut logits,
                (rows.len(), classes),
            );
            for (&row, logits) in rows.iter().zip(logits.chunks_exact_mut(classes)) {
                let share = self.weights[row] * unit;
                let truth = &self.truth[row].classes[..];
                value += f64::from(share)
                    * match self.multi_label {
                        true => differentiate_each(logits, truth, share),
                        false => differentiate(logits, truth, share),
                    };
            }
            add_product(
                matrix(&logits, rows.len(), classes).map(|matrix| matrix.reversed_axes()),
                matrix(&features, rows.len(), width),
                weight_slope,
                (classes, width),
            );
            for logits in logits.chunks_exact(classes) {
                bias_slope.iter_mut().zip(logits).for_each(|(sum, number)| *sum += number);
            }
        }
        (value, slope)
    }
}

/// Numbers as a matrix; `None` where they are not as many, which no caller gives.
fn matrix(numbers: &[f32], rows: usize, columns: usize) -> Option<ArrayView2<'_, f32>> {
    ArrayView2::from_shape((rows, columns), numbers).ok()
}

/// sum += a · b.
fn add_product(
    a: Option<ArrayView2<'_, f32>>,
    b: Option<ArrayView2<'_, f32>>,
    sum: &mut [f32],
    shape: (usize, usize),
) {
    if let (Some(a), Some(b), Ok(mut sum)) = (a, b, ArrayViewMut2::from_shape(shape, sum)) {
        general_mat_mul(1.0, &a, &b, 1.0, &mut sum);
    }
}

/// Turns logits into their gradient, times `share`; gives −ln Σ p over the true classes.
fn differentiate(logits: &mut [f32], truth: &[usize], share: f32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
    let sum: f32 = logits.iter().sum();
    let mass: f32 = truth.iter().map(|&class| logits[class]).sum();
    // Unlike `max`, `clamp` keeps NaN.
    let at_least_some = |share: f32| share.clamp(f32::MIN_POSITIVE, f32::INFINITY);
    let mass = at_least_some(mass);
    let within: Vec<f32> = truth.iter().map(|&class| logits[class] / mass).collect();
    logits.iter_mut().for_each(|number| *number *= share / sum);
    truth.iter().zip(within).for_each(|(&class, q)| logits[class] -= share * q);
    -f64::from(at_least_some(mass / sum).ln())
}

/// The same for classes that do not exclude each other; gives Σ ln(1 + exp z) − y z.
fn differentiate_each(logits: &mut [f32], truth: &[usize], share: f32) -> f64 {
    let mut loss = 0.0;
    for (class, logit) in logits.iter_mut().enumerate() {
        let (z, target) = (*logit, f32::from(truth.contains(&class)));
        loss += f64::from(z.max(0.0) - z * target + (-z.abs()).exp().ln_1p());
        *logit = share * (1.0 / (1.0 + (-z).exp()) - target);
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logit_that_is_no_number_gives_no_loss() {
        assert!(differentiate(&mut [0.0, f32::NAN], &[0], 1.0).is_nan());
        assert!(differentiate(&mut [f32::NAN, 0.0], &[0], 1.0).is_nan());
        assert!(differentiate_each(&mut [f32::NAN, 0.0], &[0], 1.0).is_nan());
        assert!((differentiate(&mut [0.0, 0.0], &[0], 1.0) - 2.0_f64.ln()).abs() < 1e-6);
        assert!(differentiate(&mut [0.0, f32::MAX], &[0], 1.0).is_finite());
    }
}
