//! A sample of all pairs: evenly spaced rows, each with everything that agrees with it in a wide
//! key, and some of everything else.

use super::BLOCK_MAX;
use super::components::Component;
use super::keys::{Cost, Key};
use crate::fold::mix;
use crate::learn::Sample;
use crate::pattern::Pattern;
use crate::table::Table;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

/// Rows whose candidates are looked at.
const PROBES: usize = 1500;
/// Other rows that each is compared with.
const OTHERS: usize = 200;
/// Pairs per row that a wide key may give, the number of wide keys, and of those for one pair of
/// columns.
const WIDE_PAIRS: f64 = 10.0;
const WIDE_KEYS: usize = 60;
const WIDE_PER_COLUMNS: usize = 2;
/// Largest block that is looked at.
const WIDE_BLOCK_MAX: usize = 3 * BLOCK_MAX;

/// Findings.
#[derive(Debug)]
pub struct Probes {
    /// Candidates: the probe, the other row, their levels.
    pub pairs: Vec<(u32, u32, Pattern)>,
    /// All to learn from.
    pub sample: Sample,
}

/// Probes a table; `costs` are of all keys.
pub fn probe(table: &Table, components: &[Component], costs: &[(Key, Cost)]) -> Probes {
    let count = PROBES.min(table.rows);
    let step = table.rows as f64 / count as f64;
    let probes: Vec<u32> = (0..count).map(|probe| (probe as f64 * step) as u32).collect();
    let keys = wide_keys(table, components, costs);
    let found = candidates(table, components, &keys, &probes);
    let pairs: Vec<(u32, u32, Pattern)> = found
        .into_par_iter()
        .map(|(probe, other)| {
            let (a, b) = (probe.min(other) as usize, probe.max(other) as usize);
            (probe, other, Pattern::of(table, a, b))
        })
        .collect();
    let sample = Sample {
        candidates: tally(pairs.iter().map(|pair| (pair.2, 1.0))),
        others: others(table, &probes, &pairs),
        pairs: probes.iter().map(|&probe| partners(table, probe) as f64).sum(),
        least_u: (0.25 / table.rows as f64).max(5e-7),
        expected: 0.2 * count as f64,
    };
    Probes { pairs, sample }
}

/// Rows that a row may be paired with.
fn partners(table: &Table, row: u32) -> usize {
    match table.left {
        Some(left) if (row as usize) < left => table.rows - left,
        Some(left) => left,
        None => table.rows - 1,
    }
}

/// The dearest keys that are not too dear, two for each pair of columns.
fn wide_keys(table: &Table, components: &[Component], costs: &[(Key, Cost)]) -> Vec<Key> {
    let most = WIDE_PAIRS * table.rows as f64;
    let mut wide: Vec<&(Key, Cost)> =
        costs.iter().filter(|(_, cost)| cost.pairs > 0.0 && cost.pairs <= most).collect();
    wide.sort_by(|x, y| y.1.pairs.total_cmp(&x.1.pairs).then(x.0.cmp(&y.0)));
    let mut taken: FxHashMap<(usize, Option<usize>), usize> = FxHashMap::default();
    let mut is_taken = |key: Key| {
        let columns = (components[key.a].group, key.b.map(|b| components[b].group));
        let count = taken.entry(columns).or_insert(0);
        *count += 1;
        *count <= WIDE_PER_COLUMNS
    };
    wide.into_iter().map(|(key, _)| *key).filter(|key| is_taken(*key)).take(WIDE_KEYS).collect()
}

/// Everything that agrees with a probe in a key, sorted.
fn candidates(
    table: &Table,
    components: &[Component],
    keys: &[Key],
    probes: &[u32],
) -> Vec<(u32, u32)> {
    let of_key = |key: &Key| agreeing(table, components, *key, probes);
    let found: FxHashSet<(u32, u32)> = keys.par_iter().flat_map_iter(of_key).collect();
    let mut found: Vec<(u32, u32)> = found.into_iter().collect();
    found.par_sort_unstable();
    found
}

fn agreeing(table: &Table, components: &[Component], key: Key, probes: &[u32]) -> Vec<(u32, u32)> {
    let mut wanted: FxHashMap<u64, (Vec<u32>, Vec<u32>)> = FxHashMap::default();
    for &probe in probes {
        key.each(table, components, probe as usize, |hash| {
            wanted.entry(hash).or_default().0.push(probe);
        });
    }
    // One bit for each hash that is wanted: most rows have none.
    let mut bits = vec![0u64; 1 << 13];
    let place = |hash: u64| (hash >> 6) as usize & ((1 << 13) - 1);
    for &hash in wanted.keys() {
        bits[place(hash)] |= 1 << (hash & 63);
    }
    for row in 0..table.rows {
        key.each(table, components, row, |hash| {
            if bits[place(hash)] >> (hash & 63) & 1 == 0 {
                return;
            }
            if let Some((_, rows)) = wanted.get_mut(&hash)
                && rows.len() <= WIDE_BLOCK_MAX
            {
                rows.push(row as u32);
            }
        });
    }
    let mut found = Vec::new();
    for (probes, rows) in wanted.values().filter(|(_, rows)| rows.len() <= WIDE_BLOCK_MAX) {
        for &probe in probes {
            let may_pair =
                |row: &&u32| **row != probe && table.is_pair(probe as usize, **row as usize);
            found.extend(rows.iter().filter(may_pair).map(|&row| (probe, row)));
        }
    }
    found
}

/// Levels of other pairs of the probes, each standing for its share of all that are no candidates.
fn others(table: &Table, probes: &[u32], pairs: &[(u32, u32, Pattern)]) -> Vec<(Pattern, f64)> {
    let of_probe = |(place, &probe): (usize, &u32)| -> Vec<(Pattern, f64)> {
        let first = pairs.partition_point(|pair| pair.0 < probe);
        let last = pairs.partition_point(|pair| pair.0 <= probe);
        let own = &pairs[first..last];
        let count = partners(table, probe);
        let mut drawn = Vec::with_capacity(OTHERS);
        for draw in 0..OTHERS {
            let random = mix((place * OTHERS + draw) as u64 + 7) % count.max(1) as u64;
            let row = partner(table, probe, random as u32);
            if row != probe && own.binary_search_by_key(&row, |pair| pair.1).is_err() {
                drawn.push(row);
            }
        }
        let each = (count - own.len()) as f64 / drawn.len().max(1) as f64;
        let pattern = |row: u32| {
            let (a, b) = (probe.min(row) as usize, probe.max(row) as usize);
            (Pattern::of(table, a, b), each)
        };
        drawn.into_iter().map(pattern).collect()
    };
    let all: Vec<Vec<(Pattern, f64)>> = probes.par_iter().enumerate().map(of_probe).collect();
    tally(all.into_iter().flatten())
}

/// The row of a number among a row's partners.
fn partner(table: &Table, row: u32, number: u32) -> u32 {
    match table.left {
        Some(left) if (row as usize) < left => left as u32 + number,
        Some(_) => number,
        None => number + u32::from(number >= row),
    }
}

/// Equal patterns together, sorted.
pub fn tally(patterns: impl Iterator<Item = (Pattern, f64)>) -> Vec<(Pattern, f64)> {
    let mut counts: FxHashMap<Pattern, f64> = FxHashMap::default();
    for (pattern, count) in patterns {
        *counts.entry(pattern).or_insert(0.0) += count;
    }
    let mut counts: Vec<(Pattern, f64)> = counts.into_iter().collect();
    counts.sort_by_key(|(pattern, _)| *pattern);
    counts
}
