//! Calibration: a probability of 0.8 should be right eight times in ten.

use crate::judged::Judged;

/// Bins of the calibration error, as in Guo et al. 2017, "On Calibration of Modern Neural
/// Networks".
pub(crate) const BINS: usize = 15;
/// Bounds of the temperature; beyond them the hold-out is too small or too easy to tell.
const TEMPERATURES: (f64, f64) = (0.05, 20.0);
/// Steps of the golden-section search: the interval of logarithms shrinks below 1e-6.
const STEPS: usize = 40;

/// Expected calibration error: the mean distance between confidence and accuracy over equal bins
/// of confidence, weighted by their rows.
pub fn calibration_error(judged: &Judged) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for (row, &confidence) in judged.confidence().iter().enumerate() {
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += confidence;
        bin.1 += f64::from(u8::from(judged.is_right(row)));
    }
    bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum::<f64>()
        / judged.rows() as f64
}

/// The temperature T that makes softmax(logits / T) give what is true the largest likelihood (Guo
/// et al. 2017). `logits` is [rows, classes], row-major; `truth` names for each row the classes of
/// which one is true. 1 where there are no rows.
pub fn fit_temperature(logits: &[f32], classes: usize, truth: &[Vec<usize>]) -> f64 {
    if truth.is_empty() || classes == 0 || logits.len() != truth.len() * classes {
        return 1.0;
    }
    let loss = |temperature: f64| -> f64 {
        let rows = logits.chunks_exact(classes).zip(truth);
        rows.map(|(row, truth)| {
            let scaled = |class: usize| f64::from(row[class]) / temperature;
            log_sum_exp((0..classes).map(scaled))
                - log_sum_exp(truth.iter().map(|&class| scaled(class)))
        })
        .sum()
    };
    fitted(loss)
}

/// The temperature of the least loss.
pub(crate) fn fitted(loss: impl Fn(f64) -> f64) -> f64 {
    golden_section(TEMPERATURES.0.ln(), TEMPERATURES.1.ln(), |log| loss(log.exp())).exp()
}

/// ln Σ exp x, without overflow.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + values.map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// The least point of a function with one valley (Kiefer 1953).
fn golden_section(mut low: f64, mut high: f64, cost: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut cost_left, mut cost_right) = (cost(left), cost(right));
    for _ in 0..STEPS {
        if cost_left < cost_right {
            (high, right, cost_right) = (right, left, cost_left);
            left = high - ratio * (high - low);
            cost_left = cost(left);
        } else {
            (low, left, cost_left) = (left, right, cost_right);
            right = low + ratio * (high - low);
            cost_right = cost(right);
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits that are three times too large for their accuracy are divided by about three.
    #[test]
    fn overconfidence_is_taken_back() {
        // Three of four rows are right: the honest logit is ln 3.
        let honest = 3.0_f32.ln();
        let logits: Vec<f32> = (0..400).flat_map(|_| [3.0 * honest, 0.0]).collect();
        let truth: Vec<_> = (0..400).map(|row| vec![usize::from(row % 4 == 0)]).collect();
        let found = fit_temperature(&logits, 2, &truth);
        assert!((found - 3.0).abs() < 1e-3, "{found}");
    }

    #[test]
    fn no_rows_leave_the_temperature() {
        assert_eq!(fit_temperature(&[], 2, &[]), 1.0);
    }
}
