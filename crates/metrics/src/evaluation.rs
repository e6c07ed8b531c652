//! The figures of one model on one set of rows.

use crate::auc::auc;
use crate::bootstrap::{self, Interval};
use crate::calibration::calibration_error;
use crate::confusion::Confusion;
use crate::counts::macro_f1;
use crate::judged::Judged;
use serde::{Deserialize, Serialize};

/// A probability is taken to be at least this, so that one certain mistake does not make the
/// log-loss infinite; the machine epsilon of 32-bit floating point, as in scikit-learn for float32.
pub(crate) const PROBABILITY_MIN: f64 = f32::EPSILON as f64;

/// Figures of a model on labelled rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Rows judged.
    pub rows: u64,
    /// Share of rows whose prediction is right.
    pub accuracy: f64,
    /// 95 % bootstrap interval of the accuracy.
    pub accuracy_interval: Interval,
    /// Mean of F1 over the classes that are true or predicted somewhere.
    pub macro_f1: f64,
    /// 95 % bootstrap interval of macro-F1.
    pub macro_f1_interval: Interval,
    /// F1 of all classes' cases together, where a row may be of several; else it is the accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_f1: Option<f64>,
    /// Mean negative logarithm of the probability of what is true.
    pub log_loss: f64,
    /// Expected calibration error over 15 equal bins.
    pub calibration_error: f64,
    /// Area under the ROC curve; `None` unless there are two classes and both have rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Each class, in the model's order.
    pub classes: Vec<ClassFigures>,
    /// Rows by true and predicted class; empty where a row may be of several.
    pub confusion: Confusion,
}

/// The figures of one class; a ratio without cases is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// The class's name.
    pub label: String,
    /// Rows that are of this class.
    pub rows: u64,
    /// Share of the predictions of this class that are right.
    pub precision: f64,
    /// Share of this class's rows that are found.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl ClassFigures {
    /// Of a class with `rows` rows, `predictions` predictions, and `right` of these right.
    pub(crate) fn of(label: &str, rows: u64, predictions: u64, right: u64) -> Self {
        Self {
            label: label.to_owned(),
            rows,
            precision: ratio(right, predictions),
            recall: ratio(right, rows),
            f1: ratio(2 * right, rows + predictions),
        }
    }
}

impl Evaluation {
    /// Sums up what a model said. `seed` decides the bootstrap's draws.
    pub fn of(judged: &Judged, seed: u64) -> Self {
        Self::of_with_pauses(judged, seed, &|| ())
    }

    /// The same. `pause` is called a thousand times on the way, where a caller may give up by
    /// unwinding.
    pub fn of_with_pauses(judged: &Judged, seed: u64, pause: &dyn Fn()) -> Self {
        let (counts, right) = bootstrap::counts(judged, 0..judged.rows());
        let labels = judged.labels().iter().zip(&counts);
        let classes = labels.map(|(label, count)| count.figures(label)).collect();
        let (accuracy_interval, macro_f1_interval) = bootstrap::intervals(judged, seed, pause);
        let rows = judged.rows() as f64;
        let losses = judged.likelihood().iter().map(|p| -p.clamp(PROBABILITY_MIN, 1.0).ln());
        Self {
            rows: judged.rows() as u64,
            accuracy: ratio(right, judged.rows() as u64),
            accuracy_interval,
            macro_f1: macro_f1(&counts),
            macro_f1_interval,
            micro_f1: None,
            log_loss: losses.sum::<f64>() / rows,
            calibration_error: calibration_error(judged),
            auc: auc(judged),
            classes,
            confusion: Confusion::of(judged),
        }
    }

    /// Classes that are predicted at least once.
    pub fn predicted_classes(&self) -> usize {
        self.confusion.predicted_classes()
    }

    /// Macro-F1 of giving every row every class that occurs: what a model without any knowledge
    /// gets, where a row may be of several.
    pub fn every_class_f1(&self) -> f64 {
        let shares = self.occurring().map(|class| class.rows as f64 / self.rows as f64);
        shares.map(|share| 2.0 * share / (1.0 + share)).sum::<f64>()
            / self.occurring().count().max(1) as f64
    }

    /// Share of the most frequent class: what a model without any knowledge gets right.
    pub fn majority_share(&self) -> f64 {
        let most = self.classes.iter().map(|class| class.rows).max().unwrap_or(0);
        ratio(most, self.rows)
    }
}

impl Evaluation {
    /// Mean recall of the classes that occur, and how many those are. Whoever guesses without
    /// looking, in whatever shares, comes to 1 / classes.
    pub fn mean_recall(&self) -> (f64, usize) {
        let recalls = self.occurring().map(|class| class.recall);
        let classes = self.occurring().count();
        (recalls.sum::<f64>() / classes.max(1) as f64, classes)
    }

    /// Standard error of the mean recall: each class's recall is a share of its rows.
    pub fn mean_recall_error(&self) -> f64 {
        let variances =
            self.occurring().map(|class| class.recall * (1.0 - class.recall) / class.rows as f64);
        variances.sum::<f64>().sqrt() / self.occurring().count().max(1) as f64
    }

    fn occurring(&self) -> impl Iterator<Item = &ClassFigures> {
        self.classes.iter().filter(|class| class.rows > 0)
    }
}

/// A share; 0 of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    /// Figures by hand: truth a a b b c, predictions a b b b a.
    fn example() -> Judged {
        let row = |class: usize| {
            let mut row = [0.1_f32; 3];
            row[class] = 0.8;
            row
        };
        let predictions: Vec<f32> = [0, 1, 1, 1, 0].into_iter().flat_map(row).collect();
        let truth = [0, 0, 1, 1, 2].map(|class| vec![class]);
        Judged::new(labels(), &truth, &predictions).unwrap()
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let found = Evaluation::of(&example(), 1);
        let cells: Vec<_> = found.confusion.cells().collect();
        assert_eq!(cells, [(0, 0, 1), (0, 1, 1), (1, 1, 2), (2, 0, 1)]);
        assert!((found.accuracy - 0.6).abs() < 1e-12);
        // F1: a 2·1/(2+2), b 2·2/(2+3), c 0
        assert!((found.macro_f1 - (0.5 + 0.8 + 0.0) / 3.0).abs() < 1e-12);
        assert!((found.log_loss - -(3.0 * 0.8_f64.ln() + 2.0 * 0.1_f64.ln()) / 5.0).abs() < 1e-6);
        assert!((found.calibration_error - 0.2).abs() < 1e-6);
        assert!((found.classes[1].precision - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(found.predicted_classes(), 2);
        assert!((found.majority_share() - 0.4).abs() < 1e-12);
        // Recalls: a 1/2, b 2/2, c 0/1
        assert_eq!(found.mean_recall(), (0.5, 3));
        assert!((found.mean_recall_error() - (0.25_f64 / 2.0).sqrt() / 3.0).abs() < 1e-12);
    }

    /// A label that stands for b and c is right when either is predicted.
    #[test]
    fn a_set_of_classes_counts_its_summed_probability() {
        let judged = Judged::new(labels(), &[vec![1, 2]], &[0.4, 0.25, 0.35]).unwrap();
        let found = Evaluation::of(&judged, 1);
        assert_eq!(found.accuracy, 0.0);
        assert!((found.log_loss - -(0.6_f64.ln())).abs() < 1e-6);
        assert_eq!(found.classes[2].rows, 1);
    }

    /// Nothing grows with the square of the classes: 40,000 of them took 15 GB and minutes.
    #[test]
    fn classes_that_the_model_does_not_know_cost_a_row_each() {
        let mut judged = Judged::of_classes(labels());
        for row in 0..40_000 {
            let class = judged.add_unknown(format!("unknown {row}"));
            judged.push(&[class], &[0.8, 0.1, 0.1]).unwrap();
        }
        let pauses = std::cell::Cell::new(0);
        let found = Evaluation::of_with_pauses(&judged, 1, &|| pauses.set(pauses.get() + 1));
        assert_eq!((found.accuracy, found.classes.len()), (0.0, 40_003));
        assert_eq!(found.confusion.cells().count(), 40_000);
        assert_eq!(pauses.get(), 1000);
        assert!(judged.push(&[50_000], &[1.0, 0.0, 0.0]).is_err());
        assert!(judged.push(&[0], &[1.0]).is_err());
    }

    #[test]
    fn a_certain_mistake_is_dear_but_finite() {
        let judged = Judged::new(labels(), &[vec![2]], &[1.0, 0.0, 0.0]).unwrap();
        assert!(Evaluation::of(&judged, 1).log_loss.is_finite());
    }
}
