//! Intervals by resampling (Efron's percentile bootstrap), and two models on the same rows.

use crate::counts::{Counts, macro_f1};
use crate::evaluation::ratio;
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
        compare(new, champion, seed)
    }
}

/// The figures that intervals are given for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scores {
    pub accuracy: f64,
    pub macro_f1: f64,
}

/// Rows with what a model said of them.
pub(crate) trait Scored {
    /// Number of rows.
    fn count(&self) -> usize;
    /// The figures on some of the rows, which may come more than once.
    fn scores(&self, rows: &[usize]) -> Scores;
}

impl Scored for Judged {
    fn count(&self) -> usize {
        self.rows()
    }

    fn scores(&self, rows: &[usize]) -> Scores {
        let (counts, right) = counts(self, rows.iter().copied());
        Scores { accuracy: ratio(right, rows.len() as u64), macro_f1: macro_f1(&counts) }
    }
}

/// The counts of each class, and the number of correct rows.
pub(crate) fn counts(judged: &Judged, rows: impl Iterator<Item = usize>) -> (Vec<Counts>, u64) {
    let mut counts = vec![Counts::default(); judged.labels().len()];
    let mut right = 0;
    for row in rows {
        let (truth, predicted) = (judged.truth()[row], judged.predicted()[row]);
        counts[truth].rows += 1;
        counts[predicted].predictions += 1;
        if truth == predicted {
            counts[truth].right += 1;
            right += 1;
        }
    }
    (counts, right)
}

/// The comparison for [`Comparison::of`].
pub(crate) fn compare<T: Scored>(new: &T, champion: &T, seed: u64) -> Option<Comparison> {
    if new.count() != champion.count() {
        return None;
    }
    let less = |rows: &[usize]| new.scores(rows).less(champion.scores(rows));
    let difference = less(&(0..new.count()).collect::<Vec<_>>());
    let (accuracy_interval, macro_f1_interval) = resampled(new.count(), seed, less);
    Some(Comparison {
        rows: new.count() as u64,
        accuracy: difference.accuracy,
        accuracy_interval,
        macro_f1: difference.macro_f1,
        macro_f1_interval,
    })
}

impl Scores {
    fn less(self, other: Self) -> Self {
        Self { accuracy: self.accuracy - other.accuracy, macro_f1: self.macro_f1 - other.macro_f1 }
    }
}

/// The 95 % intervals of accuracy and macro-F1. `pause` is called before each draw.
pub(crate) fn intervals(judged: &impl Scored, seed: u64, pause: &dyn Fn()) -> (Interval, Interval) {
    resampled(judged.count(), seed, |rows| {
        pause();
        judged.scores(rows)
    })
}

fn resampled(
    count: usize,
    seed: u64,
    scores_of: impl Fn(&[usize]) -> Scores,
) -> (Interval, Interval) {
    let mut scores = Vec::with_capacity(RESAMPLES);
    for_each_resample(count, seed, |rows| scores.push(scores_of(rows)));
    (
        interval(scores.iter().map(|scores| scores.accuracy)),
        interval(scores.iter().map(|scores| scores.macro_f1)),
    )
}

/// Draws rows with replacement.
fn for_each_resample(count: usize, seed: u64, mut each: impl FnMut(&[usize])) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rows = vec![0; count.min(ROWS_MAX)];
    for _ in 0..RESAMPLES {
        rows.fill_with(|| random.usize(..count));
        each(&rows);
    }
}

fn interval(values: impl Iterator<Item = f64>) -> Interval {
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
        let (accuracy, _) = intervals(&judged(400, 320), 7, &|| ());
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
