//! The staged rows: every row of the source in its order, with its clean values and, where it must
//! be rejected, why. They are in a table of the session's temporary schema until the call ends; for
//! a dry run in a query, so that it works where nothing can be written.
//!
//! Rows are read and cleaned by one query, which parallel workers share where PostgreSQL lets them.
//! `clean` holds, for the columns that are looked at, first their clean values, then their
//! problems, then marks of the changed and of the unreadable ones; `crm_ai.clean_values` makes it.

use super::job::{CleaningJob, Distinct, Looked};
use crate::error::Result;
use crate::pg::roles;
use crate::store::caller::{run, value};
use crate::store::sql::{self, EQ};
use crate::store::table::{Alias, Column};
use crm_ai_clean::rows::Kind;
use pgrx::pg_sys;

/// The staging table's name in SQL.
pub const STAGING: &str = "pg_temp.crm_ai_staging";

/// The staged rows' name inside a query that has them.
const STAGED: &str = "crm_ai_staging";
/// The same before duplicates are marked.
const FILLED: &str = "crm_ai_filled";

/// The place of the staged rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Staged {
    /// In the staging table.
    Table,
    /// In the query that reads them.
    Query,
}

impl Staged {
    /// Their name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => STAGING,
            Self::Query => STAGED,
        }
    }

    /// The WITH clause of a query that reads them.
    pub fn with(self, job: &CleaningJob) -> String {
        match self {
            Self::Table => String::new(),
            Self::Query => format!(
                "WITH {FILLED} AS MATERIALIZED ({}), {STAGED} AS MATERIALIZED ({}) ",
                rows(job),
                marked(job)
            ),
        }
    }
}

/// Fills the staging table; gives the number of rows.
pub fn fill(job: &CleaningJob) -> Result<u64> {
    let sql = format!("CREATE TEMPORARY TABLE crm_ai_staging ON COMMIT DROP AS {}", rows(job));
    let rows = run(&sql)?;
    if job.distinct != Distinct::No {
        run(&marking_duplicates(job))?;
    }
    Ok(rows)
}

/// Counts of a kind's reading of a column.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Values that are there.
    pub there: i64,
    /// Those of them that the kind cannot read.
    pub unreadable: i64,
}

/// Reading of each column that is looked at.
pub fn readings(job: &CleaningJob, staged: Staged) -> Result<Vec<Reading>> {
    let count = job.looked.len();
    let filtered = |condition: String| format!("pg_catalog.count(*) FILTER (WHERE {condition})");
    let counts: Vec<String> = (1..=count)
        .flat_map(|place| {
            let mark = format!("st.clean[{}] IS NOT NULL", 3 * count + place);
            [filtered(format!("st.clean[{place}] IS NOT NULL OR {mark}")), filtered(mark)]
        })
        .collect();
    let sql = format!(
        "{}SELECT ARRAY[{}]::pg_catalog.int8[] FROM {} st",
        staged.with(job),
        counts.join(", "),
        staged.name()
    );
    let counts = value::<Vec<i64>>(&sql, &[])?.unwrap_or_default();
    let reading = |pair: &[i64]| Reading { there: pair[0], unreadable: pair[1] };
    Ok(counts.chunks_exact(2).map(reading).collect())
}

/// Lets the role that writes the table read what was staged.
pub fn lend_to(writer: pg_sys::Oid) -> Result<()> {
    lend(STAGING, writer)
}

/// Lets another role read a temporary table of the session's.
pub fn lend(table: &str, reader: pg_sys::Oid) -> Result<()> {
    if reader != roles::current_user() {
        let name = roles::role_name(reader).unwrap_or_default();
        run(&format!("GRANT SELECT ON {table} TO {}", sql::identifier(&name)))?;
    }
    Ok(())
}

/// Removes the staging table, which would otherwise stay until the transaction ends.
pub fn drop() -> Result<()> {
    run(&format!("DROP TABLE {STAGING}"))?;
    Ok(())
}

/// The query of all rows, cleaned.
fn rows(job: &CleaningJob) -> String {
    let source = &job.source;
    let alias = Alias::of(source);
    let raw: Vec<String> = job.looked.iter().map(|looked| raw_of(job, looked, &alias)).collect();
    let places = if source.has_places() {
        format!("{alias}.tableoid AS part, {alias}.ctid AS place")
    } else {
        "NULL::pg_catalog.oid AS part, NULL::pg_catalog.tid AS place".to_owned()
    };
    // OFFSET keeps the planner from merging the levels, which would clean each value many times.
    let cleaned = format!(
        "SELECT {alias} AS record, {places}, crm_ai.clean_values({}, {}) AS clean
         FROM {} {alias} OFFSET 0",
        sql::array(&raw),
        sql::literal(&job.plan().to_string()),
        source.sql_name(),
    );
    let count = job.looked.len();
    let order = if source.has_places() { "ORDER BY a.part, a.place" } else { "OFFSET 0" };
    format!(
        "SELECT pg_catalog.row_number() OVER () AS source_row, b.* FROM (
             SELECT a.record, a.part, a.place, a.clean, a.clean[{reason}] AS reason,
                 a.clean[{repaired}] IS NOT NULL AS repaired, a.clean[{told}] IS NOT NULL AS told,
                 NULL::pg_catalog.int8 AS duplicate_of, {mark} AS mark
             FROM ({cleaned}) a {order}) b",
        reason = 4 * count + 1,
        repaired = 4 * count + 2,
        told = 4 * count + 3,
        mark = mark(job),
    )
}

/// A column as text; of one that is only asked whether it is there, no more than that.
fn raw_of(job: &CleaningJob, looked: &Looked, alias: &Alias) -> String {
    let column = job.column(looked);
    let value = alias.column(column);
    match looked.step.kind {
        Kind::Keep if column.has_nan() => {
            let is_nan = format!("{value}::pg_catalog.text {EQ} 'NaN'::pg_catalog.text");
            format!("CASE WHEN {value} IS NULL OR {is_nan} THEN NULL ELSE '' END")
        }
        Kind::Keep => format!("CASE WHEN {value} IS NULL THEN NULL ELSE '' END"),
        Kind::Date(_) if column.is_timestamp() => {
            format!("pg_catalog.to_char({value}, 'YYYY-MM-DD HH24:MI:SS'::pg_catalog.text)")
        }
        _ => column.as_text(&value),
    }
}

/// A column of a staged row, as it came.
pub fn field(row: &str, column: &Column) -> String {
    format!("({row}.record).{}", sql::identifier(&column.name))
}

/// The values whose equality makes two staged rows duplicates.
fn compared(job: &CleaningJob, row: &str) -> Vec<String> {
    let columns: Vec<usize> = match &job.distinct {
        Distinct::No => Vec::new(),
        Distinct::WholeRow => (0..job.source.columns.len()).collect(),
        Distinct::Columns(columns) => columns.clone(),
    };
    let value = |index: usize| {
        let column = &job.source.columns[index];
        match job.cleaned(index).filter(|_| job.distinct != Distinct::WholeRow) {
            Some(place) => format!("{row}.clean[{place}]"),
            None if column.is_comparable() => field(row, column),
            None => column.as_text(&field(row, column)),
        }
    };
    columns.into_iter().map(value).collect()
}

/// The compared values, as one record.
fn compared_record(job: &CleaningJob, row: &str) -> String {
    let all_comparable = || job.source.columns.iter().all(Column::is_comparable);
    if job.distinct == Distinct::WholeRow && all_comparable() {
        return format!("{row}.record");
    }
    format!("ROW({})", compared(job, row).join(", "))
}

/// A number that duplicates share; NULL for rows that are none. A row that is rejected anyway does
/// not make another one a duplicate, but for whole rows, where both would be rejected.
fn mark(job: &CleaningJob) -> String {
    let record = compared_record(job, "a");
    let hash = format!("pg_catalog.hash_record_extended({record}, 0::pg_catalog.int8)");
    match &job.distinct {
        Distinct::No => "NULL::pg_catalog.int8".to_owned(),
        Distinct::WholeRow => hash,
        Distinct::Columns(_) => {
            let reason = 4 * job.looked.len() + 1;
            let is_there: Vec<String> =
                compared(job, "a").iter().map(|value| format!("{value} IS NOT NULL")).collect();
            let is_there = is_there.join(" OR ");
            format!("CASE WHEN a.clean[{reason}] IS NULL AND ({is_there}) THEN {hash} END")
        }
    }
}

/// The query of rows that may be duplicates, each with the first row that is equal to it. Only rows
/// that share a mark are compared.
fn first_rows(job: &CleaningJob, staged: &str) -> String {
    format!(
        "SELECT w.source_row, pg_catalog.first_value(w.source_row) OVER (
             PARTITION BY w.mark, {} ORDER BY w.source_row) AS first_row
         FROM {staged} w
         WHERE w.mark {EQ} ANY (
             SELECT m.mark FROM {staged} m WHERE m.mark IS NOT NULL
             GROUP BY m.mark HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1)",
        compared_record(job, "w")
    )
}

/// Rejects every row but the first of those that are equal.
fn marking_duplicates(job: &CleaningJob) -> String {
    format!(
        "UPDATE {STAGING} st
         SET reason = 'duplicate', duplicate_of = d.first_row
         FROM ({}) d
         WHERE d.source_row {EQ} st.source_row
             AND d.first_row OPERATOR(pg_catalog.<) st.source_row",
        first_rows(job, STAGING)
    )
}

/// The query of the rows of [`FILLED`], of which every duplicate is rejected.
fn marked(job: &CleaningJob) -> String {
    if job.distinct == Distinct::No {
        return format!("SELECT f.* FROM {FILLED} f");
    }
    format!(
        "SELECT f.source_row, f.record, f.clean,
             CASE WHEN d.first_row IS NULL THEN f.reason ELSE 'duplicate' END AS reason,
             f.repaired, f.told, d.first_row AS duplicate_of
         FROM {FILLED} f LEFT JOIN ({}) d ON d.source_row {EQ} f.source_row
             AND d.first_row OPERATOR(pg_catalog.<) f.source_row",
        first_rows(job, FILLED)
    )
}
