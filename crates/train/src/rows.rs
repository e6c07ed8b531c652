//! The rows of the embedding tables that a batch names, and the sums of their gradients.

use crate::batch::Batch;
use std::collections::HashMap;

/// The rows of a weight that the rows of its gradient belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those of the tokens' ids, in the order of the tokens.
    Tokens,
    /// From the given one on, as many as the longest text has tokens.
    Positions(usize),
    /// From the given one on, that many.
    Range(usize, usize),
}

/// The rows that a batch names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Each row once; its place is its slot.
    pub rows: Vec<i64>,
    /// For each part of the batch, the slots of its gradient's rows.
    pub slots: Vec<Vec<i64>>,
}

impl Named {
    /// The rows of a weight that the parts of a batch name.
    pub fn by(which: Which, parts: &[Batch]) -> Self {
        match which {
            Which::Tokens => tokens(parts),
            Which::Positions(first) => counted(first, parts.iter().map(|part| part.tokens)),
            Which::Range(first, count) => counted(first, parts.iter().map(|_| count)),
        }
    }
}

fn tokens(parts: &[Batch]) -> Named {
    let mut known: HashMap<i64, i64> = HashMap::new();
    let mut named = Named::default();
    for part in parts {
        let slots = part.ids.iter().map(|&id| {
            *known.entry(id).or_insert_with(|| {
                named.rows.push(id);
                named.rows.len() as i64 - 1
            })
        });
        named.slots.push(slots.collect());
    }
    named
}

fn counted(first: usize, counts: impl Iterator<Item = usize>) -> Named {
    let slots: Vec<Vec<i64>> = counts.map(|count| (0..count as i64).collect()).collect();
    let most = slots.iter().map(Vec::len).max().unwrap_or(0);
    Named { rows: (first as i64..(first + most) as i64).collect(), slots }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(tokens: usize, ids: &[i64]) -> Batch {
        Batch { texts: ids.len() / tokens, tokens, ids: ids.to_vec(), ..Batch::default() }
    }

    #[test]
    fn equal_tokens_share_a_slot_in_all_parts() {
        let parts = [part(2, &[7, 3, 7, 0]), part(3, &[0, 9, 3])];
        let named = Named::by(Which::Tokens, &parts);
        assert_eq!(named.rows, [7, 3, 0, 9]);
        assert_eq!(named.slots, [vec![0, 1, 0, 2], vec![2, 3, 1]]);
    }

    #[test]
    fn positions_are_those_of_the_longest_part() {
        let parts = [part(2, &[1, 1]), part(3, &[1, 1, 1])];
        let named = Named::by(Which::Positions(2), &parts);
        assert_eq!(named.rows, [2, 3, 4]);
        assert_eq!(named.slots, [vec![0, 1], vec![0, 1, 2]]);
        let named = Named::by(Which::Range(0, 1), &parts);
        assert_eq!(named.rows, [0]);
        assert_eq!(named.slots, [[0], [0]]);
    }
}
