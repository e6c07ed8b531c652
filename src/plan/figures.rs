//! Counters of one batch node, for EXPLAIN ANALYZE.

use std::time::Duration;

/// Counts since the node was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Batches of rows.
    pub batches: u64,
    /// Rows of the largest.
    pub largest: u64,
    /// Rows.
    pub rows: u64,
    /// Texts that the engine was asked about, each once for each batch.
    pub texts: u64,
    /// Texts of those whose answers it knew already.
    pub cached: u64,
    /// Time spent waiting for it.
    pub waited: Duration,
}

impl Figures {
    /// Counts a batch.
    pub fn add_batch(&mut self, rows: usize, texts: usize) {
        self.batches += 1;
        self.rows += rows as u64;
        self.largest = self.largest.max(rows as u64);
        self.texts += texts as u64;
    }
}
