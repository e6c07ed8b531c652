//! Single records beside the rows of a table that was searched.

use super::Registered;
use super::source::compared;
use crate::error::Result;
use crate::pg::{query, session};
use crate::store::sql::{self, EQ};
use crate::store::table::{Alias, Table};

/// Most rows that a record is compared with: those that share most keys with it.
const CANDIDATES_MAX: usize = 500;

/// Arguments of a look-up.
#[derive(Debug)]
pub struct Lookup<'a> {
    /// The hashes of the record's keys.
    pub hashes: Vec<i32>,
    /// The key of a row that is left out, as it is the record itself.
    pub without: Option<&'a str>,
}

/// Keys of rows that share a key with a record.
pub fn look_up(registered: &Registered, lookup: &Lookup<'_>) -> Result<Vec<String>> {
    let keys = registered.keys()?;
    let sql = format!(
        "SELECT k.key::pg_catalog.text
         FROM {keys} k
         WHERE k.hashes OPERATOR(pg_catalog.&&) $1
             AND ($2 IS NULL OR k.key::pg_catalog.text OPERATOR(pg_catalog.<>) $2)
         ORDER BY (SELECT pg_catalog.count(*) FROM pg_catalog.unnest(k.hashes) AS u(h)
                   WHERE u.h {EQ} ANY ($1)) DESC, k.key
         LIMIT {CANDIDATES_MAX}"
    );
    let mut found = Vec::new();
    query::read(&sql, &[lookup.hashes.clone().into(), lookup.without.into()], |row| {
        found.extend(row.text(1));
        Ok(true)
    })?;
    Ok(found)
}

/// The compared values of rows, by their keys, as the caller may see them.
pub fn records_of(
    table: &Table,
    key: &str,
    headers: &[String],
    keys: &[String],
) -> Result<Vec<(String, Vec<Option<String>>)>> {
    let alias = Alias::of(table);
    let key = &table.columns[table.find(key)?];
    let places: Vec<usize> = headers.iter().map(|name| table.find(name)).collect::<Result<_>>()?;
    let values: Vec<String> = std::iter::once(key.as_text(&alias.column(key)))
        .chain(places.iter().map(|&place| compared(table, &alias, place)))
        .collect();
    let key_type = key.base.sql_name();
    // An array of a type's values, by which an index of the key's is used.
    let list: Vec<String> =
        keys.iter().map(|key| format!("{}::{key_type}", sql::plain_literal(key))).collect();
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM {} {alias} WHERE {}::{key_type} {EQ} ANY (ARRAY[{}])",
        values.join(", "),
        table.sql_name(),
        alias.column(key),
        list.join(", ")
    );
    let mut records = Vec::new();
    session::in_plain_forms(|| {
        query::read(&sql, &[], |row| {
            let values = (0..headers.len()).map(|place| row.text(place as i32 + 2)).collect();
            records.extend(row.text(1).map(|key| (key, values)));
            Ok(true)
        })
    })?;
    Ok(records)
}
