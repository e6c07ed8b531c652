//! Options of the loss: label smoothing and class weights.

use crate::Error;
use crate::dataset::Example;
use crm_ai_wire::training::{ClassWeights, FailureKind};

/// The loss of a batch is that of PyTorch's `CrossEntropyLoss(weight, label_smoothing)`, with the
/// rows' own weights r beside: for a row of class y, of C classes that weigh w,
/// (1 − ε) · r · w_y · (−ln p_y) + ε/C · r · Σ w_c · (−ln p_c), summed and divided by Σ r · w_y.
/// A label that stands for several classes weighs their mean, and p_y is their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// ε: the share of the target that is spread over all classes.
    pub smoothing: f32,
    /// Weight of each class.
    pub class_weights: Vec<f32>,
    /// True if a text may have several classes at a time. The loss is then that of PyTorch's
    /// `BCEWithLogitsLoss`, with the rows' weights beside, and without smoothing and class weights.
    pub multi_label: bool,
}

impl Loss {
    /// All classes weigh 1.
    pub fn equal(classes: usize, smoothing: f32) -> Self {
        Self { smoothing, class_weights: vec![1.0; classes], multi_label: false }
    }

    /// Weight of a label that stands for `classes`.
    pub fn weight_of(&self, classes: &[usize]) -> f32 {
        if self.multi_label {
            return 1.0;
        }
        let sum: f32 = classes.iter().map(|&class| self.class_weights[class]).sum();
        sum / classes.len().max(1) as f32
    }

    /// Sets what the classes weigh. `rows` are those that are learnt from.
    pub(crate) fn weigh(
        &mut self,
        weights: &ClassWeights,
        names: &[String],
        rows: &[Example],
    ) -> Result<(), Error> {
        match weights {
            ClassWeights::Equal => {}
            ClassWeights::Balanced => self.balance(rows),
            ClassWeights::Given(given) => {
                for (name, weight) in given {
                    let class = names.iter().position(|own| own == name).ok_or_else(|| {
                        Error::new(FailureKind::Argument, "class_weights names an unknown class")
                            .hint("a name is a label, or a class that label_sets names")
                    })?;
                    self.class_weights[class] = *weight as f32;
                }
            }
        }
        Ok(())
    }

    /// n / (k · n_c), as scikit-learn's `compute_class_weight("balanced")`: n is the rows' weight,
    /// k the classes that have rows, n_c the weight of a class's rows. A row counts in equal parts
    /// for the classes that its label stands for; a class without rows weighs 1.
    fn balance(&mut self, rows: &[Example]) {
        let mut sums = vec![0.0_f64; self.class_weights.len()];
        for row in rows {
            let share = f64::from(row.weight) / row.classes.len() as f64;
            row.classes.iter().for_each(|&class| sums[class] += share);
        }
        let present = sums.iter().filter(|sum| **sum > 0.0).count() as f64;
        let total: f64 = sums.iter().sum();
        for (weight, sum) in self.class_weights.iter_mut().zip(sums) {
            *weight = if sum > 0.0 { (total / (present * sum)) as f32 } else { 1.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(classes: &[usize], weight: f32) -> Example {
        Example { tokens: [].into(), classes: classes.to_vec(), weight }
    }

    /// Six rows of a, two of b, none of c: 8 / (2 · 6) and 8 / (2 · 2).
    #[test]
    fn balanced_classes_weigh_by_the_inverse_of_their_rows() {
        let mut rows = vec![row(&[0], 1.0); 5];
        rows.extend([row(&[1], 1.0), row(&[0, 1], 2.0)]);
        let mut loss = Loss::equal(3, 0.0);
        loss.balance(&rows);
        assert_eq!(loss.class_weights, [8.0 / 12.0, 2.0, 1.0]);
        assert_eq!(loss.weight_of(&[0, 1]), (8.0 / 12.0 + 2.0) / 2.0);
    }

    #[test]
    fn a_weight_of_no_class_is_refused() {
        let names = ["a", "b"].map(str::to_owned);
        let given = |name: &str| ClassWeights::Given([(name.to_owned(), 3.0)].into());
        let mut loss = Loss::equal(2, 0.0);
        loss.weigh(&given("b"), &names, &[]).unwrap();
        assert_eq!(loss.class_weights, [1.0, 3.0]);
        let failure = loss.weigh(&given("c"), &names, &[]).unwrap_err().to_failure();
        assert_eq!(failure.kind, FailureKind::Argument);
    }
}
