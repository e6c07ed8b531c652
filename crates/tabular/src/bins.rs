//! Features cut into at most 255 bins, so that a split is found by adding up.

/// Most bins of a feature, missing values apart: bin numbers and the one for missing fit a byte.
const BINS_MAX: usize = 255;

/// One feature's values as bin numbers.
pub(crate) struct BinnedFeature {
    /// Largest value of each bin but the last, rising. A value belongs to the first bin whose
    /// largest value is not below it.
    pub thresholds: Vec<f32>,
    /// Each row's bin; the number of bins stands for a missing value.
    pub codes: Vec<u8>,
}

impl BinnedFeature {
    /// Number of bins, missing values apart.
    pub fn bins(&self) -> usize {
        self.thresholds.len() + 1
    }
}

/// Bins every feature of a matrix [rows, width].
pub(crate) fn bin(matrix: &[f32], width: usize) -> Vec<BinnedFeature> {
    (0..width)
        .map(|feature| {
            let values = matrix.iter().skip(feature).step_by(width);
            let thresholds = thresholds(values.clone().copied().filter(|value| !value.is_nan()));
            let missing = thresholds.len() + 1;
            let code = |value: &f32| {
                let below = || thresholds.partition_point(|threshold| threshold < value);
                if value.is_nan() { missing } else { below() }
            };
            // At most 255, which `BINS_MAX` sees to.
            let codes = values.map(|value| code(value) as u8).collect();
            BinnedFeature { thresholds, codes }
        })
        .collect()
}

/// Where a feature is cut: between all different values where they are few, else so that bins
/// hold about the same number of rows.
fn thresholds(values: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in sorted {
        match distinct.last_mut() {
            Some((last, rows)) if *last == value => *rows += 1,
            _ => distinct.push((value, 1)),
        }
    }
    let total: usize = distinct.iter().map(|(_, rows)| rows).sum();
    let few = distinct.len() <= BINS_MAX;
    let mut thresholds = Vec::new();
    let mut before = 0;
    for pair in distinct.windows(2) {
        before += pair[0].1;
        let due = (thresholds.len() + 1) * total / BINS_MAX;
        if few || (before > due && thresholds.len() + 1 < BINS_MAX) {
            thresholds.push(between(pair[0].0, pair[1].0));
        }
    }
    thresholds
}

/// The middle of two numbers, rounded so that the smaller is not above it and the larger is.
fn between(smaller: f32, larger: f32) -> f32 {
    let middle = (f64::midpoint(f64::from(smaller), f64::from(larger))) as f32;
    if middle >= smaller && middle < larger { middle } else { smaller }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_in_their_bins() {
        let mut draws = fastrand::Rng::with_seed(5);
        for distinct in [1, 2, 200, 255, 256, 5000] {
            let values: Vec<f32> =
                (0..6000)
                    .map(|row| {
                        if row % 10 == 0 { f32::NAN } else { draws.usize(..distinct) as f32 * 0.37 }
                    })
                    .collect();
            let binned = &bin(&values, 1)[0];
            assert!(binned.bins() <= BINS_MAX && binned.thresholds.is_sorted());
            for (value, &code) in values.iter().zip(&binned.codes) {
                let code = usize::from(code);
                if value.is_nan() {
                    assert_eq!(code, binned.bins());
                    continue;
                }
                assert!(code == 0 || binned.thresholds[code - 1] < *value);
                assert!(code + 1 == binned.bins() || *value <= binned.thresholds[code]);
            }
        }
    }

    #[test]
    fn neighbours_are_told_apart() {
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        assert_eq!(between(1.0, next), 1.0);
        assert_eq!(between(f32::MIN, f32::MAX), 0.0);
        assert_eq!(between(-0.0, 1.0), 0.5);
    }
}
