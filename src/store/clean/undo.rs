//! Taking back what cleaning in place did.
//!
//! A value comes back where it still is what cleaning made of it; a rejected row where nothing has
//! taken its place. What came back leaves the companions; what did not stays in them.

use super::report::Report;
use super::target::CleanTarget;
use super::{in_place, staging};
use crate::error::{Error, Result};
use crate::pg::{roles, session};
use crate::store::caller::{self, run, value};
use crate::store::sql::{self, EQ};
use crate::store::table::{Table, key_of};
use pgrx::JsonB;

/// Table of the values to restore, in the session's temporary schema.
const UNDO: &str = "pg_temp.crm_ai_undo";
/// Conflicts that the report shows.
const EXAMPLES: usize = 10;

/// Takes back `clean_table` on a table that it cleaned in place.
pub fn undo(target: &str) -> Result<Report> {
    session::prevent_if_read_only("crm_ai.undo_clean()");
    let target = CleanTarget::parse(target)?;
    let Some(oid) = target.oid() else {
        return Err(Error::undefined_table("the target does not exist"));
    };
    let source = Table::read(oid)?;
    source.check_in_place()?;
    let writer = roles::writer_of(oid, roles::current_user());
    target.take_companions(writer)?;
    caller::as_writer(writer, || in_place::lock(&source.sql_name()))?;
    let recorded = count(&target.changes())? + count(&target.rejects())?;
    let columns = changed_columns(&source, &target)?;
    compare(&source, &target, &columns)?;
    staging::lend(UNDO, writer)?;
    let conflicts = conflicting_values()?;
    caller::as_writer(writer, || {
        bring_back_values(&source, &target, &columns)?;
        bring_back_rows(&source, &target)
    })?;
    run(&format!("DROP TABLE {UNDO}"))?;
    let left = count(&target.changes())? + count(&target.rejects())?;
    let report = Report {
        target: target.shown(),
        restored: Some(recorded - left),
        conflicts: Some(left),
        examples: Some(JsonB(serde_json::json!({
            "changed_since": conflicts,
            "rows_not_back": rows_left(&target)?,
        }))),
        ..Report::default()
    };
    if left == 0 {
        caller::as_writer(writer, || target.drop_companions())?;
    }
    Ok(report)
}

fn count(table: &str) -> Result<i64> {
    let sql = format!("SELECT pg_catalog.count(*) FROM {table}");
    Ok(value::<i64>(&sql, &[])?.unwrap_or_default())
}

/// The columns that were changed, by their place in the table; 42703 where one is gone.
fn changed_columns(source: &Table, target: &CleanTarget) -> Result<Vec<usize>> {
    let sql =
        format!("SELECT pg_catalog.array_agg(DISTINCT c.column_name) FROM {} c", target.changes());
    let names = value::<Vec<String>>(&sql, &[])?.unwrap_or_default();
    names.iter().map(|name| source.find(name)).collect()
}

/// A row's key, as the companions have it.
fn key(source: &Table) -> String {
    key_of(source, "t")
}

/// Puts each change beside what the table holds now.
fn compare(source: &Table, target: &CleanTarget, columns: &[usize]) -> Result<()> {
    let cases: Vec<String> = columns
        .iter()
        .map(|&index| {
            let column = &source.columns[index];
            let now = column.as_text(&format!("t.{}", sql::identifier(&column.name)));
            format!("WHEN c.column_name {EQ} {} THEN {now}", sql::literal(&column.name))
        })
        .collect();
    let now = match cases.is_empty() {
        true => "NULL::pg_catalog.text".to_owned(),
        false => format!("CASE {} END", cases.join(" ")),
    };
    run(&format!(
        "CREATE TEMPORARY TABLE crm_ai_undo ON COMMIT DROP AS
         SELECT u.*, u.place IS NOT NULL AND coalesce(
             u.after {EQ} u.now, u.after IS NULL AND u.now IS NULL) AS is_same
         FROM (
             SELECT c.key, c.column_name, c.before, c.after, t.tableoid AS part, t.ctid AS place,
                 {now} AS now
             FROM {} c LEFT JOIN {} t ON {} {EQ} c.key) u",
        target.changes(),
        target.table(),
        key(source)
    ))?;
    Ok(())
}

fn bring_back_values(source: &Table, target: &CleanTarget, columns: &[usize]) -> Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let (mut before, mut set) = (Vec::new(), Vec::new());
    for (place, &index) in columns.iter().enumerate() {
        let name = &source.columns[index].name;
        let is_column = format!("u.column_name {EQ} {}", sql::literal(name));
        let (name, type_name) = (sql::identifier(name), source.columns[index].base.sql_name());
        before.push(format!(
            "pg_catalog.max(u.before) FILTER (WHERE {is_column}) AS before_{place},
             pg_catalog.bool_or({is_column}) AS is_{place}"
        ));
        set.push(format!(
            "{name} = CASE WHEN u.is_{place} THEN u.before_{place}::{type_name} ELSE t.{name} END"
        ));
    }
    let changed = run(&format!(
        "UPDATE {} t SET {} FROM (
             SELECT u.part, u.place, {} FROM {UNDO} u WHERE u.is_same GROUP BY u.part, u.place) u
         WHERE t.ctid {EQ} u.place AND t.tableoid {EQ} u.part",
        target.table(),
        set.join(", "),
        before.join(", ")
    ))?;
    let wanted = format!(
        "SELECT pg_catalog.count(*) FROM (
             SELECT DISTINCT u.part, u.place FROM {UNDO} u WHERE u.is_same) u"
    );
    let wanted = value::<i64>(&wanted, &[])?.unwrap_or_default();
    in_place::check_all_done(changed, wanted, "changed")?;
    run(&format!(
        "DELETE FROM {} c USING {UNDO} u
         WHERE u.is_same AND u.key {EQ} c.key AND u.column_name {EQ} c.column_name",
        target.changes()
    ))?;
    Ok(())
}

/// The first changes that somebody has changed since.
fn conflicting_values() -> Result<serde_json::Value> {
    let sql = format!(
        "SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(e)) FROM (
             SELECT u.key, u.column_name, {} AS before, {} AS after, {} AS now,
                 u.place IS NOT NULL AS row_exists
             FROM {UNDO} u WHERE NOT u.is_same LIMIT {EXAMPLES}) e",
        sql::shortened("u.before"),
        sql::shortened("u.after"),
        sql::shortened("u.now")
    );
    list_of(&sql)
}

/// Puts rejected rows back, but for those whose place is taken by another row.
fn bring_back_rows(source: &Table, target: &CleanTarget) -> Result<()> {
    let sql = format!(
        "SELECT pg_catalog.array_agg(DISTINCT k.name)
         FROM {} r, pg_catalog.jsonb_object_keys(r.record) k(name)",
        target.rejects()
    );
    let Some(names) = value::<Vec<String>>(&sql, &[])? else { return Ok(()) };
    let (mut columns, mut values, mut as_text) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let column = &source.columns[source.find(name)?];
        if column.is_computed {
            continue;
        }
        columns.push(sql::identifier(name));
        if column.base.is_builtin() {
            values.push(format!("p.{}", sql::identifier(name)));
        } else {
            // Recorded in the text form of its type, which the record's reader would not take.
            let (name, type_name) = (sql::literal(name), column.base.sql_name());
            values.push(format!("(r.record OPERATOR(pg_catalog.->>) {name})::{type_name}"));
            as_text.push(name);
        }
    }
    let plain =
        format!("r.record OPERATOR(pg_catalog.-) ARRAY[{}]::pg_catalog.text[]", as_text.join(", "));
    run(&format!(
        "WITH back AS (
             INSERT INTO {table} AS t ({}) OVERRIDING SYSTEM VALUE
             SELECT {} FROM (SELECT * FROM {rejects} ORDER BY source_row) r,
                 pg_catalog.jsonb_populate_record(NULL::{table}, {plain}) p
             ON CONFLICT DO NOTHING RETURNING {} AS key)
         DELETE FROM {rejects} r USING back WHERE back.key {EQ} r.key",
        columns.join(", "),
        values.join(", "),
        key(source),
        table = target.table(),
        rejects = target.rejects(),
    ))?;
    Ok(())
}

/// The first rejected rows whose place is taken.
fn rows_left(target: &CleanTarget) -> Result<serde_json::Value> {
    let sql = format!(
        "SELECT pg_catalog.jsonb_agg(e.key) FROM (
             SELECT r.key FROM {} r ORDER BY r.source_row LIMIT {EXAMPLES}) e",
        target.rejects()
    );
    list_of(&sql)
}

/// The list that a query aggregates; empty for NULL.
fn list_of(sql: &str) -> Result<serde_json::Value> {
    let list = value::<JsonB>(sql, &[])?;
    Ok(list.map_or_else(|| serde_json::json!([]), |JsonB(list)| list))
}
