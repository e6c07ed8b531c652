//! Rows, predictions and hits of each class, from which accuracy and F1 follow.

use crate::evaluation::{ClassFigures, ratio};

/// Counts of a class.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Rows that are of the class.
    pub rows: u64,
    /// Predictions of the class.
    pub predictions: u64,
    /// Predictions of the class that are right.
    pub right: u64,
}

impl Counts {
    /// F1 = 2·TP / (rows + predictions); 0 without cases.
    fn f1(self) -> f64 {
        ratio(2 * self.right, self.rows + self.predictions)
    }

    /// The figures of the class.
    pub fn figures(self, label: &str) -> ClassFigures {
        ClassFigures::of(label, self.rows, self.predictions, self.right)
    }
}

/// Mean of F1 over the classes that are true or predicted somewhere; 0 where none is.
pub(crate) fn macro_f1(counts: &[Counts]) -> f64 {
    let occurring = counts.iter().filter(|count| count.rows + count.predictions > 0);
    let (sum, classes) = occurring.fold((0.0, 0_u32), |(sum, n), count| (sum + count.f1(), n + 1));
    sum / f64::from(classes.max(1))
}
