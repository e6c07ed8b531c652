//! Blocking: which pairs are compared at all. A key is a part of one column or of two; rows that
//! agree in it are a block, and the pairs in its blocks are its candidates.

mod components;
#[cfg(feature = "search")]
mod cover;
mod keys;
#[cfg(feature = "search")]
mod pairs;
#[cfg(feature = "search")]
mod probes;

pub use components::{Component, components};
#[cfg(feature = "search")]
pub use cover::{Chosen, choose};
#[cfg(feature = "search")]
pub use keys::costs;
pub use keys::{Cost, Key, lookup_keys};
#[cfg(feature = "search")]
pub use pairs::{Pair, all, candidates};
#[cfg(feature = "search")]
pub use probes::{Probes, probe, tally};

/// Largest block whose pairs are candidates: a postcode that half the table shares, or a filler,
/// would give more pairs than can be compared.
pub const BLOCK_MAX: usize = 1000;
