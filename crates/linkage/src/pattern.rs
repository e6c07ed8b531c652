//! The levels of a pair of rows, packed.

use crate::levels::{MISSING, level};
use crate::table::Table;

/// Four bits a column, and a mark of swapped names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(u128);

const SWAPPED: u128 = 1 << 127;

impl Pattern {
    /// The level of a column; `None` where a value is missing.
    #[inline]
    pub fn level(self, column: usize) -> Option<usize> {
        let level = (self.0 >> (4 * column) & 15) as u8;
        (level != MISSING).then_some(usize::from(level))
    }

    /// True if the given name of each agrees with the family name of the other.
    #[inline]
    pub fn is_swapped(self) -> bool {
        self.0 & SWAPPED != 0
    }

    fn set(&mut self, column: usize, level: u8) {
        self.0 |= u128::from(level) << (4 * column);
    }

    /// Compares two rows.
    pub fn of(table: &Table, a: usize, b: usize) -> Self {
        let mut pattern = Self(0);
        let mut first = 0;
        if table.has_names {
            let (given, family, is_swapped) = names(table, a, b);
            pattern.set(0, given);
            pattern.set(1, family);
            if is_swapped {
                pattern.0 |= SWAPPED;
            }
            first = 2;
        }
        for (place, column) in table.columns.iter().enumerate().skip(first) {
            pattern.set(place, level(column, column.ids[a], column.ids[b]));
        }
        pattern
    }
}

/// Rough weight of a level of a name.
fn worth(level: u8) -> i32 {
    match level {
        MISSING => 0,
        0 | 1 => -3,
        2 => -1,
        3 => 1,
        4 => 2,
        _ => 3,
    }
}

/// The levels of given and family name: straight, or crossed where both crossed ones are close and
/// say more.
fn names(table: &Table, a: usize, b: usize) -> (u8, u8, bool) {
    let (given, family) = (&table.columns[0], &table.columns[1]);
    let (given_a, family_a) = (given.ids[a], family.ids[a]);
    let (given_b, family_b) = (given.ids[b], family.ids[b]);
    let (x, y) = (level(given, given_a, given_b), level(family, family_a, family_b));
    let straight = worth(x) + worth(y);
    if straight >= 2 {
        return (x, y, false);
    }
    let (p, q) = (level(given, given_a, family_b), level(family, family_a, given_b));
    let crossed = worth(p) + worth(q);
    let is_close = p >= 4 && q >= 4;
    if crossed > straight && crossed >= 3 && is_close { (p, q, true) } else { (x, y, false) }
}
