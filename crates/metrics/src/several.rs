//! Rows that may be of several classes at a time, beside what a model said of them.
//!
//! A class is predicted where its probability is 0.5 or more. Accuracy is then the share of rows
//! whose classes are exactly right; micro-F1 counts all rows' classes together.

use crate::bootstrap::{Comparison, Scored, Scores, compare, intervals};
use crate::calibration::{BINS, fitted};
use crate::confusion::Confusion;
use crate::counts::{Counts, macro_f1};
use crate::evaluation::{Evaluation, PROBABILITY_MIN, ratio};
use crate::judged::{Error, check_row, check_shape};

/// From which probability on a class is predicted.
pub const THRESHOLD: f32 = 0.5;

/// Rows with their true classes and the probability that a model gave each class.
#[derive(Debug, Clone)]
pub struct JudgedSets {
    /// Class names, those first that the model knows. Another has probability 0 everywhere.
    labels: Vec<String>,
    /// Number of classes that the model knows.
    known: usize,
    /// For each row its classes that are true or predicted, and which of the two holds.
    rows: Vec<Vec<Case>>,
    /// Binary cross-entropy, summed over all classes of all rows.
    loss: f64,
    /// Probabilities in each bin, summed, and how many of them are of what is true.
    bins: [(f64, f64); BINS],
}

/// A class of a row that is true, predicted, or both.
#[derive(Debug, Clone, Copy)]
struct Case {
    class: usize,
    is_true: bool,
    is_predicted: bool,
}

impl JudgedSets {
    /// No rows yet, of a model that knows these classes.
    pub fn of_classes(labels: Vec<String>) -> Self {
        Self { known: labels.len(), labels, rows: Vec::new(), loss: 0.0, bins: [(0.0, 0.0); BINS] }
    }

    /// `probabilities` is [rows, classes], row-major, each from 0 to 1 on its own; `truth` names
    /// for each row the classes that are true, which may be none.
    pub fn new(
        labels: Vec<String>,
        truth: &[Vec<usize>],
        probabilities: &[f32],
    ) -> Result<Self, Error> {
        let width = labels.len();
        check_shape(truth, width, probabilities)?;
        let mut judged = Self::of_classes(labels);
        for (classes, row) in truth.iter().zip(probabilities.chunks_exact(width)) {
            judged.push(classes, row)?;
        }
        Ok(judged)
    }

    /// Adds a class that the model does not know, whose probability is 0; gives its number.
    pub fn add_unknown(&mut self, label: String) -> usize {
        self.labels.push(label);
        self.labels.len() - 1
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row: the classes that are true, and the probability of each class that the model
    /// knows.
    pub fn push(&mut self, classes: &[usize], row: &[f32]) -> Result<(), Error> {
        check_row(classes, self.known, self.labels.len(), row)?;
        let mut cases = Vec::new();
        for (class, &probability) in row.iter().enumerate() {
            let is_true = classes.contains(&class);
            let is_predicted = probability >= THRESHOLD;
            self.calibrate(f64::from(probability), is_true);
            if is_true || is_predicted {
                cases.push(Case { class, is_true, is_predicted });
            }
        }
        let known = self.known;
        for &class in classes.iter().filter(|class| **class >= known) {
            self.calibrate(0.0, true);
            cases.push(Case { class, is_true: true, is_predicted: false });
        }
        self.rows.push(cases);
        Ok(())
    }

    /// A class that is not true and has probability 0 changes nothing.
    fn calibrate(&mut self, probability: f64, is_true: bool) {
        let of_truth = if is_true { probability } else { 1.0 - probability };
        self.loss -= of_truth.clamp(PROBABILITY_MIN, 1.0).ln();
        let bin = &mut self.bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += probability;
        bin.1 += f64::from(u8::from(is_true));
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

    /// Sums up what a model said. `seed` decides the bootstrap's draws. There is no confusion
    /// matrix; the log-loss is the mean binary cross-entropy over all classes of all rows, and the
    /// calibration error is that of all their probabilities.
    pub fn evaluate(&self, seed: u64) -> Evaluation {
        self.evaluate_with_pauses(seed, &|| ())
    }

    /// The same. `pause` is called a thousand times on the way, where a caller may give up by
    /// unwinding.
    pub fn evaluate_with_pauses(&self, seed: u64, pause: &dyn Fn()) -> Evaluation {
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let (counts, exact) = self.counts(all.iter().copied());
        let (accuracy_interval, macro_f1_interval) = intervals(self, seed, pause);
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
            classes: self.labels.iter().zip(&counts).map(|(label, c)| c.figures(label)).collect(),
            confusion: Confusion::default(),
        }
    }

    /// Mean cross-entropy and calibration error over all classes of all rows.
    fn calibration(&self) -> (f64, f64) {
        let off: f64 = self.bins.iter().map(|(given, found)| (given - found).abs()).sum();
        let count = (self.rows.len() * self.labels.len()) as f64;
        (self.loss / count, off / count)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gate, Interval, Minimums, Promote};

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
        let found = JudgedSets::new(labels(), &truth, &p).unwrap().evaluate(1);
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

    /// As if the unknown class had a column of zeros.
    #[test]
    fn a_class_that_the_model_does_not_know_is_never_predicted() {
        let truth = [vec![0], vec![1, 3], vec![3]];
        let known = [[0.9, 0.1, 0.2], [0.2, 0.8, 0.4], [0.1, 0.1, 0.7]];
        let mut judged = JudgedSets::of_classes(labels());
        assert_eq!(judged.add_unknown("d".to_owned()), 3);
        for (classes, row) in truth.iter().zip(&known) {
            judged.push(classes, row).unwrap();
        }
        let wide: Vec<f32> = known.iter().flat_map(|row| [row[0], row[1], row[2], 0.0]).collect();
        let labels = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let expected = JudgedSets::new(labels, &truth, &wide).unwrap().evaluate(1);
        let found = judged.evaluate(1);
        assert!((found.log_loss - expected.log_loss).abs() < 1e-12);
        assert!((found.calibration_error - expected.calibration_error).abs() < 1e-12);
        assert_eq!((found.macro_f1, found.classes), (expected.macro_f1, expected.classes));
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
        let p: Vec<f32> = (0..300)
            .flat_map(|row| [row % 2 == 0, row % 3 == 0].map(|own| (row, own)))
            .map(|(row, own)| if says(row, own) { 0.9 } else { 0.1 })
            .collect();
        JudgedSets::new(labels()[..2].to_vec(), &truth, &p).unwrap()
    }

    fn promoted(new: &JudgedSets, champion: Option<&JudgedSets>) -> bool {
        let evaluation = new.evaluate(1);
        let pair = champion.map(|old| (old.evaluate(1), new.compare(old, 1).unwrap()));
        let champion = pair.as_ref().map(|(evaluation, comparison)| (evaluation, comparison));
        let promote = Promote::IfBetter;
        let minimums = &Minimums::default();
        Gate { promote, minimums, new: &evaluation, champion, changed_labels: &[] }.decide().promote
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
