//! Features cut into at most 255 bins, so that a split is found by adding up.

use std::ops::Range;

/// Most bins of a feature, missing values apart: bin numbers and the one for missing fit a byte.
const BINS_MAX: usize = 255;

/// Features as bin numbers.
pub(crate) struct Binned {
    /// The units counted in one pass over the rows: a feature, or all values of one category
    /// column.
    pub units: Vec<Unit>,
    /// The place of each feature in those units.
    pub features: Vec<BinnedFeature>,
}

/// One byte for each row.
pub(crate) struct Unit {
    /// Each row's slot.
    pub codes: Vec<u8>,
    /// Number of slots; the last is that of missing values.
    pub slots: usize,
}

/// One feature's place in a unit.
pub(crate) struct BinnedFeature {
    pub unit: usize,
    /// For a feature that tells one category from all others, that category's slot.
    pub category: Option<u8>,
    /// Largest value of each bin but the last, rising. A value belongs to the first bin whose
    /// largest value is not below it.
    pub thresholds: Vec<f32>,
}

impl BinnedFeature {
    /// The bin of a slot that is not the missing values'.
    pub fn bin(&self, slot: u8) -> usize {
        match self.category {
            None => usize::from(slot),
            Some(category) => usize::from(slot == category),
        }
    }
}

/// Bins every feature of a matrix [rows, width]. The features of each of `categories`, rising and
/// apart, are 1 where a category is met, at most one of them in a row.
pub(crate) fn bin(matrix: &[f32], width: usize, categories: &[Range<usize>]) -> Binned {
    let mut binned = Binned { units: Vec::new(), features: Vec::new() };
    let mut categories = categories.iter().peekable();
    while binned.features.len() < width {
        let (unit, first) = (binned.units.len(), binned.features.len());
        if let Some(range) = categories.next_if(|range| range.start == first) {
            binned.units.push(categories_of(matrix, width, range));
            binned.features.extend((0..range.len()).map(|category| BinnedFeature {
                unit,
                category: Some(category as u8),
                thresholds: vec![0.5],
            }));
            continue;
        }
        let values = matrix.iter().skip(first).step_by(width);
        let thresholds = thresholds(values.clone().copied().filter(|value| !value.is_nan()));
        let missing = thresholds.len() + 1;
        let code = |value: &f32| {
            let below = || thresholds.partition_point(|threshold| threshold < value);
            if value.is_nan() { missing } else { below() }
        };
        // At most 255, which `BINS_MAX` sees to.
        let codes = values.map(|value| code(value) as u8).collect();
        binned.units.push(Unit { codes, slots: missing + 1 });
        binned.features.push(BinnedFeature { unit, category: None, thresholds });
    }
    binned
}

/// A slot for each category, one for all others, one for missing values.
fn categories_of(matrix: &[f32], width: usize, range: &Range<usize>) -> Unit {
    let code = |row: &[f32]| {
        let values = &row[range.clone()];
        let found = values.iter().position(|value| *value == 1.0).unwrap_or(range.len());
        if values[0].is_nan() { range.len() + 1 } else { found }
    };
    let codes = matrix.chunks_exact(width).map(|row| code(row) as u8).collect();
    Unit { codes, slots: range.len() + 2 }
}

/// The cut points of a feature: between all different values if they are few, else so that bins
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
            let binned = bin(&values, 1, &[]);
            let thresholds = &binned.features[0].thresholds;
            assert!(thresholds.len() < BINS_MAX && thresholds.is_sorted());
            for (value, &slot) in values.iter().zip(&binned.units[0].codes) {
                let slot = usize::from(slot);
                if value.is_nan() {
                    assert_eq!(slot + 1, binned.units[0].slots);
                    continue;
                }
                assert!(slot == 0 || thresholds[slot - 1] < *value);
                assert!(slot == thresholds.len() || *value <= thresholds[slot]);
            }
        }
    }

    #[test]
    fn a_category_column_is_one_unit() {
        let nan = f32::NAN;
        let matrix =
            [5.0, 1.0, 0.0, 6.0, 0.0, 1.0, 7.0, 0.0, 0.0, nan, nan, nan].map(|value: f32| value);
        let binned = bin(&matrix, 3, std::slice::from_ref(&(1..3)));
        assert_eq!(binned.units.len(), 2);
        assert_eq!(binned.units[1].codes, [0, 1, 2, 3]);
        assert_eq!((binned.units[0].slots, binned.units[1].slots), (4, 4));
        let bins = |feature: usize| [0, 1, 2].map(|slot| binned.features[feature].bin(slot));
        assert_eq!((bins(1), bins(2)), ([1, 0, 0], [0, 1, 0]));
    }

    #[test]
    fn neighbours_are_told_apart() {
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        assert_eq!(between(1.0, next), 1.0);
        assert_eq!(between(f32::MIN, f32::MAX), 0.0);
        assert_eq!(between(-0.0, 1.0), 0.5);
    }
}
