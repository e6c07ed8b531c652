//! Number of rows that a batch gathers: many where all rows are wanted anyway, few where the first
//! may be enough.

/// Size of a node's first batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With full batches: whatever is above reads all rows before it gives its first.
    Full,
    /// With one row, then two, four and so on: whatever is above may stop at any row.
    Doubling,
    /// With as many rows as a LIMIT lets through, and not one more.
    Limited,
}

impl Start {
    /// The number that stands for it in a stored plan.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The start that a number stands for; the careful one where there is none.
    pub fn from_number(number: i32) -> Self {
        [Self::Full, Self::Limited]
            .into_iter()
            .find(|start| start.number() == number)
            .unwrap_or(Self::Doubling)
    }
}

/// The pace of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    start: Start,
    rows_max: usize,
    next: usize,
    /// Rows that may be read still, where that is bounded.
    left: Option<u64>,
}

impl Pace {
    /// A pace that never gathers more than `rows_max` rows, of which there is at least one.
    pub fn new(start: Start, rows_max: usize) -> Self {
        let rows_max = rows_max.max(1);
        let next = if start == Start::Full { rows_max } else { 1 };
        Self { start, rows_max, next, left: None }
    }

    /// True if a LIMIT is to be asked for its bound before the first row is read.
    pub fn wants_bound(&self) -> bool {
        self.start == Start::Limited
    }

    /// Reads at most so many rows.
    pub fn bound(&mut self, rows: u64) {
        self.left = Some(rows);
        self.next = self.rows_max;
    }

    /// Rows to gather now; 0 when no more may be read.
    pub fn rows(&self) -> usize {
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        self.next.min(left)
    }

    /// Notes that a batch of so many rows was gathered.
    pub fn gathered(&mut self, rows: usize) {
        self.left = self.left.map(|left| left.saturating_sub(rows as u64));
        self.next = (self.next * 2).min(self.rows_max);
    }

    /// True if the next batch may be gathered while rows of the last are handed out.
    pub fn may_read_ahead(&self) -> bool {
        self.next == self.rows_max && self.rows_max > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(mut pace: Pace, count: usize) -> Vec<usize> {
        let mut batches = Vec::new();
        for _ in 0..count {
            batches.push(pace.rows());
            pace.gathered(pace.rows());
        }
        batches
    }

    #[test]
    fn batches_double_up_to_the_largest() {
        assert_eq!(batches(Pace::new(Start::Doubling, 10), 6), [1, 2, 4, 8, 10, 10]);
        assert_eq!(batches(Pace::new(Start::Full, 10), 3), [10, 10, 10]);
        assert_eq!(batches(Pace::new(Start::Doubling, 1), 3), [1, 1, 1]);
        assert_eq!(Pace::new(Start::Full, 0).rows(), 1);
    }

    #[test]
    fn a_bound_is_never_exceeded() {
        let mut pace = Pace::new(Start::Limited, 10);
        assert!(pace.wants_bound());
        pace.bound(23);
        assert_eq!(batches(pace, 4), [10, 10, 3, 0]);
        pace.bound(0);
        assert_eq!(pace.rows(), 0);
    }

    #[test]
    fn nothing_is_read_ahead_before_batches_are_full() {
        let mut pace = Pace::new(Start::Doubling, 4);
        let mut ahead = Vec::new();
        for _ in 0..4 {
            ahead.push(pace.may_read_ahead());
            pace.gathered(pace.rows());
        }
        assert_eq!(ahead, [false, false, true, true]);
        assert!(Pace::new(Start::Full, 4).may_read_ahead());
        assert!(!Pace::new(Start::Full, 1).may_read_ahead());
    }

    #[test]
    fn a_start_survives_being_stored() {
        for start in [Start::Full, Start::Doubling, Start::Limited] {
            assert_eq!(Start::from_number(start.number()), start);
        }
        assert_eq!(Start::from_number(77), Start::Doubling);
    }
}
