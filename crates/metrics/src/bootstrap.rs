//! Intervals by resampling (Efron's percentile bootstrap), and two models on the same rows.

use crate::evaluation::{accuracy, macro_f1};
use crate::judged::Judged;
use serde::{Deserialize, Serialize};

/// Resamples; the 2.5 % and 97.5 % points then rest on 25 draws each.
const RESAMPLES: usize = 1000;
/// Rows counted per resample at most, so that a million rows take seconds: above it the intervals
/// are those of a sample of this size, hence wider, never narrower, than the truth.
const ROWS_MAX: usize = 20_000;

/// Lower and upper end of a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The 2.5 % point.
    pub low: f64,
    /// The 97.5 % point.
    pub high: f64,
}

/// A new model beside the champion on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Rows that both judged.
    pub rows: u64,
    /// The new model's accuracy less the champion's.
    pub accuracy: f64,
    /// 95 % paired bootstrap interval of that.
    pub accuracy_interval: Interval,
    /// The new model's macro-F1 less the champion's.
    pub macro_f1: f64,
    /// 95 % paired bootstrap interval of that.
    pub macro_f1_interval: Interval,
}

impl Comparison {
    /// Compares what two models said of the same rows, in the same order; `None` where the rows are
    /// not as many.
    pub fn of(new: &Judged, champion: &Judged, seed: u64) -> Option<Self> {
        if new.rows() != champion.rows() {
            return None;
        }
        let all: Vec<usize> = (0..new.rows()).collect();
        let [new_all, champion_all] = [new, champion].map(|judged| Scores::of(judged, &all));
        let mut differences = Vec::with_capacity(RESAMPLES);
        for_each_resample(new.rows(), seed, |rows| {
            let [new, champion] = [new, champion].map(|judged| Scores::of(judged, rows));
            differences.push(new.less(champion));
        });
        let difference = new_all.less(champion_all);
        Some(Self {
            rows: new.rows() as u64,
            accuracy: difference.accuracy,
            accuracy_interval: interval(differences.iter().map(|scores| scores.accuracy)),
            macro_f1: difference.macro_f1,
            macro_f1_interval: interval(differences.iter().map(|scores| scores.macro_f1)),
        })
    }
}

#[derive(Clone, Copy)]
struct Scores {
    accuracy: f64,
    macro_f1: f64,
}

impl Scores {
    fn of(judged: &Judged, rows: &[usize]) -> Self {
        let width = judged.labels().len();
        let mut confusion = vec![vec![0; width]; width];
        for &row in rows {
            confusion[judged.truth()[row]][judged.predicted()[row]] += 1;
        }
        Self { accuracy: accuracy(&confusion), macro_f1: macro_f1(&confusion) }
    }

    fn less(self, other: Self) -> Self {
        Self { accuracy: self.accuracy - other.accuracy, macro_f1: self.macro_f1 - other.macro_f1 }
    }
}

/// The 95 % intervals of accuracy and macro-F1.
pub(crate) fn intervals(judged: &Judged, seed: u64) -> (Interval, Interval) {
    let mut scores = Vec::with_capacity(RESAMPLES);
    for_each_resample(judged.rows(), seed, |rows| scores.push(Scores::of(judged, rows)));
    (
        interval(scores.iter().map(|scores| scores.accuracy)),
        interval(scores.iter().map(|scores| scores.macro_f1)),
    )
}

/// Draws rows with replacement.
pub(crate) fn for_each_resample(count: usize, seed: u64, mut each: impl FnMut(&[usize])) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rows = vec![0; count.min(ROWS_MAX)];
    for _ in 0..RESAMPLES {
        rows.fill_with(|| random.usize(..count));
        each(&rows);
    }
}

pub(crate) fn interval(values: impl Iterator<Item = f64>) -> Interval {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Interval { low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` rows of two classes, of which the first `right` are predicted rightly.
    fn judged(rows: usize, right: usize) -> Judged {
        let truth: Vec<_> = (0..rows).map(|row| vec![row % 2]).collect();
        let probabilities: Vec<f32> = (0..rows)
            .flat_map(|row| if (row % 2 == 0) == (row < right) { [0.9, 0.1] } else { [0.1, 0.9] })
            .collect();
        Judged::new(vec!["a".into(), "b".into()], &truth, &probabilities).unwrap()
    }

    /// The normal approximation of a share: 0.8 ± 1.96 · sqrt(0.8 · 0.2 / 400).
    #[test]
    fn the_interval_is_about_the_binomial_one() {
        let (accuracy, _) = intervals(&judged(400, 320), 7);
        assert!((accuracy.low - 0.761).abs() < 0.012, "{accuracy:?}");
        assert!((accuracy.high - 0.839).abs() < 0.012, "{accuracy:?}");
    }

    #[test]
    fn a_clear_gain_is_seen_and_none_where_there_is_none() {
        let better = Comparison::of(&judged(400, 360), &judged(400, 300), 7).unwrap();
        assert!((better.accuracy - 0.15).abs() < 1e-12);
        assert!(better.accuracy_interval.low > 0.1);
        let same = Comparison::of(&judged(400, 300), &judged(400, 300), 7).unwrap();
        assert_eq!((same.accuracy_interval.low, same.accuracy_interval.high), (0.0, 0.0));
        assert!(Comparison::of(&judged(400, 300), &judged(399, 300), 7).is_none());
    }
}
