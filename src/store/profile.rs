//! Profile of a table's columns: a sample of its rows, read with the caller's rights and counted.

use crate::error::Result;
use crate::pg::query;
use crate::store::clean::default_region;
use crate::store::sql;
use crate::store::table::{Alias, Table};
use crm_ai_clean::rows::{Column, Kind, Profile};
use pgrx::pg_sys;

/// The profile of each column of `source`, from `sample` rows: all of a table that has no more,
/// else rows spread over it, the same at each call.
pub fn profile(source: pg_sys::Oid, sample: u32) -> Result<Vec<Profile>> {
    let source = Table::read(source)?;
    let region = default_region()?;
    let mut columns: Vec<Column> = source
        .columns
        .iter()
        .map(|column| {
            let is_guessed = column.base.is_text() || column.is_number();
            Column::new(&column.name, (!is_guessed).then_some(Kind::Keep), region)
        })
        .collect();
    query::read(&sampling(&source, sample)?, &[], |row| {
        for (column, place) in columns.iter_mut().zip(1..) {
            column.add(row.text(place).as_deref());
        }
        Ok(true)
    })?;
    let profiles = columns.into_iter().zip(&source.columns).map(|(column, described)| {
        let mut profile = column.finish();
        // A number is a phone or just a number, whatever its column's name says.
        if !described.base.is_text() && !matches!(profile.kind, Kind::Phone(_)) {
            profile.as_kept();
        }
        profile
    });
    Ok(profiles.collect())
}

fn sampling(source: &Table, sample: u32) -> Result<String> {
    let alias = Alias::of(source);
    let values: Vec<String> = source
        .columns
        .iter()
        .map(|column| sql::sampled(&column.as_text(&alias.column(column))))
        .collect();
    let table = source.sql_name();
    let mut rows = 0_u64;
    if source.has_places() {
        query::read(&format!("SELECT pg_catalog.count(*) FROM {table}"), &[], |row| {
            rows = row.text(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            Ok(false)
        })?;
    }
    // A little more than asked for, as the method gives about so many.
    let percent = 110.0 * f64::from(sample) / rows as f64;
    let method = if rows > u64::from(sample) && percent < 100.0 {
        format!(" TABLESAMPLE BERNOULLI ({percent}) REPEATABLE (1)")
    } else {
        String::new()
    };
    Ok(format!("SELECT {} FROM {table} {alias}{method} LIMIT {sample}", values.join(", ")))
}
