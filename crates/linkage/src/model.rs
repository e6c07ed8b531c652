//! The model: how much each level of each column speaks for one person.
//!
//! A pair's match weight is `log2(λ / (1 − λ)) + Σ log2(m(l | l_parent) / u(l | l_parent))` over
//! the columns (Fellegi and Sunter 1969), where m and u are the shares of a level among pairs of
//! one person and of two, given the level of the column that it depends on most.

use crate::kind::{Kind, LEVELS_MAX};
use crate::pattern::Pattern;
use crate::table::Table;
use serde::{Deserialize, Serialize};

/// A figure of each level.
pub type Levels = [f64; LEVELS_MAX];
/// The same given each level of another column, and last where that is missing or there is none.
pub type Given = [Levels; LEVELS_MAX + 1];

/// The place in [`Given`] of no level.
pub const NO_LEVEL: usize = LEVELS_MAX;

/// The people who share a household, a family or an office without being one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Relatives {
    /// Their share among pairs of two people.
    pub share: f64,
    /// Shares of levels among them, a column each.
    pub h: Vec<Levels>,
}

/// A learned model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Model {
    /// The column that each column depends on among pairs of two people.
    pub parents: Vec<Option<usize>>,
    /// Shares of levels among pairs of one person, a column each.
    pub m: Vec<Levels>,
    /// Shares of levels among pairs of two people.
    pub u: Vec<Levels>,
    /// `m` given the parent's level.
    pub m_given: Vec<Given>,
    /// `u` given the parent's level.
    pub u_given: Vec<Given>,
    /// Weights of levels in bits given the parent's level, rising with the level.
    pub weights: Vec<Given>,
    /// The share of pairs that are one person: λ.
    pub match_share: f64,
    /// The share of pairs of one person in which given and family name are swapped.
    pub swap_share: f64,
    /// See [`Relatives`]; `None` where no column tells people of one household apart.
    pub relatives: Option<Relatives>,
    /// True if rare values weigh more (`count_frequencies`).
    pub uses_frequency: bool,
}

/// The weight of a pair, and where it comes from.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    /// Per column the level and its weight in bits; `None` where a value is missing.
    pub columns: Vec<Option<(usize, f64)>>,
    /// Weight of swapped names; 0 where they are not swapped.
    pub swap: f64,
    /// Weight of the chance that two people of one household agree so.
    pub relatives: f64,
}

impl Model {
    /// The weight that a pair has before anything is known of it.
    pub fn prior(&self) -> f64 {
        (self.match_share / (1.0 - self.match_share)).log2()
    }

    /// The level of a column's parent in a pattern.
    #[inline]
    pub fn parent_level(&self, pattern: Pattern, column: usize) -> usize {
        self.parents[column].and_then(|parent| pattern.level(parent)).unwrap_or(NO_LEVEL)
    }

    /// The weight of a column's level in a pair; `row` is one of the two.
    #[inline]
    pub fn column_weight(
        &self,
        table: &Table,
        row: usize,
        pattern: Pattern,
        column: usize,
        level: usize,
    ) -> f64 {
        let given = self.parent_level(pattern, column);
        let top = table.columns[column].kind.top();
        if level != top || !self.uses_frequency {
            return self.weights[column][given][level];
        }
        self.equal_weight(table, column, given, frequency(table, row, pattern, column))
    }

    /// The weight of an equal value: `log2(m / f^s)`, where f is the share of other people who
    /// have it, and s how much of u's rarity is left given the parent's level.
    fn equal_weight(&self, table: &Table, column: usize, given: usize, frequency: f64) -> f64 {
        let top = table.columns[column].kind.top();
        let u = self.u_given[column][given][top];
        let exponent = if given == NO_LEVEL {
            1.0
        } else {
            (u.ln() / self.u[column][top].ln()).clamp(0.0, 1.0)
        };
        let least = 0.5 / table.rows as f64;
        let by_frequency = frequency.max(least).powf(exponent);
        let weight = (self.m_given[column][given][top] / by_frequency).log2();
        weight.max(self.weights[column][given][top - 1].min(0.0))
    }

    /// The weight of a pair's levels, from the prior on.
    pub fn score(&self, table: &Table, row: usize, pattern: Pattern) -> f64 {
        let (mut weight, mut relatives) = (0.0, self.relatives_start());
        for column in 0..table.columns.len() {
            let Some(level) = pattern.level(column) else { continue };
            let own = self.column_weight(table, row, pattern, column, level);
            weight += own;
            relatives += own + self.relatives_ratio(pattern, column, level);
        }
        let swap = if pattern.is_swapped() { self.swap_share.log2() } else { 0.0 };
        self.prior() + weight + swap - softplus(relatives)
    }

    /// The same, by its parts.
    pub fn weigh(&self, table: &Table, row: usize, pattern: Pattern) -> Weighed {
        let mut weighed = Weighed::default();
        let mut relatives = self.relatives_start();
        for column in 0..table.columns.len() {
            weighed.columns.push(pattern.level(column).map(|level| {
                let own = self.column_weight(table, row, pattern, column, level);
                relatives += own + self.relatives_ratio(pattern, column, level);
                (level, own)
            }));
        }
        if pattern.is_swapped() {
            weighed.swap = self.swap_share.log2();
        }
        weighed.relatives = -softplus(relatives);
        weighed
    }

    fn relatives_start(&self) -> f64 {
        self.relatives.as_ref().map_or(f64::NEG_INFINITY, |relatives| relatives.share.log2())
    }

    /// `log2(h / m)` of a level: with the column's weight it gives how much the level speaks for
    /// two people of one household against two strangers.
    fn relatives_ratio(&self, pattern: Pattern, column: usize, level: usize) -> f64 {
        self.relatives.as_ref().map_or(0.0, |relatives| {
            let m = self.m_given[column][self.parent_level(pattern, column)][level];
            (relatives.h[column][level] / m.max(1e-7)).log2()
        })
    }
}

/// The share of other people who have the value that is equal in a pair.
fn frequency(table: &Table, row: usize, pattern: Pattern, column: usize) -> f64 {
    let id = table.columns[column].ids[row] as usize;
    if pattern.is_swapped() && column < 2 {
        table.columns[0].frequency[id].max(table.columns[1].frequency[id])
    } else {
        table.columns[column].frequency[id]
    }
}

/// `log2(1 + 2^bits)`.
fn softplus(bits: f64) -> f64 {
    if bits > 60.0 { bits } else { bits.exp2().ln_1p() / std::f64::consts::LN_2 }
}

/// The probability that a weight in bits stands for.
pub fn probability(weight: f64) -> f64 {
    1.0 / (1.0 + (-weight * std::f64::consts::LN_2).exp())
}

/// The weight in bits that stands for a probability.
pub fn weight_of(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}

/// The shares of levels that learning starts from among pairs of one person: 0.7 equal, of what is
/// left 0.35 at each next level.
pub fn start(kind: Kind) -> Levels {
    let mut shares = [0.0; LEVELS_MAX];
    let mut left = 1.0;
    for level in (0..=kind.top()).rev() {
        let share = if level == kind.top() {
            0.7
        } else if level == 0 {
            left
        } else {
            left * 0.35
        };
        shares[level] = share;
        left -= share;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_probabilities_are_inverse() {
        for p in [0.001, 0.5, 0.95] {
            assert!((probability(weight_of(p)) - p).abs() < 1e-12);
        }
        assert_eq!(softplus(f64::NEG_INFINITY), 0.0);
        assert!((softplus(0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn shares_to_start_from_sum_to_one() {
        for kind in [Kind::Category, Kind::Date, Kind::Words] {
            assert!((start(kind).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
