//! Rows that may be of several classes at a time, beside what a model said of them.
//!
//! A class is predicted where its probability is 0.5 or more. Accuracy is then the share of rows
//! whose classes are exactly right; micro-F1 counts all rows' classes together.

use crate::bootstrap::{Comparison, Scored, Scores, compare, intervals};
use crate::calibration::{BINS, fitted};
use crate::evaluation::{ClassFigures, Evaluation, PROBABILITY_MIN, ratio};
use crate::judged::{Error, check_shape};

/// From which probability on a class is predicted.
pub const THRESHOLD: f32 = 0.5;

/// Rows with their true classes and the probability that a model gave each class.
#[derive(Debug, Clone)]
pub struct JudgedSets {
    labels: Vec<String>,
    /// For each row its classes that are true or predicted, and which of the two holds.
    rows: Vec<Vec<Case>>,
    /// [rows, classes].
    probabilities: Vec<f32>,
}

/// A class of a row that is true, predicted, or both.
#[derive(Debug, Clone, Copy)]
struct Case {
    class: usize,
    is_true: bool,
    is_predicted: bool,
}

/// What is counted of a class.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    rows: u64,
    predictions: u64,
    right: u64,
}

impl Counts {
    fn f1(self) -> f64 {
        ratio(2 * self.right, self.rows + self.predictions)
    }
}

impl JudgedSets {
    /// `probabilities` is [rows, classes], row-major, each from 0 to 1 on its own; `truth` names
    /// for each row the classes that are true, which may be none.
    pub fn new(
        labels: Vec<String>,
        truth: &[Vec<usize>],
        probabilities: Vec<f32>,
    ) -> Result<Self, Error> {
        let width = labels.len();
        check_shape(truth, width, &probabilities)?;
        let mut rows = Vec::with_capacity(truth.len());
        for (classes, row) in truth.iter().zip(probabilities.chunks_exact(width)) {
            let cases = row.iter().enumerate().map(|(class, &p)| Case {
                class,
                is_true: classes.contains(&class),
                is_predicted: p >= THRESHOLD,
            });
            rows.push(cases.filter(|case| case.is_true || case.is_predicted).collect());
        }
        Ok(Self { labels, rows, probabilities })
    }

    fn counts(&self, rows: impl Iterator<Item = usize>) -> (Vec<Counts>, u64) {
        let mut counts = vec![Counts::default(); self.labels.len()];
        let mut exact = 0;
        for row in rows {
            for case in &self.rows[row] {
                let count = &mut counts[case.class];
                count.rows += u64::from(case.is_true);
                count.predictions += u64::from(case.is_predicted);
                count.right += u64::from(case.is_true && case.is_predicted);
            }
            exact += u64::from(self.rows[row].iter().all(|c| c.is_true && c.is_predicted));
        }
        (counts, exact)
    }

    /// Whether each class of each row is true: [rows, classes].
    fn targets(&self) -> Vec<bool> {
        let width = self.labels.len();
        let mut targets = vec![false; self.probabilities.len()];
        for (row, cases) in self.rows.iter().enumerate() {
            for case in cases {
                targets[row * width + case.class] = case.is_true;
            }
        }
        targets
    }

    /// Sums up what a model said. `seed` decides the bootstrap's draws. There is no confusion
    /// matrix; the log-loss is the mean binary cross-entropy over all classes of all rows, and the
    /// calibration error is that of all their probabilities.
    pub fn evaluate(&self, seed: u64) -> Evaluation {
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let (counts, exact) = self.counts(all.iter().copied());
        let (accuracy_interval, macro_f1_interval) = intervals(self, seed);
        let sum = |part: fn(&Counts) -> u64| counts.iter().map(part).sum::<u64>();
        let cases = sum(|count| count.rows) + sum(|count| count.predictions);
        let (log_loss, calibration_error) = self.calibration();
        Evaluation {
            rows: all.len() as u64,
            accuracy: ratio(exact, all.len() as u64),
            accuracy_interval,
            macro_f1: macro_f1(&counts),
            macro_f1_interval,
            micro_f1: Some(ratio(2 * sum(|count| count.right), cases)),
            auc: None,
            log_loss,
            calibration_error,
            classes: self.labels.iter().zip(&counts).map(|(label, c)| figures(label, c)).collect(),
            confusion: Vec::new(),
        }
    }

    fn calibration(&self) -> (f64, f64) {
        let mut loss = 0.0;
        let mut bins = [(0.0, 0.0); BINS];
        for (&p, is_true) in self.probabilities.iter().zip(self.targets()) {
            let p = f64::from(p);
            let of_truth = if is_true { p } else { 1.0 - p };
            loss -= of_truth.clamp(PROBABILITY_MIN, 1.0).ln();
            let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
            bin.0 += p;
            bin.1 += f64::from(u8::from(is_true));
        }
        let off: f64 = bins.iter().map(|(given, found)| (given - found).abs()).sum();
        let count = self.probabilities.len() as f64;
        (loss / count, off / count)
    }

    /// This model beside the champion on the same rows, in the same order; `None` where the rows
    /// are not as many.
    pub fn compare(&self, champion: &Self, seed: u64) -> Option<Comparison> {
        compare(self, champion, seed)
    }
}

impl Scored for JudgedSets {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn scores(&self, rows: &[usize]) -> Scores {
        let (counts, exact) = self.counts(rows.iter().copied());
        Scores { accuracy: ratio(exact, rows.len() as u64), macro_f1: macro_f1(&counts) }
    }
}

/// The temperature T that makes σ(logits / T) give what is true the largest likelihood. `logits` is
/// [rows, classes], row-major; `truth` names for each row the classes that are true.
pub fn fit_sigmoid_temperature(logits: &[f32], classes: usize, truth: &[Vec<usize>]) -> f64 {
    if truth.is_empty() || classes == 0 || logits.len() != truth.len() * classes {
        return 1.0;
    }
    fitted(|temperature| {
        let rows = logits.chunks_exact(classes).zip(truth);
        rows.map(|(row, truth)| {
            let scaled = |z: f32| f64::from(z) / temperature;
            let whole = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
            row.iter().map(|&z| whole(scaled(z))).sum::<f64>()
                - truth.iter().map(|&class| scaled(row[class])).sum::<f64>()
        })
        .sum()
    })
}

/// Mean of F1 over the classes that are true or predicted somewhere.
fn macro_f1(counts: &[Counts]) -> f64 {
    let occurring = counts.iter().filter(|count| count.rows + count.predictions > 0);
    let (sum, classes) = occurring.fold((0.0, 0), |(sum, n), count| (sum + count.f1(), n + 1));
    sum / f64::from(classes.max(1))
}

fn figures(label: &str, count: &Counts) -> ClassFigures {
    ClassFigures::of(label, count.rows, count.predictions, count.right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gate, Interval, Promote};

    fn labels() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    /// By hand, and as scikit-learn's `f1_score(average="micro" | "macro")` and `accuracy_score`
    /// have it for these indicator matrices:
    /// truth 110 011 000 100, predicted 110 010 000 001.
    #[test]
    fn figures_are_those_of_indicator_matrices() {
        let truth = [vec![0, 1], vec![1, 2], vec![], vec![0]];
        let p = [[0.9, 0.5, 0.1], [0.2, 0.8, 0.4], [0.1, 0.1, 0.1], [0.3, 0.2, 0.6]].concat();
        let found = JudgedSets::new(labels(), &truth, p).unwrap().evaluate(1);
        assert_eq!(found.accuracy, 0.5);
        // Right 3; true 5, predicted 4.
        assert!((found.micro_f1.unwrap() - 6.0 / 9.0).abs() < 1e-12);
        let f1: Vec<f64> = found.classes.iter().map(|class| class.f1).collect();
        assert_eq!(f1, [2.0 / 3.0, 1.0, 0.0]);
        assert!((found.macro_f1 - 5.0 / 9.0).abs() < 1e-12);
        let losses: [f64; 12] = [0.9, 0.5, 0.9, 0.8, 0.8, 0.4, 0.9, 0.9, 0.9, 0.3, 0.8, 0.4];
        let loss = losses.iter().map(|p: &f64| -p.ln()).sum::<f64>() / 12.0;
        assert!((found.log_loss - loss).abs() < 1e-6, "{} {loss}", found.log_loss);
    }

    #[test]
    fn logits_of_twice_the_truth_are_halved() {
        // Three of four are right: the honest logit is ln 3.
        let logits: Vec<f32> = (0..400).map(|_| 2.0 * 3.0_f32.ln()).collect();
        let truth: Vec<_> =
            (0..400).map(|row| if row % 4 == 0 { vec![] } else { vec![0] }).collect();
        let found = fit_sigmoid_temperature(&logits, 1, &truth);
        assert!((found - 2.0).abs() < 1e-3, "{found}");
    }

    /// Class a in half of the rows, b in a third.
    fn judged(says: impl Fn(usize, bool) -> bool) -> JudgedSets {
        let truth: Vec<Vec<usize>> = (0..300)
            .map(|row| [row % 2 == 0, row % 3 == 0])
            .map(|own| (0..2).filter(|&class| own[class]).collect())
            .collect();
        let p = (0..300)
            .flat_map(|row| [row % 2 == 0, row % 3 == 0].map(|own| (row, own)))
            .map(|(row, own)| if says(row, own) { 0.9 } else { 0.1 })
            .collect();
        JudgedSets::new(labels()[..2].to_vec(), &truth, p).unwrap()
    }

    fn promoted(new: &JudgedSets, champion: Option<&JudgedSets>) -> bool {
        let evaluation = new.evaluate(1);
        let pair = champion.map(|old| (old.evaluate(1), new.compare(old, 1).unwrap()));
        let champion = pair.as_ref().map(|(evaluation, comparison)| (evaluation, comparison));
        let promote = Promote::IfBetter;
        Gate { promote, new: &evaluation, champion, changed_labels: &[] }.decide().promote
    }

    #[test]
    fn the_gate_asks_for_more_than_every_label_everywhere_and_for_no_loss() {
        let right = judged(|_, own| own);
        assert_eq!(right.evaluate(1).accuracy_interval, Interval { low: 1.0, high: 1.0 });
        let [all, none] = [true, false].map(|says| judged(move |_, _| says));
        assert!(promoted(&right, None));
        assert!(!promoted(&all, None) && !promoted(&none, None));
        let worse = judged(|row, own| own == (row % 5 != 0));
        assert!(promoted(&worse, None));
        assert!(!promoted(&worse, Some(&right)) && promoted(&right, Some(&worse)));
        assert!(promoted(&right, Some(&right)));
    }
}
