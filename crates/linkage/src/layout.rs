//! The columns of a source that are compared, with their kinds.

use crate::fold::words;
use crate::kind::{self, Kind};
use crate::names;
use crate::rows::Rows;
use crate::table::{is_key, sample};
use crate::value::normalise;
use serde::{Deserialize, Serialize};

/// Most rows that kinds are guessed from.
const SAMPLE: usize = 20_000;
/// Most columns that are compared: a pair's levels are four bits each in 128.
pub const COLUMNS_MAX: usize = 30;
/// Share of full names that hold both other names, above which they tell nothing more.
const DERIVED: f64 = 0.6;

/// The part of a value that a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All of it.
    Whole,
    /// The given name of a whole name.
    Given,
    /// The family name of a whole name.
    Family,
}

/// A column to be compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// The place of the source's column.
    pub source: usize,
    /// The part of it.
    pub part: Part,
    /// Its kind.
    pub kind: Kind,
}

/// The columns to be compared; given and family name first where there are both.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Layout {
    /// The columns.
    pub columns: Vec<Planned>,
}

impl Layout {
    /// Guesses what was not said.
    pub fn of(rows: &Rows) -> Self {
        let kinds = kinds(rows);
        let mut layout = Self::default();
        let rest = layout.take_names(rows, kinds);
        for (source, kind) in rest.into_iter().enumerate() {
            if kind != Kind::Ignore && layout.columns.len() < COLUMNS_MAX {
                layout.push(&rows.columns[source].header.name, source, Part::Whole, kind);
            }
        }
        layout
    }

    fn push(&mut self, name: &str, source: usize, part: Part, kind: Kind) {
        self.columns.push(Planned { name: name.to_owned(), source, part, kind });
    }

    /// Takes the columns of names; gives the kinds of the rest, in which names that are not taken
    /// are texts.
    fn take_names(&mut self, rows: &Rows, mut kinds: Vec<Kind>) -> Vec<Kind> {
        let given = fullest(rows, &kinds, Kind::GivenName);
        let family = fullest(rows, &kinds, Kind::FamilyName);
        let whole = kinds.iter().position(|kind| *kind == Kind::Name);
        match (given, family, whole) {
            (Some(given), Some(family), _) => {
                let name = |source: usize| rows.columns[source].header.name.clone();
                self.push(&name(given), given, Part::Whole, Kind::GivenName);
                self.push(&name(family), family, Part::Whole, Kind::FamilyName);
                for (source, kind) in kinds.iter_mut().enumerate() {
                    if *kind == Kind::Name && is_derived(rows, source, given, family) {
                        *kind = Kind::Ignore;
                    }
                }
                (kinds[given], kinds[family]) = (Kind::Ignore, Kind::Ignore);
            }
            (_, _, Some(whole)) => {
                self.take_whole_name(rows, whole);
                kinds[whole] = Kind::Ignore;
            }
            _ => {}
        }
        let is_name = |kind| matches!(kind, Kind::GivenName | Kind::FamilyName | Kind::Name);
        kinds.into_iter().map(|kind| if is_name(kind) { Kind::Text } else { kind }).collect()
    }

    /// Takes a column of whole names: as given and family name, or as it is where no name has two
    /// parts.
    fn take_whole_name(&mut self, rows: &Rows, source: usize) {
        let step = (rows.len() / SAMPLE).max(1);
        let has_given = |name: &&str| !names::split(name).0.is_empty();
        if sample(rows, source, step).iter().any(has_given) {
            self.push("given name", source, Part::Given, Kind::GivenName);
            self.push("family name", source, Part::Family, Kind::FamilyName);
        } else {
            let name = &rows.columns[source].header.name;
            self.push(name, source, Part::Whole, Kind::Name);
        }
    }
}

/// The kind of each column.
fn kinds(rows: &Rows) -> Vec<Kind> {
    let step = (rows.len() / SAMPLE).max(1);
    let kind = |(source, column): (usize, &crate::rows::RawColumn)| {
        let guessed = || match kind::guess(&column.header.name, &sample(rows, source, step)) {
            Kind::Code | Kind::Text | Kind::Category if is_key(rows, source) => Kind::Ignore,
            Kind::Date if kind::is_birth_header(&column.header.name) => Kind::BirthDate,
            kind => kind,
        };
        column.header.kind.unwrap_or_else(guessed)
    };
    rows.columns.iter().enumerate().map(kind).collect()
}

/// The column of a kind with the most values.
fn fullest(rows: &Rows, kinds: &[Kind], wanted: Kind) -> Option<usize> {
    let of_kind = (0..kinds.len()).filter(|&source| kinds[source] == wanted);
    of_kind
        .rev()
        .max_by_key(|&source| rows.columns[source].ids.iter().filter(|id| **id != 0).count())
}

/// True if a column of whole names is made of the given and family names beside it.
fn is_derived(rows: &Rows, whole: usize, given: usize, family: usize) -> bool {
    let step = (rows.len() / SAMPLE).max(1);
    let value = |source: usize, row: usize| {
        let column = &rows.columns[source];
        column.value(column.ids[row])
    };
    let (mut both, mut all) = (0, 0);
    for row in (0..rows.len()).step_by(step) {
        let names = [given, family].map(|source| normalise(Kind::GivenName, value(source, row)));
        let [Some(given), Some(family)] = names else { continue };
        let whole = words(value(whole, row));
        if !whole.is_empty() {
            all += 1;
            both += u32::from(whole.contains(&given) && whole.contains(&family));
        }
    }
    f64::from(both) > DERIVED * f64::from(all.max(1))
}
