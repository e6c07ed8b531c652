//! The evidence between two groups of rows, column by column.

use crate::model::Model;
use crate::pattern::Pattern;
use crate::table::Table;

/// Least and largest weight of a column in bits that is taken into a mean.
const WEIGHTS: (f64, f64) = (-14.0, 60.0);

/// Sums over pairs between two groups.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Per column, and for swapped names and relatives: the sum of `2^weight`, and of how many.
    columns: Box<[(f32, f32)]>,
    weight: f64,
    /// The number of pairs.
    pub pairs: f64,
}

impl Bundle {
    /// The evidence of one pair.
    pub fn of(table: &Table, model: &Model, a: u32, b: u32) -> Self {
        let (a, b) = (a.min(b) as usize, a.max(b) as usize);
        let weighed = model.weigh(table, a, Pattern::of(table, a, b));
        let power = |weight: f64| weight.clamp(WEIGHTS.0, WEIGHTS.1).exp2() as f32;
        let mut weight = model.prior() + weighed.swap + weighed.relatives;
        let mut columns: Vec<(f32, f32)> = weighed
            .columns
            .iter()
            .map(|column| {
                column.map_or((0.0, 0.0), |(_, bits)| {
                    weight += bits;
                    (power(bits), 1.0)
                })
            })
            .collect();
        columns.extend([(power(weighed.swap), 1.0), (power(weighed.relatives), 1.0)]);
        Self { columns: columns.into(), weight, pairs: 1.0 }
    }

    /// Adds the evidence of more pairs.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.columns.iter_mut().zip(&other.columns) {
            own.0 += more.0;
            own.1 += more.1;
        }
        self.weight += other.weight;
        self.pairs += other.pairs;
    }

    /// Lets the pairs stand for more.
    pub fn scale(&mut self, factor: f64) {
        for own in &mut self.columns {
            own.0 *= factor as f32;
            own.1 *= factor as f32;
        }
        self.weight *= factor;
        self.pairs *= factor;
    }

    /// The weight that the groups are one person by their profiles: `prior + Σ log2 mean 2^weight`.
    /// A fault in one row does not count against what the others agree in.
    pub fn profile(&self, prior: f64) -> f64 {
        let columns = self.columns.iter().filter(|column| column.1 > 0.0);
        prior + columns.map(|(sum, count)| f64::from(sum / count).log2()).sum::<f64>()
    }

    /// The mean of the profiles' weight and of the pairs' mean weight.
    pub fn score(&self, prior: f64) -> f64 {
        0.5 * (self.profile(prior) + self.weight / self.pairs)
    }
}

/// All pairs between two groups, above `most` evenly spaced ones that stand for all.
pub fn between(table: &Table, model: &Model, a: &[u32], b: &[u32], most: usize) -> Option<Bundle> {
    let all = a.len() * b.len();
    let step = all.div_ceil(most).max(1);
    let mut sum: Option<Bundle> = None;
    for place in (0..all).step_by(step) {
        let pair = Bundle::of(table, model, a[place / b.len()], b[place % b.len()]);
        match &mut sum {
            None => sum = Some(pair),
            Some(sum) => sum.add(&pair),
        }
    }
    if let Some(sum) = &mut sum {
        sum.scale(all as f64 / sum.pairs);
    }
    sum
}
