//! Rows as they are compared: columns of normalised values.

use crate::kind::{self, Kind};
use crate::layout::{Layout, Part};
use crate::names;
use crate::rows::Rows;
use crate::value::{Dictionary, normalise};
use std::sync::Arc;

/// A column that is compared.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name: the source's, or `given name` and `family name` of a name that is taken apart.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// The value of each row by its number in the dictionary; 0 where it is missing.
    pub ids: Vec<u32>,
    /// The distinct values. Given and family names have one together.
    pub dictionary: Arc<Dictionary>,
    /// Number of rows with each value.
    pub counts: Vec<u32>,
    /// Number of rows with any value.
    pub present: usize,
    /// The weight of each word: its inverse document frequency.
    pub rarity: Vec<f32>,
    /// The share of other people's rows that have a value (`count_frequencies`).
    pub frequency: Vec<f64>,
}

impl Column {
    fn new(name: &str, kind: Kind, ids: Vec<u32>, dictionary: Arc<Dictionary>) -> Self {
        let mut counts = vec![0u32; dictionary.values.count()];
        for &id in &ids {
            counts[id as usize] += 1;
        }
        counts[0] = 0;
        let present = counts.iter().map(|count| *count as usize).sum();
        let mut column = Self {
            name: name.to_owned(),
            kind,
            ids,
            dictionary,
            counts,
            present,
            rarity: Vec::new(),
            frequency: Vec::new(),
        };
        column.rarity = column.inverse_document_frequency();
        let rows = column.present.max(1) as f64;
        let others = |count: &u32| f64::from((*count).max(2) - 1) / rows;
        column.frequency = column.counts.iter().map(others).collect();
        column
    }

    /// The rarity of a word where words are ranked by it: words of fewer rows than one in 5,000 are
    /// equally rare, so that a part of the table ranks them as all of it does.
    pub fn ranked_rarity(&self, token: u32) -> f32 {
        self.rarity[token as usize].min(rarity_cap(self.present))
    }

    /// `max(0.1, ln((n + 1) / (df + 0.5)))` of each word.
    fn inverse_document_frequency(&self) -> Vec<f32> {
        let dictionary = &*self.dictionary;
        let mut rows_with = vec![0u32; dictionary.words.count()];
        for id in 1..dictionary.values.count() as u32 {
            for &token in dictionary.tokens(dictionary.values.get(id).0) {
                rows_with[token as usize] += self.counts[id as usize];
            }
        }
        rows_with.iter().map(|df| rarity(self.present, *df as f32)).collect()
    }

    /// The number of distinct values.
    pub fn distinct(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }

    /// True if too few rows have a value, or all the same one, for the column to tell anything.
    fn is_useless(&self, rows: usize) -> bool {
        let too_few = self.present * 100 < rows.min(100_000) && self.present < 1000;
        too_few || self.distinct() <= 1
    }

    fn repeats(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.dictionary.values.count() == other.dictionary.values.count()
            && self.ids == other.ids
    }
}

/// The weight of a word that `df` of `rows` rows have.
pub(crate) fn rarity(rows: usize, df: f32) -> f32 {
    ((rows as f32 + 1.0) / (df + 0.5)).ln().max(0.1)
}

/// The weight of the rarest words that are told apart.
pub(crate) fn rarity_cap(rows: usize) -> f32 {
    rarity(rows, rows as f32 / 5000.0 + 2.0)
}

/// A table as it is compared.
#[derive(Debug, Clone)]
pub struct Table {
    /// The number of rows.
    pub rows: usize,
    /// The number of rows of the left table, where two are linked; they come first.
    pub left: Option<usize>,
    /// The columns. Where `has_names`, the first is the given name and the second the family name.
    pub columns: Vec<Column>,
    /// True if given and family name are columns of their own, so that they may be swapped.
    pub has_names: bool,
}

impl Table {
    /// Rows in their order by [`Rows::sort`], by a layout. Columns that tell nothing are left out
    /// of both where `may_drop`.
    pub fn fill(rows: &Rows, layout: &mut Layout, may_drop: bool) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        let mut kept = Vec::new();
        let mut planned = std::mem::take(&mut layout.columns);
        let has_names = planned.len() >= 2
            && planned[0].kind == Kind::GivenName
            && planned[1].kind == Kind::FamilyName;
        if has_names {
            let family = planned.remove(1);
            let given = planned.remove(0);
            let mut dictionary = Dictionary::default();
            let given_ids = ids(rows, given.source, given.part, Kind::GivenName, &mut dictionary);
            let family_ids =
                ids(rows, family.source, family.part, Kind::GivenName, &mut dictionary);
            dictionary.finish();
            let dictionary = Arc::new(dictionary);
            for (column, ids) in [(given, given_ids), (family, family_ids)] {
                columns.push(Column::new(&column.name, column.kind, ids, Arc::clone(&dictionary)));
                kept.push(column);
            }
        }
        for column in planned {
            let mut dictionary = Dictionary::default();
            let ids = ids(rows, column.source, column.part, column.kind, &mut dictionary);
            dictionary.finish();
            let filled = Column::new(&column.name, column.kind, ids, Arc::new(dictionary));
            let is_dropped =
                filled.is_useless(rows.len()) || columns.iter().any(|c| filled.repeats(c));
            if !(may_drop && is_dropped) {
                columns.push(filled);
                kept.push(column);
            }
        }
        layout.columns = kept;
        Self { rows: rows.len(), left: rows.left(), columns, has_names }
    }

    /// True if two rows may be compared: of linked tables one must be of each.
    pub fn is_pair(&self, a: usize, b: usize) -> bool {
        self.left.is_none_or(|left| (a < left) != (b < left))
    }

    /// The number of pairs.
    pub fn pairs(&self) -> f64 {
        let rows = self.rows as f64;
        match self.left {
            Some(left) => left as f64 * (rows - left as f64),
            None => rows * (rows - 1.0) / 2.0,
        }
    }

    /// True if a column belongs to one person alone, and is not shared in a household.
    pub fn is_individual(&self, column: usize) -> bool {
        matches!(self.columns[column].kind, Kind::GivenName | Kind::BirthDate | Kind::Code)
    }
}

/// Each number below `count` as `of` makes it, on all threads.
#[cfg(feature = "search")]
fn each<T: Send>(count: usize, of: impl Fn(u32) -> T + Send + Sync) -> Vec<T> {
    use rayon::prelude::*;
    (0..count as u32).into_par_iter().map(of).collect()
}

/// Each number below `count` as `of` makes it.
#[cfg(not(feature = "search"))]
fn each<T>(count: usize, of: impl Fn(u32) -> T) -> Vec<T> {
    (0..count as u32).map(of).collect()
}

/// The values of a source's column, normalised, by their numbers in `dictionary`, given in
/// the order of the rows.
fn ids(
    rows: &Rows,
    source: usize,
    part: Part,
    kind: Kind,
    dictionary: &mut Dictionary,
) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let raw = &rows.columns[source];
    let of_part = |text: &str| -> Option<String> {
        if crate::fold::is_missing(text) {
            return None;
        }
        let (given, family) = match part {
            Part::Whole => return normalise(kind, text),
            Part::Given | Part::Family => names::split(text),
        };
        let text = if part == Part::Given { given } else { family };
        (!text.is_empty()).then_some(text)
    };
    let texts = each(raw.distinct(), |id| of_part(raw.value(id)));
    let mut numbers = vec![UNSEEN; texts.len()];
    let number = |&id: &u32| {
        let number = &mut numbers[id as usize];
        if *number == UNSEEN {
            *number = texts[id as usize].as_deref().map_or(0, |text| dictionary.intern(kind, text));
        }
        *number
    };
    raw.ids.iter().map(number).collect()
}

/// A sample of the values of a source's column that are not missing, with the number of rows that
/// were looked at.
pub(crate) fn sample(rows: &Rows, source: usize, step: usize) -> Vec<&str> {
    let raw = &rows.columns[source];
    raw.ids
        .iter()
        .step_by(step)
        .map(|&id| raw.value(id))
        .filter(|value| !crate::fold::is_missing(value))
        .collect()
}

/// True if the values of a column are keys: nearly every row has one of its own, and the header
/// says so.
pub(crate) fn is_key(rows: &Rows, source: usize) -> bool {
    let raw = &rows.columns[source];
    let present = raw.ids.iter().filter(|id| **id != 0).count();
    present + 1 == raw.distinct()
        && present * 100 > rows.len() * 95
        && kind::is_key_header(&raw.header.name)
}
