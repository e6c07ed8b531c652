//! Which rows are held out.

use sha2::{Digest, Sha256};

/// Whether a row is held out: decided by the seed and the row's content alone, so that equal rows
/// are always on the same side, in this run and in every later one with the same seed. Over many
/// rows the share is `share`, in each class too.
pub fn is_held_out(seed: i64, content: &[u8], share: f64) -> bool {
    place(seed, content) < share
}

/// A row's place between 0 and 1, even over all rows; those below the share are held out.
pub(crate) fn place(seed: i64, content: &[u8]) -> f64 {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(content).finalize();
    let (head, _) = hash.split_at(8);
    let number = head.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    // 2⁶⁴ as a double is exact; the rounding of `number` moves no share that anyone can see.
    number as f64 / 18_446_744_073_709_551_616.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_the_side_is_the_rows_own() {
        let held = |seed| {
            (0..10_000)
                .filter(|n: &i32| is_held_out(seed, &n.to_le_bytes(), 0.2))
                .collect::<Vec<_>>()
        };
        assert!((1_880..2_120).contains(&held(42).len()), "{}", held(42).len());
        assert_eq!(held(42), held(42));
        assert_ne!(held(42), held(43));
    }
}
