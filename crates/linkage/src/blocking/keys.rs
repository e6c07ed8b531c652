//! Keys: one component, or two joined.

#[cfg(feature = "search")]
use super::BLOCK_MAX;
use super::components::Component;
use crate::fold::mix;
use crate::table::Table;

/// A key by the places of its components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The first component.
    pub a: usize,
    /// The second, where there are two.
    pub b: Option<usize>,
}

impl Key {
    /// Name for the user.
    pub fn name(self, components: &[Component]) -> String {
        let first = &components[self.a].name;
        self.b.map_or_else(|| first.clone(), |b| format!("{first} & {}", components[b].name))
    }

    /// Calls `take` with each of its hashes for a row.
    #[inline]
    pub fn each(
        self,
        table: &Table,
        components: &[Component],
        row: usize,
        mut take: impl FnMut(u64),
    ) {
        let first = components[self.a].hashes(table, row);
        let Some(b) = self.b else {
            for (place, &hash) in first.iter().enumerate() {
                if hash != 0 && !first[..place].contains(&hash) {
                    take(mix(u64::from(hash) | 1 << 40));
                }
            }
            return;
        };
        if first == [0; 3] {
            return;
        }
        let second = components[b].hashes(table, row);
        for (place, &x) in first.iter().enumerate() {
            if x == 0 || first[..place].contains(&x) {
                continue;
            }
            for (place, &y) in second.iter().enumerate() {
                if y != 0 && !second[..place].contains(&y) {
                    take(mix(u64::from(x) << 32 | u64::from(y)));
                }
            }
        }
    }

    /// True if two rows agree in it.
    pub fn agrees(self, table: &Table, components: &[Component], a: usize, b: usize) -> bool {
        let mut hashes = [0u64; 9];
        let mut count = 0;
        self.each(table, components, a, |hash| {
            hashes[count] = hash;
            count += 1;
        });
        let mut agrees = false;
        self.each(table, components, b, |hash| agrees |= hashes[..count].contains(&hash));
        agrees
    }
}

/// Keys by which a single record is looked up, beside those that were chosen: whole values that
/// seldom agree by chance.
pub fn lookup_keys(table: &Table, components: &[Component]) -> Vec<Key> {
    let is_wanted = |component: &Component| component.is_lookup(table);
    let places = (0..components.len()).filter(|&place| is_wanted(&components[place]));
    places.map(|a| Key { a, b: None }).collect()
}

/// All keys that components give, with their costs.
#[cfg(feature = "search")]
pub fn costs(table: &Table, components: &[Component]) -> Vec<(Key, Cost)> {
    use rayon::prelude::*;
    all_keys(components).into_par_iter().map(|key| (key, cost(table, components, key))).collect()
}

/// All keys that components give.
#[cfg(feature = "search")]
fn all_keys(components: &[Component]) -> Vec<Key> {
    let mut keys = Vec::new();
    for (a, first) in components.iter().enumerate() {
        if first.stands_alone {
            keys.push(Key { a, b: None });
        }
        for (b, second) in components.iter().enumerate().skip(a + 1) {
            if first.joins(second) {
                keys.push(Key { a, b: Some(b) });
            }
        }
    }
    keys
}

/// Estimated number of pairs that a key gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Pairs in blocks that are looked at.
    pub pairs: f64,
    /// Pairs in blocks that are too large.
    pub lost: f64,
}

/// Rows that a cost is estimated from.
#[cfg(feature = "search")]
const SAMPLE: usize = 10_000;

/// The cost of a key, from evenly spaced rows.
#[cfg(feature = "search")]
fn cost(table: &Table, components: &[Component], key: Key) -> Cost {
    let step = (table.rows / SAMPLE).max(1);
    let scale = step as f64;
    let mut hashes = Vec::with_capacity(2 * SAMPLE);
    for row in (0..table.rows).step_by(step) {
        key.each(table, components, row, |hash| hashes.push(hash));
    }
    hashes.sort_unstable();
    let mut cost = Cost { pairs: 0.0, lost: 0.0 };
    for block in hashes.chunk_by(|a, b| a == b).filter(|block| block.len() > 1) {
        let rows = block.len() as f64;
        let pairs = rows * (rows - 1.0) / 2.0 * scale * scale;
        if rows * scale > BLOCK_MAX as f64 {
            cost.lost += pairs;
        } else {
            cost.pairs += pairs;
        }
    }
    cost
}
