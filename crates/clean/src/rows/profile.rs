//! Profile of a column: counts over its values, one after the other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::guess::{SAMPLE_MAX, guess};
use super::kind::Kind;
use super::shape::shape;
use super::value::{clean, is_absence};
use crate::phone::Region;

/// So many different shapes of a column are told apart; others count as `…`.
const SHAPES_MAX: usize = 1000;
/// So many of them are reported, the most frequent.
const SHAPES_SHOWN: usize = 10;

/// Counts the values of one column. Memory grows with the different values alone, eight bytes for
/// each.
#[derive(Debug)]
pub struct Column {
    name: String,
    region: Region,
    /// Known at first for a column that cannot hold text; else guessed from the first values.
    kind: Option<Kind>,
    waiting: Vec<String>,
    rows: u64,
    nulls: u64,
    there: u64,
    valid: u64,
    distinct: HashSet<u64>,
    problems: BTreeMap<&'static str, u64>,
    shapes: HashMap<String, u64>,
}

/// The counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The column.
    pub name: String,
    /// The kind given, or guessed.
    pub kind: Kind,
    /// Share of rows that hold NULL; none without rows.
    pub null_share: Option<f64>,
    /// Different values, NULL left out.
    pub distinct_values: u64,
    /// Share of the values there (not NULL, blank or placeholder) that the kind can read; none
    /// without such values.
    pub valid_share: Option<f64>,
    /// Number of values with each problem.
    pub problems: BTreeMap<&'static str, u64>,
    /// The most frequent shapes with their counts, the most frequent first.
    pub shapes: Vec<(String, u64)>,
}

impl Profile {
    /// Takes the guess back: every value is fine as it is.
    pub fn as_kept(&mut self) {
        self.kind = Kind::Keep;
        self.valid_share = self.null_share.filter(|share| *share < 1.0).map(|_| 1.0);
        self.problems.clear();
    }
}

impl Column {
    /// A column without values yet. `kind` is guessed where it is none; phones without country code
    /// are read in `region`.
    pub fn new(name: &str, kind: Option<Kind>, region: Region) -> Self {
        Self {
            name: name.to_owned(),
            region,
            kind: kind.map(|kind| kind.in_region(region)),
            waiting: Vec::new(),
            rows: 0,
            nulls: 0,
            there: 0,
            valid: 0,
            distinct: HashSet::new(),
            problems: BTreeMap::new(),
            shapes: HashMap::new(),
        }
    }

    /// Counts one more row; none is NULL.
    pub fn add(&mut self, value: Option<&str>) {
        self.rows += 1;
        let Some(value) = value else {
            self.nulls += 1;
            return;
        };
        match self.kind {
            Some(kind) => self.count(value, kind),
            None => {
                self.waiting.push(value.to_owned());
                if self.waiting.len() == SAMPLE_MAX {
                    self.settle();
                }
            }
        }
    }

    /// Guesses the kind, and counts what waited for it.
    fn settle(&mut self) -> Kind {
        let waiting = std::mem::take(&mut self.waiting);
        let kind = self.kind.unwrap_or_else(|| {
            let values: Vec<&str> = waiting.iter().map(String::as_str).collect();
            guess(&self.name, &values, self.region).in_region(self.region)
        });
        self.kind = Some(kind);
        for value in &waiting {
            self.count(value, kind);
        }
        kind
    }

    fn count(&mut self, value: &str, kind: Kind) {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.distinct.insert(hasher.finish());
        let cleaned = clean(value, kind);
        if let Some(problem) = cleaned.problem {
            *self.problems.entry(problem).or_default() += 1;
        }
        if !cleaned.problem.is_some_and(is_absence) {
            self.there += 1;
            self.valid += u64::from(cleaned.value.is_some());
        }
        let shape = shape(value);
        let is_known = self.shapes.contains_key(&shape);
        let shape = if is_known || self.shapes.len() < SHAPES_MAX { shape } else { "…".into() };
        *self.shapes.entry(shape).or_default() += 1;
    }

    /// The counts.
    pub fn finish(mut self) -> Profile {
        let kind = self.settle();
        let mut shapes: Vec<(String, u64)> = self.shapes.into_iter().collect();
        shapes.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        shapes.truncate(SHAPES_SHOWN);
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        Profile {
            name: self.name,
            kind,
            null_share: share(self.nulls, self.rows),
            distinct_values: self.distinct.len() as u64,
            valid_share: share(self.valid, self.there),
            problems: self.problems,
            shapes,
        }
    }
}
