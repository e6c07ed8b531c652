//! The candidates of chosen keys.

use super::BLOCK_MAX;
use super::components::Component;
use super::keys::Key;
use crate::table::Table;
use crate::watch::{Stopped, Watch};
use rayon::prelude::*;

/// Pairs at which those that several keys gave are put together.
const PACK_AT: usize = 40_000_000;

/// A pair of rows, the lower first.
pub type Pair = (u32, u32);

/// All pairs of the table.
pub fn all(table: &Table) -> Vec<Pair> {
    let rows = table.rows as u32;
    match table.left {
        Some(left) => {
            let left = left as u32;
            (0..left).flat_map(|a| (left..rows).map(move |b| (a, b))).collect()
        }
        None => (0..rows).flat_map(|a| (a + 1..rows).map(move |b| (a, b))).collect(),
    }
}

/// The pairs that agree in one of the keys, sorted, each once.
pub fn candidates(
    table: &Table,
    components: &[Component],
    keys: &[Key],
    watch: &dyn Watch,
) -> Result<Vec<Pair>, Stopped> {
    let mut pairs: Vec<Pair> = Vec::new();
    for (done, key) in keys.iter().enumerate() {
        watch.check()?;
        watch.report("blocking", done as u64, keys.len() as u64);
        let mut hashes: Vec<(u64, u32)> = Vec::with_capacity(table.rows);
        for row in 0..table.rows {
            key.each(table, components, row, |hash| hashes.push((hash, row as u32)));
        }
        hashes.par_sort_unstable();
        for block in hashes.chunk_by(|a, b| a.0 == b.0) {
            if (2..=BLOCK_MAX).contains(&block.len()) {
                take(table, block, &mut pairs);
            }
        }
        if pairs.len() > PACK_AT {
            pack(&mut pairs);
        }
    }
    pack(&mut pairs);
    Ok(pairs)
}

/// The pairs of a block, whose rows are in order.
fn take(table: &Table, block: &[(u64, u32)], pairs: &mut Vec<Pair>) {
    for (place, &(_, a)) in block.iter().enumerate() {
        for &(_, b) in &block[place + 1..] {
            if a != b && table.is_pair(a as usize, b as usize) {
                pairs.push((a, b));
            }
        }
    }
}

fn pack(pairs: &mut Vec<Pair>) {
    pairs.par_sort_unstable();
    pairs.dedup();
}
