//! Two people of one household: a class of pairs of its own, which agree in what households share
//! and not in what is one person's. Without it, agreement in family name, address and phone buys
//! back any disagreement in given name and birth date.

use super::{Learner, START_COUNT, Sums};
use crate::kind::LEVELS_MAX;
use crate::model::{Levels, Relatives};
use crate::pattern::Pattern;

/// Most of two relatives who agree closely in what is one person's: they are named after each
/// other, or twins.
const NAMESAKES_MAX: f64 = 0.05;
/// The number of levels, from the top, of close agreement.
const CLOSE_LEVELS: usize = 4;
/// Largest share of relatives among pairs of two people.
const SHARE_MAX: f64 = 0.1;
/// Fewest relatives, as a share of the pairs of one person, that are believed: below, they are
/// faulty pairs of one person. Tables without households gave 0.01 to 0.04, one with them 0.32.
const LEAST_RELATED: f64 = 0.1;

impl Learner<'_> {
    /// Starts with what pairs of one person agree in, but in what is one person's with what
    /// strangers do. Households need a column of each sort.
    pub(super) fn start_relatives(&mut self) {
        let individual: Vec<bool> =
            (0..self.columns()).map(|column| self.table.is_individual(column)).collect();
        let has_both = individual.contains(&true) && individual.contains(&false);
        if !has_both {
            return;
        }
        let start = |column: usize| {
            if individual[column] { self.model.u[column] } else { self.starts[column] }
        };
        let h = (0..self.columns()).map(start).collect();
        let share = (self.sample.expected / self.sample.pairs).min(SHARE_MAX);
        self.model.relatives = Some(Relatives { share, h });
        self.cap_namesakes();
    }

    /// Learns the shares of levels among relatives.
    pub(super) fn relate(&mut self, sums: &Sums) {
        let Some(mut relatives) = self.model.relatives.take() else { return };
        let all: f64 = self.related.iter().sum();
        let mut counts = vec![[0.0; LEVELS_MAX]; self.columns()];
        for (&(pattern, _), &related) in self.sample.candidates.iter().zip(&self.related) {
            for (column, levels) in counts.iter_mut().enumerate() {
                if let Some(level) = pattern.level(column) {
                    levels[level] += related;
                }
            }
        }
        for (column, counts) in counts.iter().enumerate() {
            let in_column: f64 = counts.iter().sum();
            let is_individual = self.table.is_individual(column);
            let start = if is_individual { self.model.u[column] } else { self.starts[column] };
            for level in 0..=self.top(column) {
                let share =
                    (counts[level] + START_COUNT * start[level]) / (in_column + START_COUNT);
                relatives.h[column][level] = share.max(self.sample.least_u);
            }
        }
        let two_people = (self.sample.pairs - sums.matched).max(1.0);
        relatives.share = ((all + 1.0) / two_people).min(SHARE_MAX);
        self.model.relatives = Some(relatives);
        self.cap_namesakes();
    }

    /// True if there are enough relatives to be believed. Pairs in which what is one person's is
    /// missing tell nothing.
    pub(super) fn has_relatives(&self) -> bool {
        let mut seen = 0.0;
        for (&(pattern, _), &related) in self.sample.candidates.iter().zip(&self.related) {
            if (0..self.columns()).any(|column| self.is_apart(pattern, column)) {
                seen += related;
            }
        }
        seen >= LEAST_RELATED * self.matched.iter().sum::<f64>()
    }

    /// True if a column of one person's differs.
    fn is_apart(&self, pattern: Pattern, column: usize) -> bool {
        self.table.is_individual(column) && pattern.level(column).is_some_and(|level| level < 2)
    }

    fn cap_namesakes(&mut self) {
        let tops: Vec<Option<usize>> = (0..self.columns())
            .map(|column| self.table.is_individual(column).then(|| self.top(column)))
            .collect();
        let Some(relatives) = &mut self.model.relatives else { return };
        for (levels, top) in relatives.h.iter_mut().zip(tops) {
            if let Some(top) = top {
                cap_close(levels, top);
            }
        }
    }
}

/// Lowers the share of close agreement.
fn cap_close(levels: &mut Levels, top: usize) {
    let first = (top + 1).saturating_sub(CLOSE_LEVELS);
    let close: f64 = levels[first..=top].iter().sum();
    let all: f64 = levels[..=top].iter().sum();
    let (share, rest) = (close / all, (all - close).max(1e-9));
    if share <= NAMESAKES_MAX {
        return;
    }
    for (level, value) in levels.iter_mut().enumerate().take(top + 1) {
        *value *= if level >= first { NAMESAKES_MAX / close } else { (1.0 - NAMESAKES_MAX) / rest };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_relatives_are_namesakes() {
        let mut levels = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.0];
        cap_close(&mut levels, 6);
        assert!((levels.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((levels[3..].iter().sum::<f64>() - NAMESAKES_MAX).abs() < 1e-9);
    }
}
