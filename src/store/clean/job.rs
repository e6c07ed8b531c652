//! Arguments of `clean_table`, checked against the source.

use crate::error::{Error, Result};
use crate::settings;
use crate::store::table::{Column, Table, sample};
use crm_ai_clean::phone::Region;
use crm_ai_clean::rows::{self, Kind, OnInvalid, Plan, Step};
use pgrx::pg_sys;
use std::collections::BTreeMap;

/// The arguments of `clean_table`, whose names they have.
#[derive(Debug)]
pub struct Request {
    /// The table to clean.
    pub source: pg_sys::Oid,
    /// The table to make, possibly qualified, as SQL writes it.
    pub target: String,
    /// Kinds by column; guessed where `None`.
    pub columns: Option<BTreeMap<String, Kind>>,
    /// Columns that must not be missing; `*` is all.
    pub required: Vec<String>,
    /// Columns whose equality makes a duplicate; `*` is the whole row.
    pub distinct_on: Option<Vec<String>>,
    /// Columns of the result, in order; all where `None`.
    pub keep: Option<Vec<String>>,
    /// True if only to count.
    pub dry_run: bool,
    /// True if a target that exists is replaced.
    pub replace: bool,
    /// Treatment of values that cannot be read; `None`: they stay in guessed columns and become
    /// NULL in named ones.
    pub on_invalid: Option<OnInvalid>,
}

/// Definition of duplicate rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distinct {
    /// Nothing does.
    No,
    /// All columns are equal as they came.
    WholeRow,
    /// These columns are equal when clean, and at least one holds a value.
    Columns(Vec<usize>),
}

/// A column that is looked at: cleaned, or only asked whether it is there.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// Its place in the source.
    pub column: usize,
    /// Treatment of its values.
    pub step: Step,
    /// True if values stay in it that its kind cannot read, so that it is text.
    pub is_mixed: bool,
}

/// Cleaning of a table.
#[derive(Debug)]
pub struct CleaningJob {
    /// The table to clean.
    pub source: Table,
    /// The columns that are looked at.
    pub looked: Vec<Looked>,
    /// The columns of the result, by their place in the source.
    pub keep: Vec<usize>,
    /// Definition of duplicate rows.
    pub distinct: Distinct,
}

impl CleaningJob {
    /// Checks a request: 42703 for unknown columns, 22023 for what cannot be done.
    pub fn new(request: &Request, source: Table, in_place: bool) -> Result<Self> {
        let required = required(request, &source)?;
        let keep = keep(request, &source, in_place)?;
        let distinct = distinct(request, &source)?;
        let kinds = match &request.columns {
            Some(kinds) => given_kinds(kinds, &source, in_place)?,
            None => guessed_kinds(&source, in_place)?,
        };
        let by_default = match request.columns {
            Some(_) => OnInvalid::Null,
            None => OnInvalid::Keep,
        };
        let on_invalid = request.on_invalid.unwrap_or(by_default);
        let is_compared =
            |index: &usize| matches!(&distinct, Distinct::Columns(list) if list.contains(index));
        let looked = (0..source.columns.len())
            .filter(|index| {
                let is_used = keep.contains(index) || is_compared(index);
                required[*index] || (kinds[*index] != Kind::Keep && is_used)
            })
            .map(|index| {
                let column = &source.columns[index];
                let is_cleaned = kinds[index] != Kind::Keep;
                let step = Step {
                    kind: kinds[index],
                    is_required: required[index],
                    is_kept: keep.contains(&index),
                    chars_max: column.base.chars_max().filter(|_| in_place && is_cleaned),
                    is_not_null: in_place && column.is_not_null,
                    on_invalid,
                };
                Looked { column: index, step, is_mixed: false }
            })
            .collect();
        Ok(Self { source, looked, keep, distinct })
    }

    /// The plan of the columns that are looked at.
    pub fn plan(&self) -> Plan {
        Plan(self.looked.iter().map(|looked| looked.step).collect())
    }

    /// The place of a column's clean value among the looked at, from 1; none where it is not
    /// cleaned.
    pub fn cleaned(&self, column: usize) -> Option<usize> {
        self.looked
            .iter()
            .position(|looked| looked.column == column && looked.step.kind != Kind::Keep)
            .map(|place| place + 1)
    }

    /// Has a column cleaned as text, whose values its guessed kind does not read; one that holds no
    /// text stays as it is.
    pub fn fall_back(&mut self, place: usize) {
        let is_text = self.source.columns[self.looked[place].column].base.is_text();
        self.looked[place].step.kind = if is_text { Kind::Text } else { Kind::Keep };
    }

    /// The column that is looked at.
    pub fn column(&self, looked: &Looked) -> &Column {
        &self.source.columns[looked.column]
    }
}

fn is_all(names: &[String]) -> bool {
    names.len() == 1 && names[0] == "*"
}

fn required(request: &Request, source: &Table) -> Result<Vec<bool>> {
    let mut required = vec![is_all(&request.required); source.columns.len()];
    if !is_all(&request.required) {
        for name in &request.required {
            required[source.find(name)?] = true;
        }
    }
    Ok(required)
}

fn keep(request: &Request, source: &Table, in_place: bool) -> Result<Vec<usize>> {
    let Some(names) = &request.keep else { return Ok((0..source.columns.len()).collect()) };
    if in_place {
        return Err(Error::invalid_argument(
            "keep cannot be given when a table is cleaned in place",
        )
        .hint("cleaning in place keeps all columns; give a new table as target"));
    }
    if names.is_empty() {
        return Err(Error::invalid_argument("keep names no column")
            .hint("leave keep out to keep all columns"));
    }
    let mut keep = Vec::new();
    for name in names {
        let index = source.find(name)?;
        if keep.contains(&index) {
            return Err(Error::invalid_argument(format!("keep names column \"{name}\" twice")));
        }
        keep.push(index);
    }
    Ok(keep)
}

fn distinct(request: &Request, source: &Table) -> Result<Distinct> {
    match &request.distinct_on {
        None => Ok(Distinct::No),
        Some(names) if is_all(names) => Ok(Distinct::WholeRow),
        Some(names) if names.is_empty() => {
            Err(Error::invalid_argument("distinct_on names no column")
                .hint("name columns, give '{*}' for the whole row, or leave it out"))
        }
        Some(names) => {
            let columns = names.iter().map(|name| source.find(name)).collect::<Result<_>>()?;
            Ok(Distinct::Columns(columns))
        }
    }
}

/// The region of phones that are written without a country code.
pub fn default_region() -> Result<Region> {
    Ok(settings::default_region().parse::<Region>()?)
}

fn given_kinds(
    kinds: &BTreeMap<String, Kind>,
    source: &Table,
    in_place: bool,
) -> Result<Vec<Kind>> {
    let region = default_region()?;
    let mut found = vec![Kind::Keep; source.columns.len()];
    for (name, kind) in kinds {
        let index = source.find(name)?;
        let column = &source.columns[index];
        let kind = kind.in_region(region);
        found[index] = if is_clean_by_type(column, kind) { Kind::Keep } else { kind };
        if in_place && found[index] != Kind::Keep {
            check_changeable(source, index)?;
        }
    }
    Ok(found)
}

/// True if the column's type says already what the kind would make of its values.
fn is_clean_by_type(column: &Column, kind: Kind) -> bool {
    match kind {
        Kind::Date(_) => column.base.oid == pg_sys::DATEOID,
        Kind::Timestamp(_) => column.is_timestamp(),
        Kind::Boolean => column.base.oid == pg_sys::BOOLOID,
        _ => false,
    }
}

/// Fails unless clean text can be put into the column.
fn check_changeable(source: &Table, index: usize) -> Result<()> {
    let column = &source.columns[index];
    let name = &column.name;
    let reason = if !column.base.is_text() {
        "is not of a text type, and clean values are text"
    } else if column.is_computed || column.is_numbered {
        "is generated"
    } else if source.primary_key.contains(&index) {
        "is part of the primary key, by which changes are undone"
    } else {
        return Ok(());
    };
    Err(Error::invalid_argument(format!(
        "column \"{name}\" cannot be cleaned in place: it {reason}"
    ))
    .hint("give a new table as target, or leave the column out of columns"))
}

/// Text columns are guessed by name and values; of others only numbers that are phones.
fn guessed_kinds(source: &Table, in_place: bool) -> Result<Vec<Kind>> {
    let region = default_region()?;
    let candidates: Vec<usize> = (0..source.columns.len())
        .filter(|&index| {
            let column = &source.columns[index];
            if in_place {
                check_changeable(source, index).is_ok()
            } else {
                column.base.is_text() || column.is_number()
            }
        })
        .collect();
    let samples = sample(source, &candidates)?;
    let mut found = vec![Kind::Keep; source.columns.len()];
    for (&index, sample) in candidates.iter().zip(&samples) {
        let column = &source.columns[index];
        let values: Vec<&str> = sample.iter().map(String::as_str).collect();
        let kind = rows::guess(&column.name, &values, region).in_region(region);
        if column.base.is_text() || matches!(kind, Kind::Phone(_)) {
            found[index] = kind;
        }
    }
    Ok(found)
}
