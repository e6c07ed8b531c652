//! The kept part of a search for duplicates, for questions about single records and pairs: the
//! model, the keys, and how common values and words are. No value itself is kept, but its hash.

#[cfg(feature = "search")]
mod keep;

#[cfg(feature = "search")]
pub use keep::evidence_of;

use crate::blocking::{self, Component, Key};
use crate::fold::hash;
use crate::layout::Layout;
use crate::model::{Model, Weighed, probability};
use crate::pattern::Pattern;
use crate::rows::{Header, Rows};
use crate::table::{Column, Table, rarity};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A search as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    /// The source's columns, in the order in which their values are given.
    pub headers: Vec<String>,
    layout: Layout,
    model: Model,
    rows: usize,
    columns: Vec<Statistics>,
    /// The names of the components of each key.
    keys: Vec<(String, Option<String>)>,
}

/// Frequencies of the values of a column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Statistics {
    present: usize,
    /// Hashes of values with their frequency, for those that are not rare.
    values: FxHashMap<u64, f64>,
    /// Hashes of words with their rarity.
    words: FxHashMap<u64, f32>,
}

/// A record beside another.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The place of the other.
    pub place: usize,
    /// The match weight in bits.
    pub weight: f64,
    /// The weight by its parts.
    pub weighed: Weighed,
}

impl Compared {
    /// The probability that both are one person.
    pub fn probability(&self) -> f64 {
        probability(self.weight)
    }
}

/// Values of a record, one for each of the headers.
pub type Record = Vec<Option<String>>;

impl Stored {
    /// The names and kinds of the columns that are compared.
    pub fn columns(&self) -> impl Iterator<Item = (&str, crate::kind::Kind)> {
        self.layout.columns.iter().map(|column| (column.name.as_str(), column.kind))
    }

    /// The source's column that a compared one is of.
    pub fn source(&self, column: usize) -> &str {
        &self.headers[self.layout.columns[column].source]
    }

    /// The hashes by which each row of a table is looked up.
    pub fn hashes(&self, table: &Table) -> Hasher {
        let components = blocking::components(table);
        let place = |name: &str| components.iter().position(|component| component.name == name);
        let key = |(a, b): &(String, Option<String>)| {
            let b = match b {
                Some(b) => Some(place(b)?),
                None => None,
            };
            Some(Key { a: place(a)?, b })
        };
        Hasher { keys: self.keys.iter().filter_map(key).collect(), components }
    }

    /// A table of records, as the table was compared.
    pub fn table(&self, records: &[Record]) -> Table {
        let header = |name: &String| Header { name: name.clone(), kind: None };
        let mut rows = Rows::new(self.headers.iter().map(header).collect());
        for record in records {
            rows.push("", record.iter().map(Option::as_deref));
        }
        let mut table = Table::fill(&rows, &mut self.layout.clone(), false);
        table.rows = self.rows.max(records.len());
        for (column, statistics) in table.columns.iter_mut().zip(&self.columns) {
            statistics.apply(column);
        }
        table
    }

    /// The first record beside each of the others.
    pub fn compare(&self, records: &[Record]) -> Vec<Compared> {
        let table = self.table(records);
        let compare = |place: usize| {
            let pattern = Pattern::of(&table, 0, place);
            let weight = self.model.score(&table, 0, pattern);
            Compared { place, weight, weighed: self.model.weigh(&table, 0, pattern) }
        };
        (1..records.len()).map(compare).collect()
    }

    /// The weight that a pair has before anything is known of it.
    pub fn prior(&self) -> f64 {
        self.model.prior()
    }
}

/// The hashes of rows in the keys of a search.
#[derive(Debug)]
pub struct Hasher {
    keys: Vec<Key>,
    components: Vec<Component>,
}

impl Hasher {
    /// Those of a row, sorted, each once. Each key has hashes of its own.
    pub fn of(&self, table: &Table, row: usize) -> Vec<i32> {
        let mut hashes = Vec::new();
        for (place, key) in (0u64..).zip(&self.keys) {
            key.each(table, &self.components, row, |hash| {
                hashes.push((crate::fold::mix(hash ^ (place << 56)) as u32).cast_signed());
            });
        }
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

impl Statistics {
    /// Has a column of few rows weigh values and words as that of the whole table does.
    fn apply(&self, column: &mut Column) {
        let dictionary = &*column.dictionary;
        let ordinary = 1.0 / self.present.max(1) as f64;
        let frequency = |id: u32| {
            let hash = hash(dictionary.values.text(id), VALUE_SALT);
            self.values.get(&hash).copied().unwrap_or(ordinary)
        };
        column.frequency = (0..dictionary.values.count() as u32).map(frequency).collect();
        let rare = rarity(self.present, 1.0);
        let rarity = |word: u32| {
            let hash = hash(dictionary.words.text(word), WORD_SALT);
            self.words.get(&hash).copied().unwrap_or(rare)
        };
        column.rarity = (0..dictionary.words.count() as u32).map(rarity).collect();
        column.present = self.present;
    }
}

const VALUE_SALT: u64 = 21;
const WORD_SALT: u64 = 22;

/// Evidence of a pair, ready to be read: each column with its level and weight, and what
/// swapped names and relatives take away.
pub fn evidence<'a>(
    columns: impl Iterator<Item = (&'a str, crate::kind::Kind)>,
    weighed: &Weighed,
) -> Vec<(&'a str, Option<&'static str>, f64)> {
    let mut parts: Vec<(&str, Option<&'static str>, f64)> = columns
        .zip(&weighed.columns)
        .filter_map(|((name, kind), column)| {
            let (level, weight) = (*column)?;
            Some((name, kind.levels().get(level).copied(), weight))
        })
        .collect();
    if weighed.swap != 0.0 {
        parts.push(("swapped names", None, weighed.swap));
    }
    if weighed.relatives < -0.005 {
        parts.push(("relatives", None, weighed.relatives));
    }
    parts
}

/// Evidence as JSON: by column its level and its weight in bits, to the hundredth.
pub fn to_json(evidence: &[(&str, Option<&'static str>, f64)]) -> serde_json::Value {
    let part = |(name, level, weight): &(&str, Option<&'static str>, f64)| {
        let weight = (weight * 100.0).round() / 100.0;
        let value = match level {
            Some(level) => serde_json::json!({ "level": level, "weight": weight }),
            None => serde_json::json!({ "weight": weight }),
        };
        ((*name).to_owned(), value)
    };
    serde_json::Value::Object(evidence.iter().map(part).collect())
}
