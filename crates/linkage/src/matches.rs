//! Probabilities of pairs, given the clusters.

use crate::bundle::between;
use crate::edges::Edge;
use crate::model::{Model, probability};
use crate::table::Table;
use crate::watch::{Stopped, Watch};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// A pair with the probability that it is one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The lower row.
    pub a: u32,
    /// The higher row.
    pub b: u32,
    /// Its weight in bits.
    pub weight: f32,
}

/// Rows of a cluster that one row is compared with.
const OTHERS_MAX: usize = 100;
/// Largest cluster of which every pair is given; of a larger one those that were candidates.
pub const WHOLE_MAX: usize = 1000;
/// The weight of pairs of which nothing else is known.
const UNKNOWN: f32 = -20.0;
/// Largest shift, in bits, of pairs in clusters: from even odds to 0.95.
const SHIFT_MAX: f64 = 4.25;
/// Largest share of pairs in clusters that are held to be matches.
const SURE_MAX: f64 = 0.99;

/// The pairs within clusters and the candidates across, sorted.
///
/// A pair in a cluster has the larger of its own weight and of the smaller one by which its two
/// rows belong to the rest of the cluster. One across has even odds at most. Those in clusters are
/// then shifted together, so that the expected number of matches is what the single pairs say.
pub fn matches(
    table: &Table,
    model: &Model,
    edges: &[Edge],
    clusters: &[u32],
    watch: &dyn Watch,
) -> Result<Vec<Match>, Stopped> {
    let is_inside = |edge: &Edge| clusters[edge.a as usize] == clusters[edge.b as usize];
    let own: FxHashMap<(u32, u32), f32> =
        edges.iter().filter(|e| is_inside(e)).map(|e| ((e.a, e.b), e.weight)).collect();
    let groups = groups(clusters);
    let of_group = |group: &Vec<u32>| -> Result<Vec<Match>, Stopped> {
        watch.check()?;
        Ok(inside(table, model, group, &own))
    };
    let found: Result<Vec<Vec<Match>>, Stopped> = groups.par_iter().map(of_group).collect();
    let mut inside: Vec<Match> = found?.into_iter().flatten().collect();
    let shift = shift(edges, &own, &inside);
    for pair in &mut inside {
        pair.weight += shift as f32;
    }
    let across = edges.iter().filter(|edge| !is_inside(edge));
    inside.extend(across.map(|e| Match { a: e.a, b: e.b, weight: e.weight.min(0.0) }));
    inside.par_sort_unstable_by_key(|pair| (pair.a, pair.b));
    Ok(inside)
}

/// The rows of each cluster of two and more.
pub fn groups(clusters: &[u32]) -> Vec<Vec<u32>> {
    let mut keyed: Vec<(u32, u32)> =
        clusters.iter().zip(0u32..).map(|(&cluster, row)| (cluster, row)).collect();
    keyed.par_sort_unstable();
    keyed
        .chunk_by(|x, y| x.0 == y.0)
        .filter(|group| group.len() > 1)
        .map(|group| group.iter().map(|(_, row)| *row).collect())
        .collect()
}

/// The pairs of a cluster.
fn inside(
    table: &Table,
    model: &Model,
    group: &[u32],
    own: &FxHashMap<(u32, u32), f32>,
) -> Vec<Match> {
    let prior = model.prior();
    let belongs = |&row: &u32| {
        let others: Vec<u32> =
            group.iter().copied().filter(|&o| o != row).take(OTHERS_MAX).collect();
        between(table, model, &[row], &others, OTHERS_MAX)
            .map_or(UNKNOWN, |bundle| bundle.profile(prior) as f32)
    };
    let belongs: Vec<f32> = group.iter().map(belongs).collect();
    let mut pairs = Vec::new();
    for (x, &a) in group.iter().enumerate() {
        for (y, &b) in group.iter().enumerate().skip(x + 1) {
            let known = own.get(&(a, b)).copied();
            let is_given = group.len() <= WHOLE_MAX || known.is_some();
            if is_given && table.is_pair(a as usize, b as usize) {
                let weight = known.unwrap_or(UNKNOWN).max(belongs[x].min(belongs[y]));
                pairs.push(Match { a, b, weight });
            }
        }
    }
    pairs
}

/// The shift of pairs in clusters.
fn shift(edges: &[Edge], own: &FxHashMap<(u32, u32), f32>, inside: &[Match]) -> f64 {
    let expected: f64 = edges.iter().map(|edge| probability(f64::from(edge.weight))).sum();
    let candidates: Vec<f64> = inside
        .iter()
        .filter(|pair| own.contains_key(&(pair.a, pair.b)))
        .map(|pair| f64::from(pair.weight))
        .collect();
    let wanted = expected.min(SURE_MAX * candidates.len() as f64);
    let (mut low, mut high) = (0.0, SHIFT_MAX);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        let sum: f64 = candidates.iter().map(|weight| probability(weight + middle)).sum();
        if sum < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
