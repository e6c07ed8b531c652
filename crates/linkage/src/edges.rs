//! Scored pairs of rows.

use crate::blocking::Pair;
use crate::model::{Model, probability};
use crate::pattern::Pattern;
use crate::table::Table;
use rayon::prelude::*;

/// A pair and its match weight in bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// The lower row.
    pub a: u32,
    /// The higher row.
    pub b: u32,
    /// Its weight.
    pub weight: f32,
}

/// Least weight of a pair that is kept.
const LEAST: f64 = -10.0;

/// Scores pairs; those that are no match for sure are left out.
pub fn score(table: &Table, model: &Model, pairs: &[Pair], patterns: &[Pattern]) -> Vec<Edge> {
    let of = |(&(a, b), &pattern): (&Pair, &Pattern)| {
        let weight = model.score(table, a as usize, pattern);
        (weight > LEAST).then_some(Edge { a, b, weight: weight as f32 })
    };
    pairs.par_iter().zip(patterns).filter_map(of).collect()
}

/// Frequency of each value among other people, for each column: the expected number of rows of
/// other people that agree with a row that has it, of all rows with a value. It is
/// `(2 · (c(c − 1)/2 − Σp) / c + 1) / n`, where c rows have the value and Σp sums the
/// probabilities of the pairs that agree on it.
pub fn count_frequencies(table: &mut Table, edges: &[Edge]) {
    for column in &mut table.columns {
        let mut matched = vec![0.0; column.counts.len()];
        for edge in edges {
            let id = column.ids[edge.a as usize];
            if id != 0 && id == column.ids[edge.b as usize] {
                matched[id as usize] += probability(f64::from(edge.weight));
            }
        }
        let present = column.present.max(1) as f64;
        let frequency = |(count, matched): (&u32, &f64)| {
            let count = f64::from((*count).max(1));
            let others = (count * (count - 1.0) / 2.0 - matched).max(0.0);
            (2.0 * others / count + 1.0) / present
        };
        column.frequency = column.counts.iter().zip(&matched).map(frequency).collect();
    }
}
