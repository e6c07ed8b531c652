//! From the trees' sums to honest probabilities.

use crm_ai_metrics::fit_temperature;
use serde::{Deserialize, Serialize};

/// Rows that a calibration needs; with fewer it would follow chance.
const ROWS_MIN: usize = 100;
/// Steps of Newton's method; it settles in fewer than ten.
const STEPS: usize = 50;
/// Bounds of the scale; outside the hold-out is too small or too easy to tell.
const SCALES: (f64, f64) = (0.05, 20.0);

/// Calibration of sums to logits: for two classes, the second's logit is scale · sum + offset
/// (Platt 1999, "Probabilistic Outputs for Support Vector Machines"); for more, every sum is
/// multiplied by the scale, which is 1 / temperature (Guo et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Factor of a sum.
    pub scale: f64,
    /// Term added; 0 with more than two classes.
    pub offset: f64,
    /// Rows it was fitted on, which the trees had not seen; 0 where they were too few, and the sums
    /// are taken as they are.
    pub rows: u64,
}

impl Calibration {
    /// Sums taken as they are.
    pub(crate) const NONE: Self = Self { scale: 1.0, offset: 0.0, rows: 0 };

    /// Fits on rows that the trees have not seen: `sums` is [rows, sums], `weights` what each row
    /// counts for.
    pub(crate) fn fit(sums: &[f32], truth: &[usize], weights: &[f32], classes: usize) -> Self {
        if truth.len() < ROWS_MIN {
            return Self::NONE;
        }
        let rows = truth.len() as u64;
        if classes > 2 {
            let truth: Vec<Vec<usize>> = truth.iter().map(|&class| vec![class]).collect();
            let scale = 1.0 / fit_temperature(sums, classes, &truth);
            return Self { scale, offset: 0.0, rows };
        }
        platt(sums, truth, weights).map_or(Self::NONE, |(scale, offset)| Self {
            scale,
            offset,
            rows,
        })
    }
}

/// Scale and offset of the largest likelihood, by Newton's method; `None` where there is none.
fn platt(sums: &[f32], truth: &[usize], weights: &[f32]) -> Option<(f64, f64)> {
    let of_class = |class: usize| -> f64 {
        let rows = truth.iter().zip(weights).filter(|(t, _)| **t == class);
        rows.map(|(_, weight)| f64::from(*weight)).sum()
    };
    let (negatives, positives) = (of_class(0), of_class(1));
    // Platt's targets: never quite certain, so that separable rows have a finite answer.
    let targets = [1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)];
    let (mut scale, mut offset) = (1.0, 0.0);
    for _ in 0..STEPS {
        let (mut gradient, mut curvature) = ([0.0; 2], [1e-12, 0.0, 1e-12]);
        for ((&sum, &class), &weight) in sums.iter().zip(truth).zip(weights) {
            let (sum, weight) = (f64::from(sum), f64::from(weight));
            let probability = 1.0 / (1.0 + (-(scale * sum + offset)).exp());
            let (slope, bend) = (
                weight * (probability - targets[class]),
                weight * probability * (1.0 - probability),
            );
            gradient[0] += slope * sum;
            gradient[1] += slope;
            curvature[0] += bend * sum * sum;
            curvature[1] += bend * sum;
            curvature[2] += bend;
        }
        let determinant = curvature[0] * curvature[2] - curvature[1] * curvature[1];
        let step = [
            (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant,
            (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant,
        ];
        if !step.iter().all(|part| part.is_finite()) {
            return None;
        }
        // A step longer than this leaves the valley where the method converges.
        let length = step[0].abs().max(step[1].abs());
        let damped = if length > 2.0 { 2.0 / length } else { 1.0 };
        scale -= damped * step[0];
        offset -= damped * step[1];
        if length < 1e-9 {
            break;
        }
    }
    // A scale below zero would turn the model round: it knows nothing.
    (SCALES.0..=SCALES.1).contains(&scale).then_some((scale, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums that are twice too large and one too high.
    #[test]
    fn overconfidence_and_bias_are_taken_back() {
        let mut draws = fastrand::Rng::with_seed(3);
        let mut sums = Vec::new();
        let mut truth = Vec::new();
        for _ in 0..40_000 {
            let honest = draws.f64() * 6.0 - 3.0;
            truth.push(usize::from(draws.f64() < 1.0 / (1.0 + (-honest).exp())));
            sums.push((2.0 * honest + 1.0) as f32);
        }
        let found = Calibration::fit(&sums, &truth, &vec![1.0; truth.len()], 2);
        assert!((found.scale - 0.5).abs() < 0.02, "{found:?}");
        assert!((found.offset + 0.5).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn few_rows_and_senseless_sums_leave_the_sums_as_they_are() {
        assert_eq!(Calibration::fit(&[1.0; 20], &[1; 20], &[1.0; 20], 2), Calibration::NONE);
        let truth: Vec<usize> = (0..200).map(|row| row % 2).collect();
        let turned: Vec<f32> = truth.iter().map(|&class| -(class as f32)).collect();
        assert_eq!(Calibration::fit(&turned, &truth, &[1.0; 200], 2), Calibration::NONE);
        let told: Vec<f32> = truth.iter().map(|&class| class as f32 * 2.0 - 1.0).collect();
        let found = Calibration::fit(&told, &truth, &[1.0; 200], 2);
        assert!(found.scale > 1.0 && found.scale <= 20.0, "{found:?}");
    }
}
