//! A table in memory: columns of numbers that stand for values. A table that takes more room than
//! allowed is thinned to about half its rows, then a quarter, and so on: a sample of all rows, the
//! same each time.

use crate::dictionary::{Dictionary, VALUE_BYTES_MAX};

/// Stands for NULL among the numbers of values.
pub const NULL: u32 = u32::MAX;

/// Class of a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlType {
    /// Any characters.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers with decimals.
    Number,
    /// Days.
    Date,
    /// Moments.
    Timestamp,
    /// Truth values.
    Boolean,
    /// Anything else: only missing and equal values are looked at.
    Other,
}

/// A column's description.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// True if a constraint keeps its values different from each other.
    pub is_unique: bool,
    /// True if a constraint keeps NULL out.
    pub is_not_null: bool,
}

/// A column and its values.
#[derive(Debug)]
pub struct Column {
    /// Its description.
    pub head: Head,
    /// The number of each row's value.
    pub cells: Vec<u32>,
    dictionary: Dictionary,
    /// Number of rows that hold each value.
    pub counts: Vec<u64>,
    /// Rows that hold NULL.
    pub nulls: u64,
    /// True if a value was cut.
    pub is_cut: bool,
}

impl Column {
    fn new(head: Head) -> Self {
        Self {
            head,
            cells: Vec::new(),
            dictionary: Dictionary::default(),
            counts: Vec::new(),
            nulls: 0,
            is_cut: false,
        }
    }

    fn add(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            self.cells.push(NULL);
            self.nulls += 1;
            return;
        };
        self.is_cut |= value.len() > VALUE_BYTES_MAX;
        let number = self.dictionary.number(value);
        self.counts.resize(self.dictionary.len(), 0);
        self.counts[number as usize] += 1;
        self.cells.push(number);
    }

    /// The value of a number.
    pub fn value(&self, number: u32) -> &str {
        self.dictionary.value(number)
    }

    /// The value in a row; none is NULL.
    pub fn at(&self, row: usize) -> Option<&str> {
        let number = *self.cells.get(row)?;
        (number != NULL).then(|| self.value(number))
    }

    /// All different values, in the order of their numbers.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.dictionary.values()
    }

    /// Number of different values.
    pub fn distinct(&self) -> usize {
        self.dictionary.len()
    }

    fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.cells.capacity() * 4 + self.counts.capacity() * 8
    }

    /// The same with some of its rows.
    fn thinned(self, rows: &[usize]) -> Self {
        let mut thin = Self::new(self.head.clone());
        for &row in rows {
            thin.add(self.at(row));
        }
        thin.is_cut = self.is_cut;
        thin
    }
}

/// Rows as they were read, or an even part of them.
#[derive(Debug)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// Place of each kept row among those read, and the place it was given.
    pub places: Vec<(u64, u64)>,
    read: u64,
    step: u64,
    bytes_max: usize,
    rows_max: usize,
}

impl Table {
    /// A table without rows that takes about `bytes_max` of memory at most.
    pub fn new(heads: Vec<Head>, bytes_max: usize) -> Self {
        let columns = heads.into_iter().map(Column::new).collect();
        Self { columns, places: Vec::new(), read: 0, step: 1, bytes_max, rows_max: usize::MAX }
    }

    /// Keeps so many rows at most: of more, an even part.
    pub fn keep_at_most(&mut self, rows: usize) {
        self.rows_max = rows.max(1);
    }

    /// Counts a row that will not be kept.
    pub fn skip(&mut self) {
        self.read += 1;
    }

    /// Adds a row; `place` is whatever the caller wants back for it.
    pub fn add<'v>(&mut self, place: u64, values: impl IntoIterator<Item = Option<&'v str>>) {
        const LOOK_EVERY: usize = 256;
        let ordinal = self.read;
        self.read += 1;
        if !self.keeps(ordinal) {
            return;
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.add(value);
        }
        self.places.push((ordinal, place));
        let is_large =
            || self.places.len().is_multiple_of(LOOK_EVERY) && self.bytes() > self.bytes_max;
        if self.places.len() > self.rows_max || is_large() {
            self.thin();
        }
    }

    /// Rows that were given.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Rows that are kept.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// True if the next row will be kept.
    pub fn wants_next(&self) -> bool {
        self.keeps(self.read)
    }

    /// About so many bytes of memory are used.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum::<usize>() + self.places.capacity() * 16
    }

    /// True if a row is in the sample. Every n-th row would fall in step with what repeats.
    fn keeps(&self, ordinal: u64) -> bool {
        let mut mixed = ordinal.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & (self.step - 1) == 0
    }

    fn thin(&mut self) {
        self.step *= 2;
        let kept = |row: &usize| self.keeps(self.places[*row].0);
        let rows: Vec<usize> = (0..self.places.len()).filter(kept).collect();
        let columns = std::mem::take(&mut self.columns);
        self.columns = columns.into_iter().map(|column| column.thinned(&rows)).collect();
        self.places = rows.into_iter().map(|row| self.places[row]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str) -> Head {
        Head {
            name: name.to_owned(),
            sql_type: SqlType::Text,
            is_unique: false,
            is_not_null: false,
        }
    }

    #[test]
    fn rows_that_take_too_much_room_are_thinned_evenly() {
        let mut table = Table::new(vec![head("a")], 200_000);
        for row in 0..100_000_u64 {
            table.add(row, [Some(format!("value {row}").as_str())]);
        }
        assert_eq!(table.read(), 100_000);
        assert!(table.rows() > 500 && table.rows() < 10_000, "{}", table.rows());
        // Each fifth of the rows that were read has its part.
        for fifth in 0..5 {
            let of_it = |place: &&(u64, u64)| place.0 / 20_000 == fifth;
            let count = table.places.iter().filter(of_it).count();
            assert!(count * 10 > table.rows() && count * 10 < table.rows() * 3, "{count}");
        }
        let last = table.rows() - 1;
        assert_eq!(
            table.columns[0].at(last),
            Some(format!("value {}", table.places[last].1).as_str())
        );
    }

    #[test]
    fn values_are_counted() {
        let mut table = Table::new(vec![head("a")], 1 << 20);
        for value in [Some("x"), None, Some("x"), Some("y")] {
            table.add(0, [value]);
        }
        let column = &table.columns[0];
        assert_eq!((column.nulls, column.distinct()), (1, 2));
        assert_eq!(column.counts, [2, 1]);
        assert_eq!(column.at(1), None);
    }
}
