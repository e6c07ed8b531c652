//! Blocking: which pairs are compared at all. A key is a part of one column or of two; rows that
//! agree in it are a block, and the pairs in its blocks are its candidates.

mod components;
mod cover;
mod keys;
mod pairs;
mod probes;

pub use components::{Component, components};
pub use cover::{Chosen, choose};
pub use keys::{Cost, Key, all_keys, cost, lookup_keys};
pub use pairs::{Pair, all, candidates};
pub use probes::{Probes, probe, tally};

/// Largest block whose pairs are candidates: a postcode that half the table shares, or a filler,
/// would give more pairs than can be compared.
pub const BLOCK_MAX: usize = 1000;
