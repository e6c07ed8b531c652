//! Rows as they come: each distinct value of a column is kept once.

use crate::fold::{self, mix};
use crate::kind::Kind;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

/// A column of the source.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its kind; `None` to have it guessed.
    pub kind: Option<Kind>,
}

/// A column's values. Number 0 is NULL or blank.
#[derive(Debug, Clone)]
pub struct RawColumn {
    /// See [`Header`].
    pub header: Header,
    text: String,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    known: FxHashMap<u64, u32>,
    /// The value of each row, by its number.
    pub ids: Vec<u32>,
}

impl RawColumn {
    fn new(header: Header) -> Self {
        Self {
            header,
            text: String::new(),
            ends: vec![0],
            hashes: vec![0],
            known: FxHashMap::default(),
            ids: Vec::new(),
        }
    }

    /// The number of distinct values, NULL included.
    pub fn distinct(&self) -> usize {
        self.ends.len()
    }

    /// The value of that number.
    pub fn value(&self, id: u32) -> &str {
        let id = id as usize;
        if id == 0 { "" } else { &self.text[self.ends[id - 1]..self.ends[id]] }
    }

    fn push(&mut self, value: Option<&str>) {
        let value = fold::clip(value.unwrap_or_default().trim());
        let id = if value.is_empty() { 0 } else { self.intern(value) };
        self.ids.push(id);
    }

    fn intern(&mut self, value: &str) -> u32 {
        let own = hash(value.as_bytes());
        let mut place = own;
        while let Some(&known) = self.known.get(&place) {
            if self.value(known) == value {
                return known;
            }
            place = place.wrapping_add(1);
        }
        self.text.push_str(value);
        self.ends.push(self.text.len());
        self.hashes.push(own);
        let id = self.ends.len() as u32 - 1;
        self.known.insert(place, id);
        id
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    mix(hasher.finish().wrapping_add(bytes.len() as u64))
}

/// The rows of one table, or of two that are linked.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<RawColumn>,
    keys: Vec<u64>,
    /// The number of rows of the left table; `None` where there is one table.
    left: Option<usize>,
}

impl Rows {
    /// No rows yet.
    pub fn new(headers: Vec<Header>) -> Self {
        let columns = headers.into_iter().map(RawColumn::new).collect();
        Self { columns, keys: Vec::new(), left: None }
    }

    /// Adds a row by the text of its key and its values, one a column.
    pub fn push<'a>(&mut self, key: &str, values: impl IntoIterator<Item = Option<&'a str>>) {
        self.keys.push(hash(key.as_bytes()));
        let mut values = values.into_iter();
        for column in &mut self.columns {
            column.push(values.next().flatten());
        }
    }

    /// Says that the rows so far are the left table, and those to come the right one.
    pub fn end_left(&mut self) {
        self.left = Some(self.len());
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The number of rows of the left table, where there are two.
    pub fn left(&self) -> Option<usize> {
        self.left
    }

    /// Puts the rows into an order that depends on their content and keys alone, the left table's
    /// first, so that the answer does not hang on the order in which they were read. Gives, for
    /// each place, which row is there.
    pub fn sort(&mut self) -> Vec<u32> {
        for column in &mut self.columns {
            column.known = FxHashMap::default();
        }
        let content: Vec<u64> = (0..self.len()).map(|row| self.content(row)).collect();
        let is_right = |row: u32| self.left.is_some_and(|left| row as usize >= left);
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&row| {
            (is_right(row), content[row as usize], self.keys[row as usize], row)
        });
        for column in &mut self.columns {
            column.ids = order.iter().map(|&row| column.ids[row as usize]).collect();
        }
        self.keys = order.iter().map(|&row| self.keys[row as usize]).collect();
        order
    }

    /// A hash of all values of a row.
    pub fn content(&self, row: usize) -> u64 {
        self.columns.iter().fold(7, |hash, column| {
            mix(hash ^ column.hashes[column.ids[row] as usize]).wrapping_add(99)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(order: &[usize]) -> Rows {
        let header = |name: &str| Header { name: name.to_owned(), kind: None };
        let mut rows = Rows::new(vec![header("a"), header("b")]);
        let data = [("1", "x", "y"), ("2", "x", ""), ("3", "z", "y")];
        for &place in order {
            let (key, a, b) = data[place];
            rows.push(key, [Some(a), Some(b)]);
        }
        rows
    }

    #[test]
    fn the_order_depends_on_content_alone() {
        let read = |order: &[usize]| {
            let mut rows = rows(order);
            rows.sort();
            let row = |r: usize| {
                rows.columns.iter().map(|c| c.value(c.ids[r]).to_owned()).collect::<Vec<_>>()
            };
            (0..3).map(row).collect::<Vec<_>>()
        };
        assert_eq!(read(&[0, 1, 2]), read(&[2, 0, 1]));
    }
}
