//! The confusion matrix. Only pairs of classes that occur are kept, so it never has more cells than
//! there are rows.

use crate::judged::Judged;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rows by true class and predicted class. As JSON a list of `[true, predicted, rows]`, classes by
/// their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion(Vec<(usize, usize, u64)>);

impl Confusion {
    /// Counts rows.
    pub(crate) fn of(judged: &Judged) -> Self {
        let mut cells = BTreeMap::new();
        for pair in judged.truth().iter().copied().zip(judged.predicted().iter().copied()) {
            *cells.entry(pair).or_default() += 1;
        }
        Self(cells.into_iter().map(|((truth, predicted), rows)| (truth, predicted, rows)).collect())
    }

    /// True class, predicted class and rows of each pair that occurs, in order.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Classes that are predicted at least once.
    pub fn predicted_classes(&self) -> usize {
        self.0.iter().map(|(_, predicted, _)| predicted).collect::<BTreeSet<_>>().len()
    }
}
