//! Findings of a table: its rows, read with the caller's rights, and the faults in them.

use crate::error::{Error, Result};
use crate::pg::{memory, query, session};
use crate::store::clean::default_region;
use crate::store::sql::{self, EQ};
use crate::store::table::{Alias, Column, Table};
use crm_ai_findings::{self as findings, Context, Finding, Head, Names, SqlType};
use pgrx::prelude::*;
use serde_json::{Value, json};

/// A finding as SQL shows it.
pub struct Shown {
    /// Names of the columns; none for whole rows.
    pub columns: Vec<String>,
    /// Code.
    pub code: &'static str,
    /// `error`, `warning` or `info`.
    pub severity: &'static str,
    /// Rows that it was found in.
    pub rows: u64,
    /// Their part of the rows that were looked at.
    pub share: f64,
    /// Keys of the first of them.
    pub examples: Value,
    /// SQL that mends it.
    pub mend: Option<String>,
}

/// Findings of `source`: of all of it, or of about `sample` rows spread over it.
pub fn find(source: pg_sys::Oid, sample: Option<u32>) -> Result<Vec<Shown>> {
    let source = Table::read(source)?;
    let examined = Examined::read(source, sample)?;
    let found = examined.in_context(findings::find)?;
    Ok(found.into_iter().map(|finding| examined.shown(finding)).collect())
}

/// Constraints that the rows of `source` keep or nearly keep, and a cleaning of it, as SQL.
pub fn suggest_checks(source: pg_sys::Oid) -> Result<String> {
    let examined = Examined::read(Table::read(source)?, None)?;
    examined.in_context(findings::suggest_checks)
}

/// A table with its rows in memory.
struct Examined {
    source: Table,
    rows: findings::Table,
    /// Names of the tables that rows without a key came from.
    parts: Vec<String>,
}

impl Examined {
    fn read(source: Table, sample: Option<u32>) -> Result<Self> {
        let mut rows = findings::Table::new(heads(&source)?, room());
        if let Some(sample) = sample.filter(|_| !source.has_places()) {
            rows.keep_at_most(sample as usize);
        }
        let mut parts: Vec<String> = Vec::new();
        let columns = source.columns.len() as i32;
        query::read(&selection(&source, sample)?, &[], |row| {
            const LOOK_EVERY: usize = 4096;
            pgrx::check_for_interrupts!();
            if !rows.wants_next() {
                rows.skip();
                return Ok(true);
            }
            let place = row.text(columns + 1).map_or(0, |ctid| place(&ctid));
            let part = row.text(columns + 2).map_or(0, |part| part_of(&mut parts, part));
            let values: Vec<Option<String>> =
                (1..=columns).map(|column| row.text(column)).collect();
            rows.add(place | part << 48, values.iter().map(Option::as_deref));
            if rows.rows().is_multiple_of(LOOK_EVERY) {
                memory::check_room(rows.bytes(), "rows to look at")?;
            }
            Ok(true)
        })?;
        // What is known of values takes about as much room again as they do.
        memory::check_room(rows.bytes().saturating_mul(3), "rows to look at")?;
        if rows.read() > rows.rows() as u64 && sample.is_none() {
            notice!(
                "{} of {} rows are looked at; more do not fit into maintenance_work_mem",
                rows.rows(),
                rows.read()
            );
        }
        Ok(Self { source, rows, parts })
    }

    fn in_context<T>(&self, work: impl FnOnce(&findings::Table, &Context<'_>) -> T) -> Result<T> {
        let context = Context {
            today: today()?,
            region: default_region()?,
            names: names(&self.source)?,
            pause: &heed_interrupts,
        };
        Ok(work(&self.rows, &context))
    }

    fn shown(&self, finding: Finding) -> Shown {
        let name = |place: &usize| self.source.columns[*place].name.clone();
        let examples = finding.examples.iter().map(|row| self.key(*row)).collect();
        Shown {
            columns: finding.columns.iter().map(name).collect(),
            code: finding.code,
            severity: finding.severity.name(),
            rows: finding.rows,
            share: finding.rows as f64 / self.rows.rows().max(1) as f64,
            examples: Value::Array(examples),
            mend: finding.mend,
        }
    }

    /// Identity of a row: its primary key, or its place in the table's file, or its
    /// number among the rows as they are read.
    fn key(&self, row: usize) -> Value {
        let (ordinal, place) = self.rows.places[row];
        if !self.source.primary_key.is_empty() {
            let columns = self.source.primary_key.iter();
            return Value::Object(columns.map(|column| self.key_column(*column, row)).collect());
        }
        if !self.source.has_places() {
            return json!({ "row": ordinal + 1 });
        }
        let block = (place >> 16) & 0xffff_ffff;
        let ctid = format!("({block},{})", place & 0xffff);
        match self.parts.get((place >> 48) as usize).filter(|_| self.parts.len() > 1) {
            Some(part) => json!({ "tableoid": part, "ctid": ctid }),
            None => json!({ "ctid": ctid }),
        }
    }

    fn key_column(&self, column: usize, row: usize) -> (String, Value) {
        let described = &self.source.columns[column];
        let text = self.rows.columns[column].at(row).unwrap_or_default();
        let is_number = matches!(sql_type(described), SqlType::Integer | SqlType::Number);
        let number = text.parse::<serde_json::Number>().ok().filter(|_| is_number);
        (described.name.clone(), number.map_or_else(|| text.into(), Value::Number))
    }
}

/// Raises a pending cancel.
fn heed_interrupts() {
    pgrx::check_for_interrupts!();
}

/// Memory that rows may take, in bytes.
fn room() -> usize {
    const LEAST: usize = 256 << 20;
    session::maintenance_memory().max(LEAST)
}

/// `(12,3)` as one number.
fn place(ctid: &str) -> u64 {
    let inner = ctid.trim_start_matches('(').trim_end_matches(')');
    let (block, offset) = inner.split_once(',').unwrap_or(("0", "0"));
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    (number(block) & 0xffff_ffff) << 16 | number(offset) & 0xffff
}

/// The number of the table that a row came from; those beyond what fits count as the last.
fn part_of(parts: &mut Vec<String>, part: String) -> u64 {
    const PARTS_MAX: usize = 1 << 16;
    let known = parts.iter().rposition(|known| *known == part);
    let index = known.unwrap_or_else(|| {
        if parts.len() < PARTS_MAX {
            parts.push(part);
        }
        parts.len() - 1
    });
    index as u64
}

/// Reads all columns of all rows or of a sample, then where each row lies.
fn selection(source: &Table, sample: Option<u32>) -> Result<String> {
    let alias = Alias::of(source);
    let mut values: Vec<String> =
        source.columns.iter().map(|column| value_of(column, &alias.column(column))).collect();
    if source.has_places() && source.primary_key.is_empty() {
        values.push(format!("{alias}.ctid::pg_catalog.text"));
        values.push(format!("{alias}.tableoid::pg_catalog.regclass::pg_catalog.text"));
    } else {
        values.extend(["NULL::pg_catalog.text".to_owned(), "NULL::pg_catalog.text".to_owned()]);
    }
    let method = match sample.filter(|_| source.has_places()) {
        Some(sample) => sampling(source, sample)?,
        None => String::new(),
    };
    Ok(format!("SELECT {} FROM {} {alias}{method}", values.join(", "), source.sql_name()))
}

/// A value as text that does not depend on `DateStyle`.
fn value_of(column: &Column, value: &str) -> String {
    let form = match sql_type(column) {
        SqlType::Date => "YYYY-MM-DD",
        SqlType::Timestamp => "YYYY-MM-DD\"T\"HH24:MI:SS",
        _ => return sql::sampled(&column.as_text(value)),
    };
    let typed = format!("{value}::{}", column.base.sql_name());
    let moment = match sql_type(column) {
        SqlType::Date => format!("{typed}::pg_catalog.timestamp"),
        _ => typed.clone(),
    };
    format!(
        "CASE WHEN pg_catalog.isfinite({typed}) THEN pg_catalog.to_char({moment}, '{form}') END"
    )
}

fn sampling(source: &Table, sample: u32) -> Result<String> {
    let mut rows = 0_u64;
    query::read(&format!("SELECT pg_catalog.count(*) FROM {}", source.sql_name()), &[], |row| {
        rows = row.text(1).and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(false)
    })?;
    let percent = 100.0 * f64::from(sample) / rows.max(1) as f64;
    Ok(match percent < 100.0 {
        true => format!(" TABLESAMPLE BERNOULLI ({percent}) REPEATABLE (1)"),
        false => String::new(),
    })
}

fn heads(source: &Table) -> Result<Vec<Head>> {
    let unique = unique_columns(source)?;
    let head = |column: &Column| Head {
        name: column.name.clone(),
        sql_type: sql_type(column),
        is_unique: unique.contains(&column.name),
        is_not_null: column.is_not_null,
    };
    Ok(source.columns.iter().map(head).collect())
}

fn sql_type(column: &Column) -> SqlType {
    match column.base.oid {
        pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => SqlType::Integer,
        pg_sys::NUMERICOID | pg_sys::FLOAT4OID | pg_sys::FLOAT8OID => SqlType::Number,
        pg_sys::DATEOID => SqlType::Date,
        pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => SqlType::Timestamp,
        pg_sys::BOOLOID => SqlType::Boolean,
        _ if column.base.is_text() => SqlType::Text,
        _ => SqlType::Other,
    }
}

/// Columns that an index keeps unique, each alone.
fn unique_columns(source: &Table) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT a.attname
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_attribute a
             ON a.attrelid {EQ} i.indrelid AND a.attnum {EQ} i.indkey[0]
         WHERE i.indrelid {EQ} $1 AND i.indisunique AND i.indisvalid
             AND i.indnkeyatts {EQ} 1::pg_catalog.int2 AND i.indpred IS NULL AND i.indexprs IS NULL"
    );
    let mut columns = Vec::new();
    query::read(&sql, &[source.oid.into()], |row| {
        columns.extend(row.text(1));
        Ok(true)
    })?;
    Ok(columns)
}

fn names(source: &Table) -> Result<Names> {
    Ok(Names {
        table: source.sql_name(),
        schema: sql::identifier(&source.schema),
        name: source.name.clone(),
        functions: sql::identifier(&functions_schema()?),
        columns: source.columns.iter().map(|column| column.name.clone()).collect(),
        is_text: source.columns.iter().map(|column| column.base.is_text()).collect(),
        is_builtin: source.columns.iter().map(|column| column.base.is_builtin()).collect(),
        is_table: source.is_own_table(),
    })
}

/// The schema that the extension's functions `crm_*` are in.
fn functions_schema() -> Result<String> {
    let sql = format!(
        "SELECT n.nspname FROM pg_catalog.pg_extension e
         JOIN pg_catalog.pg_namespace n ON n.oid {EQ} e.extnamespace
         WHERE e.extname {EQ} 'crm_ai'::pg_catalog.name"
    );
    let mut schema = None;
    query::read(&sql, &[], |row| {
        schema = row.text(1);
        Ok(false)
    })?;
    schema.ok_or_else(|| Error::undefined("extension crm_ai does not exist any more"))
}

/// The present day, counted from 1970-01-01.
fn today() -> Result<f64> {
    let sql = "SELECT CURRENT_DATE OPERATOR(pg_catalog.-) '1970-01-01'::pg_catalog.date";
    let mut today = 0.0;
    query::read(sql, &[], |row| {
        today = row.text(1).and_then(|days| days.parse().ok()).unwrap_or(0.0);
        Ok(false)
    })?;
    Ok(today)
}
