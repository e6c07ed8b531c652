//! The split into training and held-out rows.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// True if a row is held out: decided by the seed and the row's content alone, so that equal rows
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

/// The number of each label of each content.
pub(crate) type Labels<'a> = HashMap<&'a str, BTreeMap<&'a str, u64>>;

/// Counts the labels of each content, of rows with content and label.
pub(crate) fn labels_of<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Labels<'a> {
    let mut labels = Labels::new();
    for (content, label) in rows {
        *labels.entry(content).or_default().entry(label).or_default() += 1;
    }
    labels
}

/// Rows that an earlier row equals, and rows whose content has another label too.
pub(crate) fn repetitions(labels: &Labels<'_>) -> (u64, u64) {
    let duplicates = labels.values().flat_map(|labels| labels.values().map(|rows| rows - 1)).sum();
    let conflicts =
        labels.values().filter(|labels| labels.len() > 1).flat_map(BTreeMap::values).sum();
    (duplicates, conflicts)
}

/// The contents that are held out, of rows with content and label: those whose place is below
/// `share`. A label all of whose contents would be on one side gives its outermost one to the
/// other, which happens to small classes alone: nothing could be learnt of it, or told about it,
/// otherwise. While rows are only added, no content that was learnt from is ever held out later.
pub(crate) fn held_out<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str)>,
    seed: i64,
    share: f64,
) -> HashSet<&'a str> {
    let mut by_label: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (content, label) in rows {
        let contents = by_label.entry(label).or_default();
        contents.entry(content).or_insert_with(|| place(seed, content.as_bytes()));
    }
    let by_place = |a: &(&&str, &f64), b: &(&&str, &f64)| a.1.total_cmp(b.1);
    let mut held: HashSet<&str> = HashSet::new();
    let mut learnt: Vec<&str> = Vec::new();
    for contents in by_label.values() {
        let below = contents.iter().filter(|(_, place)| **place < share);
        held.extend(below.map(|(content, _)| *content));
        let first = contents.iter().min_by(by_place).filter(|(_, place)| **place >= share);
        held.extend(first.map(|(content, _)| *content).filter(|_| contents.len() > 1));
        let last = contents.iter().max_by(by_place).filter(|(_, place)| **place < share);
        learnt.extend(last.map(|(content, _)| *content).filter(|_| contents.len() > 1));
    }
    for content in learnt {
        held.remove(content);
    }
    held
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
