//! A table of a user's, as the catalogue describes it, and its rows in SQL.

use super::caller;
use super::sql::{self, EQ};
use crate::error::{Error, Result};
use crate::pg::types::{self, Base};
use crate::pg::{catalog, query};
use pgrx::pg_sys;
use std::fmt;

/// A table, a view, or anything else that rows can be read from.
#[derive(Debug, Clone)]
pub struct Table {
    /// The catalogue's number of it.
    pub oid: pg_sys::Oid,
    /// Schema and name, not quoted.
    pub schema: String,
    /// See `schema`.
    pub name: String,
    /// `pg_class.relkind`.
    kind: char,
    /// True if tables inherit from it, in the old way.
    has_heirs: bool,
    /// Its columns in their order, without dropped ones.
    pub columns: Vec<Column>,
    /// The primary key's columns, by their place in `columns`; empty where it has none.
    pub primary_key: Vec<usize>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    type_oid: pg_sys::Oid,
    /// The type behind it.
    pub base: Base,
    /// The collation, quoted and qualified, where the type has one.
    pub collation: Option<String>,
    /// True if it refuses NULL.
    pub is_not_null: bool,
    /// True if its values are computed from other columns.
    pub is_computed: bool,
    /// True if its values are numbers that the server alone gives (`GENERATED ALWAYS`).
    pub is_numbered: bool,
}

impl Column {
    /// True if equal values can be found by the type's own equality.
    pub fn is_comparable(&self) -> bool {
        types::is_comparable(self.type_oid)
    }

    /// True if NaN is among the values, which says that there is none.
    pub fn has_nan(&self) -> bool {
        let oids = [pg_sys::FLOAT4OID, pg_sys::FLOAT8OID, pg_sys::NUMERICOID];
        oids.contains(&self.base.oid)
    }

    /// True if the values are whole numbers or decimals, as which phones are stored sometimes.
    pub fn is_number(&self) -> bool {
        let whole = [pg_sys::INT4OID, pg_sys::INT8OID];
        self.has_nan() || whole.contains(&self.base.oid)
    }

    /// A value of the column as text.
    pub fn as_text(&self, value: &str) -> String {
        sql::as_text(value, self.base)
    }

    /// A value of the column as `to_jsonb` may take it: it would use casts to json that users have
    /// made for types of theirs, whose values are text here.
    pub fn as_json(&self, value: &str) -> String {
        if self.base.is_builtin() { value.to_owned() } else { self.as_text(value) }
    }

    /// True if the values are points in time, with a time of day.
    pub fn is_timestamp(&self) -> bool {
        [pg_sys::TIMESTAMPOID, pg_sys::TIMESTAMPTZOID].contains(&self.base.oid)
    }
}

/// The rows of a table by the planner's estimate; none where it has no files of its own.
pub fn estimated_rows(table: &Table) -> Result<Option<u64>> {
    let parts = table.parts()?;
    let rows = parts.iter().map(|part| catalog::estimated_rows(*part)).sum::<f64>();
    Ok((!parts.is_empty()).then_some(rows as u64))
}

impl Table {
    /// Reads the catalogue. 42809 for what has no rows; the right to read them is asked for when
    /// they are.
    pub fn read(oid: pg_sys::Oid) -> Result<Self> {
        let class = format!(
            "SELECT n.nspname, c.relname, c.relkind, c.relhassubclass
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid {EQ} c.relnamespace
             WHERE c.oid {EQ} $1"
        );
        let mut found = None;
        query::read(&class, &[oid.into()], |row| {
            found = Some((row.text(1), row.text(2), row.text(3), row.is_true(4)));
            Ok(false)
        })?;
        let Some((Some(schema), Some(name), Some(kind), has_heirs)) = found else {
            return Err(Error::undefined_table("the source does not exist"));
        };
        let kind = kind.chars().next().unwrap_or_default();
        if !matches!(kind, 'r' | 'p' | 'v' | 'm' | 'f') {
            return Err(Error::wrong_object(format!("\"{name}\" is not a table or view"))
                .hint("give a table, view, materialized view or foreign table"));
        }
        let columns = columns(oid)?;
        let primary_key = primary_key(oid, &columns)?;
        let has_heirs = has_heirs && kind == 'r';
        Ok(Self { oid, schema, name, kind, has_heirs, columns, primary_key })
    }

    /// Its name in SQL.
    pub fn sql_name(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }

    /// True if rows have a place in a file, which is the order that they are read in.
    pub fn has_places(&self) -> bool {
        matches!(self.kind, 'r' | 'p' | 'm')
    }

    /// The column of that exact name; 42703 where there is none.
    pub fn find(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            Error::undefined_column(format!(
                "column \"{name}\" of table \"{}\" does not exist",
                self.name
            ))
            .hint("column names are given exactly as they are stored, capitals and all")
        })
    }

    /// The tables that hold its rows, where the catalogue knows them.
    fn parts(&self) -> Result<Vec<pg_sys::Oid>> {
        match self.kind {
            'm' => Ok(vec![self.oid]),
            'r' if !self.has_heirs => Ok(vec![self.oid]),
            'p' => caller::rows(
                "SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree($1) t
                 WHERE t.isleaf",
                &[self.oid.into()],
                |row| row.get::<pg_sys::Oid>(1),
            )
            .map(|parts| parts.into_iter().flatten().collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// True if it is a table of its own: partitioned or plain, and not one that others inherit
    /// from in the old way.
    pub fn is_own_table(&self) -> bool {
        matches!(self.kind, 'r' | 'p') && !self.has_heirs
    }

    /// Fails unless rows can be changed where they are, and found again.
    pub fn check_in_place(&self) -> Result<()> {
        if !self.is_own_table() {
            return Err(Error::wrong_object(format!(
                "\"{}\" cannot be cleaned in place: it is not an ordinary table",
                self.name
            ))
            .hint("give a new table as target"));
        }
        if self.primary_key.is_empty() {
            return Err(Error::wrong_state(format!(
                "table \"{}\" has no primary key, which cleaning in place needs",
                self.name
            ))
            .hint("add a primary key, or give a new table as target"));
        }
        Ok(())
    }
}

/// The name that a table has inside a statement, which none of its columns has: only so does the
/// name alone mean the whole row.
#[derive(Debug, Clone)]
pub struct Alias(String);

impl Alias {
    /// A name that no column of `source` has.
    pub fn of(source: &Table) -> Self {
        let mut alias = "source".to_owned();
        while source.columns.iter().any(|column| column.name == alias) {
            alias.push('_');
        }
        Self(alias)
    }

    /// A column of it.
    pub fn column(&self, column: &Column) -> String {
        format!("{}.{}", self.0, sql::identifier(&column.name))
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `jsonb_build_object` of the key's columns of the row that `row` names; NULL without a key.
pub fn key_of(source: &Table, row: &str) -> String {
    if source.primary_key.is_empty() {
        return "NULL::pg_catalog.jsonb".to_owned();
    }
    let pairs: Vec<String> = source
        .primary_key
        .iter()
        .map(|&index| &source.columns[index])
        .map(|column| {
            let value = column.as_json(&format!("{row}.{}", sql::identifier(&column.name)));
            format!("{}, {value}", sql::literal(&column.name))
        })
        .collect();
    format!("pg_catalog.jsonb_build_object({})", pairs.join(", "))
}

/// The whole of the row that `row` names, as jsonb.
pub fn record_of(source: &Table, row: &str) -> String {
    let fields: Vec<String> = source
        .columns
        .iter()
        .map(|column| {
            let name = sql::identifier(&column.name);
            format!("{} AS {name}", column.as_json(&format!("{row}.{name}")))
        })
        .collect();
    format!("(SELECT pg_catalog.to_jsonb(r) FROM (SELECT {}) r)", fields.join(", "))
}

fn columns(oid: pg_sys::Oid) -> Result<Vec<Column>> {
    let sql = format!(
        "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull,
             a.attgenerated OPERATOR(pg_catalog.<>) ''::\"char\",
             a.attidentity {EQ} 'a'::\"char\",
             CASE WHEN c.oid IS NOT NULL
                 THEN pg_catalog.format('%I.%I', n.nspname, c.collname) END
         FROM pg_catalog.pg_attribute a
         LEFT JOIN pg_catalog.pg_collation c ON c.oid {EQ} a.attcollation
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid {EQ} c.collnamespace
         WHERE a.attrelid {EQ} $1 AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2
             AND NOT a.attisdropped
         ORDER BY a.attnum"
    );
    let mut columns = Vec::new();
    query::read(&sql, &[oid.into()], |row| {
        let number = |column| row.text(column).and_then(|text| text.parse().ok()).unwrap_or(-1);
        let type_oid = row.text(2).and_then(|text| text.parse().ok()).unwrap_or(0);
        let type_oid = pg_sys::Oid::from(type_oid);
        columns.push(Column {
            name: row.text(1).unwrap_or_default(),
            type_oid,
            base: Base::of(type_oid, number(3)),
            collation: row.text(7),
            is_not_null: row.is_true(4),
            is_computed: row.is_true(5),
            is_numbered: row.is_true(6),
        });
        Ok(true)
    })?;
    Ok(columns)
}

fn primary_key(oid: pg_sys::Oid, columns: &[Column]) -> Result<Vec<usize>> {
    let sql = format!(
        "SELECT a.attname
         FROM pg_catalog.pg_index i
         CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, place)
         JOIN pg_catalog.pg_attribute a
             ON a.attrelid {EQ} i.indrelid AND a.attnum {EQ} k.attnum
         WHERE i.indrelid {EQ} $1 AND i.indisprimary
             AND k.place OPERATOR(pg_catalog.<=) i.indnkeyatts
         ORDER BY k.place"
    );
    let mut key = Vec::new();
    query::read(&sql, &[oid.into()], |row| {
        let name = row.text(1).unwrap_or_default();
        key.extend(columns.iter().position(|column| column.name == name));
        Ok(true)
    })?;
    Ok(key)
}

/// Tables whose rows would be deleted or changed together with rows of this one.
pub fn followers(oid: pg_sys::Oid) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT DISTINCT c.conrelid::pg_catalog.regclass::pg_catalog.text
         FROM pg_catalog.pg_constraint c
         WHERE c.confrelid {EQ} $1 AND c.contype {EQ} 'f'::\"char\"
             AND c.confdeltype {EQ} ANY ('{{c,n,d}}'::\"char\"[])"
    );
    let mut tables = Vec::new();
    query::read(&sql, &[oid.into()], |row| {
        tables.extend(row.text(1));
        Ok(true)
    })?;
    Ok(tables)
}

/// Values of each column among the first rows, NULLs left out, to guess its kind from.
pub fn sample(source: &Table, columns: &[usize]) -> Result<Vec<Vec<String>>> {
    const ROWS: usize = 1000;
    let alias = Alias::of(source);
    let value = |&index: &usize| {
        let column = &source.columns[index];
        sql::sampled(&column.as_text(&alias.column(column)))
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let mut found = vec![Vec::new(); columns.len()];
    if columns.is_empty() {
        return Ok(found);
    }
    let sql =
        format!("SELECT {} FROM {} {alias} LIMIT {ROWS}", values.join(", "), source.sql_name());
    query::read(&sql, &[], |row| {
        for (values, place) in found.iter_mut().zip(1..) {
            values.extend(row.text(place));
        }
        Ok(true)
    })?;
    Ok(found)
}
