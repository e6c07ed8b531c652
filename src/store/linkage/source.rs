//! The rows of a table as they go to the child that looks for duplicates.

use crate::error::{Error, Result};
use crate::pg::{activity, query, session, transaction};
use crate::store::table::{Alias, Column, Table};
use crm_ai_wire::linkage::{LinkColumn, RowWriter};
use pgrx::pg_sys;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Characters of a value that are compared.
const CHARS: usize = 256;
/// Most columns of a table that are looked at.
const COLUMNS_MAX: usize = 200;

/// A table to be searched.
#[derive(Debug)]
pub struct LinkSource {
    /// The table.
    pub table: Table,
    /// The place of the column that holds keys.
    pub key: usize,
    /// The places of the columns that are compared.
    places: Vec<usize>,
    /// These columns with their kinds.
    pub columns: Vec<LinkColumn>,
}

impl LinkSource {
    /// Checks what is asked for: 42703 for a column that is not there, 42804 for a key of a type
    /// that is not the server's own, 22023 where there is nothing to compare.
    pub fn new(
        source: pg_sys::Oid,
        key: &str,
        kinds: Option<&BTreeMap<String, Option<String>>>,
    ) -> Result<Self> {
        let table = Table::read(source)?;
        let key = table.find(key)?;
        if !table.columns[key].base.is_builtin() {
            return Err(Error::wrong_type(format!(
                "key column \"{}\" is not of a built-in type",
                table.columns[key].name
            ))
            .hint("use a key of a type such as bigint, uuid or text"));
        }
        let columns: Vec<(usize, Option<String>)> = match kinds {
            Some(kinds) => kinds
                .iter()
                .map(|(name, kind)| Ok((table.find(name)?, kind.clone())))
                .collect::<Result<_>>()?,
            None => comparable(&table, key),
        };
        let columns: Vec<_> = columns.into_iter().take(COLUMNS_MAX).collect();
        if columns.is_empty() {
            return Err(Error::invalid_argument(format!(
                "table \"{}\" has no column to compare beside its key",
                table.name
            ))
            .hint("name columns and kinds, as in '{\"name\": \"name\", \"email\": \"email\"}'"));
        }
        let column = |(place, kind): &(usize, Option<String>)| LinkColumn {
            name: table.columns[*place].name.clone(),
            kind: kind.clone(),
        };
        Ok(Self {
            columns: columns.iter().map(column).collect(),
            places: columns.into_iter().map(|(place, _)| place).collect(),
            table,
            key,
        })
    }

    /// The column of keys.
    pub fn key_column(&self) -> &Column {
        &self.table.columns[self.key]
    }

    /// A query for the key and the compared columns as text.
    fn query(&self) -> String {
        let alias = Alias::of(&self.table);
        let key = self.key_column();
        let key = key.as_text(&alias.column(key));
        let values = self.places.iter().map(|&place| compared(&self.table, &alias, place));
        let values: Vec<String> = std::iter::once(key).chain(values).collect();
        format!("SELECT {} FROM {} {alias}", values.join(", "), self.table.sql_name())
    }
}

/// A column as it is compared.
pub(super) fn compared(table: &Table, alias: &Alias, place: usize) -> String {
    let column = &table.columns[place];
    format!("pg_catalog.\"left\"({}, {CHARS})", column.as_text(&alias.column(column)))
}

/// The columns whose text may tell of a person: not the key, no documents, no lists.
fn comparable(table: &Table, key: usize) -> Vec<(usize, Option<String>)> {
    const DOCUMENTS: [pg_sys::Oid; 4] =
        [pg_sys::BYTEAOID, pg_sys::JSONOID, pg_sys::JSONBOID, pg_sys::XMLOID];
    let is_comparable = |&place: &usize| {
        let base = table.columns[place].base;
        place != key && !base.is_array() && !DOCUMENTS.contains(&base.oid)
    };
    (0..table.columns.len()).filter(is_comparable).map(|place| (place, None)).collect()
}

/// Writes the rows of a table into a file, within `temp_file_limit`; gives their number. 22004 for
/// a key that is NULL.
pub fn spill(source: &LinkSource, path: &Path) -> Result<u64> {
    let failed = |error: std::io::Error| Error::io("the file of rows", &error);
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut writer = RowWriter::new(BufWriter::with_capacity(1 << 18, file.map_err(failed)?));
    let limit = transaction::temp_file_limit_kb();
    let (mut rows, mut bytes) = (0, 0);
    activity::phase("reading rows", "rows", None, 0);
    session::in_plain_forms(|| {
        query::read(&source.query(), &[], |row| {
            let key = row.text(1).ok_or_else(|| null_key(source))?;
            bytes += writer.value(Some(&key)).map_err(failed)?;
            for place in 0..source.columns.len() {
                let value = row.text(place as i32 + 2);
                bytes += writer.value(value.as_deref()).map_err(failed)?;
            }
            rows += 1;
            activity::advance(1);
            match limit.filter(|limit| bytes > limit * 1024) {
                Some(limit) => Err(Error::over_temp_file_limit("the rows", limit)),
                None => Ok(true),
            }
        })
    })?;
    writer.finish().map_err(failed)?;
    Ok(rows)
}

fn null_key(source: &LinkSource) -> Error {
    Error::null_argument(format!(
        "key column \"{}\" of table \"{}\" holds a NULL",
        source.key_column().name,
        source.table.name
    ))
    .hint("use a column that identifies each row, such as the primary key")
}

impl LinkSource {
    /// The key's type in SQL.
    pub fn key_type(&self) -> String {
        self.key_column().base.sql_name()
    }
}
