//! Clusters: rows of one person, put together by the evidence between groups.
//!
//! The groups with the most evidence between them are joined first, until none has enough. More is
//! wanted where both groups are large: two people with many rows each are seldom one.

use crate::bundle::{Bundle, between};
use crate::edges::Edge;
use crate::model::Model;
use crate::table::Table;
use crate::watch::{Stopped, Watch};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Least weight of a pair that may join two rows.
const LEAST_EDGE: f32 = -2.0;
/// Bits that each doubling of the smaller group's size asks for.
const SIZE_BITS: f64 = 3.0;
/// Most pairs between two groups that are compared when no pair of them was a candidate.
const COMPARED_MAX: usize = 4096;

/// Finds clusters among rows joined by edges; gives for each row the lowest row of its cluster.
/// `least` is the weight in bits that groups need.
pub fn cluster(
    table: &Table,
    model: &Model,
    edges: &[Edge],
    least: f64,
    watch: &dyn Watch,
) -> Result<Vec<u32>, Stopped> {
    let parts = components(table.rows, edges);
    let merged: Result<Vec<Vec<(u32, u32)>>, Stopped> = parts
        .par_iter()
        .map(|part| {
            watch.check()?;
            Groups::new(table, model, part, least).merge(watch)
        })
        .collect();
    let mut first: Vec<u32> = (0..table.rows as u32).collect();
    for (row, lowest) in merged?.into_iter().flatten() {
        first[row as usize] = lowest;
    }
    Ok(first)
}

/// Edges by the connected rows that they lie among.
fn components(rows: usize, edges: &[Edge]) -> Vec<Vec<Edge>> {
    let mut parents: Vec<u32> = (0..rows as u32).collect();
    let joins = edges.iter().filter(|edge| edge.weight >= LEAST_EDGE);
    for edge in joins.clone() {
        let (a, b) = (find(&mut parents, edge.a), find(&mut parents, edge.b));
        parents[a.max(b) as usize] = a.min(b);
    }
    let mut keyed: Vec<(u32, Edge)> =
        joins.map(|edge| (find(&mut parents, edge.a), *edge)).collect();
    keyed.par_sort_by_key(|(root, edge)| (*root, edge.a, edge.b));
    keyed.chunk_by(|x, y| x.0 == y.0).map(|part| part.iter().map(|(_, e)| *e).collect()).collect()
}

fn find(parents: &mut [u32], mut row: u32) -> u32 {
    while parents[row as usize] != row {
        let above = parents[parents[row as usize] as usize];
        parents[row as usize] = above;
        row = above;
    }
    row
}

/// A join that may come. It is stale where the evidence has changed since.
#[derive(Debug, PartialEq)]
struct Join {
    score: f64,
    a: u32,
    b: u32,
}

impl Eq for Join {}

impl PartialOrd for Join {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Join {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then((other.a, other.b).cmp(&(self.a, self.b)))
    }
}

/// The groups of a connected part, by the places of their first rows in `rows`.
struct Groups<'a> {
    table: &'a Table,
    model: &'a Model,
    prior: f64,
    least: f64,
    rows: Vec<u32>,
    /// The rows of each group; empty where it was joined to another.
    members: Vec<Vec<u32>>,
    /// The evidence between each group and those that it has any with.
    neighbours: Vec<FxHashMap<u32, Evidence>>,
    joins: BinaryHeap<Join>,
}

#[derive(Debug, Clone)]
struct Evidence {
    bundle: Bundle,
    score: f64,
}

impl<'a> Groups<'a> {
    fn new(table: &'a Table, model: &'a Model, edges: &[Edge], least: f64) -> Self {
        let mut rows: Vec<u32> = edges.iter().flat_map(|edge| [edge.a, edge.b]).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut groups = Self {
            table,
            model,
            prior: model.prior(),
            least,
            members: rows.iter().map(|&row| vec![row]).collect(),
            neighbours: vec![FxHashMap::default(); rows.len()],
            joins: BinaryHeap::new(),
            rows,
        };
        for edge in edges {
            let place = |row: u32| groups.rows.partition_point(|&other| other < row) as u32;
            let (a, b) = (place(edge.a), place(edge.b));
            let bundle = Bundle::of(table, model, edge.a, edge.b);
            groups.relate(a, b, bundle);
        }
        groups
    }

    /// Takes note of the evidence between two groups.
    fn relate(&mut self, a: u32, b: u32, bundle: Bundle) {
        let score = bundle.score(self.prior);
        let smaller = self.members[a as usize].len().min(self.members[b as usize].len());
        if score >= self.least + SIZE_BITS * (smaller as f64).log2() {
            self.joins.push(Join { score, a: a.min(b), b: a.max(b) });
        }
        let evidence = Evidence { bundle, score };
        self.neighbours[a as usize].insert(b, evidence.clone());
        self.neighbours[b as usize].insert(a, evidence);
    }

    /// Joins groups; gives rows with the lowest row of their cluster.
    fn merge(mut self, watch: &dyn Watch) -> Result<Vec<(u32, u32)>, Stopped> {
        let mut joined = 0u32;
        while let Some(Join { score, a, b }) = self.joins.pop() {
            let is_current =
                self.neighbours[a as usize].get(&b).is_some_and(|known| known.score == score);
            if !is_current {
                continue;
            }
            joined += 1;
            if joined.is_multiple_of(64) {
                watch.check()?;
            }
            if self.members[a as usize].len() >= self.members[b as usize].len() {
                self.join(a, b);
            } else {
                self.join(b, a);
            }
        }
        let of = |members: &Vec<u32>| {
            let lowest = members.iter().min().copied().unwrap_or_default();
            members.iter().map(move |&row| (row, lowest)).collect::<Vec<_>>()
        };
        Ok(self.members.iter().flat_map(of).collect())
    }

    /// Joins group `b` to group `a`.
    fn join(&mut self, a: u32, b: u32) {
        let of_b = std::mem::take(&mut self.neighbours[b as usize]);
        let mut of_a = std::mem::take(&mut self.neighbours[a as usize]);
        let mut others: Vec<u32> = of_a
            .keys()
            .chain(of_b.keys())
            .copied()
            .filter(|&other| other != a && other != b)
            .collect();
        others.sort_unstable();
        others.dedup();
        let mut bundles = Vec::with_capacity(others.len());
        for other in others {
            let known_a = of_a.remove(&other).map(|known| known.bundle);
            let known_b = of_b.get(&other).map(|known| known.bundle.clone());
            let with_a = known_a.or_else(|| self.compare(a, other));
            let with_b = known_b.or_else(|| self.compare(b, other));
            self.neighbours[other as usize].remove(&b);
            if let Some(bundle) = add(with_a, with_b) {
                bundles.push((other, bundle));
            }
        }
        let members = std::mem::take(&mut self.members[b as usize]);
        self.members[a as usize].extend(members);
        for (other, bundle) in bundles {
            self.relate(a, other, bundle);
        }
    }

    fn compare(&self, a: u32, b: u32) -> Option<Bundle> {
        let (a, b) = (&self.members[a as usize], &self.members[b as usize]);
        between(self.table, self.model, a, b, COMPARED_MAX)
    }
}

fn add(a: Option<Bundle>, b: Option<Bundle>) -> Option<Bundle> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.add(&b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}
