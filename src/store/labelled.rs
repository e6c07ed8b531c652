//! Labelled rows to learn from, out of whatever a user named as their source.

use super::clean::sql::{identifier, literal};
use crate::error::{Error, Result};
use crate::pg::{parse, query};
use crate::run::{Columns, relation_name};

/// The name that the source has inside the query.
const ALIAS: &str = "crm_ai_source";

/// A source as it stands after FROM. 42601 and 22023 where it is neither a relation's name nor one
/// query that only reads.
fn from_item(source: &str) -> Result<String> {
    if let Some(parts) = relation_name(source) {
        let quoted: Vec<String> = parts.iter().map(|part| identifier(part)).collect();
        return Ok(quoted.join("."));
    }
    // A comment at the query's end would swallow the parenthesis.
    Ok(format!("({}\n)", parse::single_query(source)?))
}

/// The name of an expression's type, in SQL.
fn kind_of(expression: &str) -> String {
    format!("pg_catalog.pg_typeof({expression})::pg_catalog.text")
}

/// Whether an expression is an array, in SQL.
fn is_array(expression: &str) -> String {
    format!("pg_catalog.right({}, 2) OPERATOR(pg_catalog.=) '[]'", kind_of(expression))
}

/// The query that gives text, label, weight and, where the label column is an array or jsonb and so
/// holds several labels, these as JSON; or for a table record and label: one row for each of the
/// source's.
pub fn query_of(source: &str, columns: Columns<'_>) -> Result<String> {
    let column = |name: &str| format!("{ALIAS}.{}", identifier(name));
    let columns = match columns {
        Columns::Text { text, label, weight } => {
            let weight = weight.map_or_else(
                || "1::pg_catalog.float8".to_owned(),
                |name| format!("{}::pg_catalog.float8", column(name)),
            );
            let (text, label) = (column(text), column(label));
            let (kind, is_array) = (kind_of(&label), is_array(&label));
            format!(
                "{text}::pg_catalog.text, {label}::pg_catalog.text, {weight}, \
                 CASE WHEN {is_array} OR {kind} OPERATOR(pg_catalog.=) 'jsonb' \
                 THEN pg_catalog.to_jsonb({label})::pg_catalog.text END"
            )
        }
        Columns::Table { target } => format!(
            "(pg_catalog.to_jsonb({ALIAS}) OPERATOR(pg_catalog.-) {})::pg_catalog.text, \
             {}::pg_catalog.text",
            literal(target),
            column(target)
        ),
    };
    Ok(format!("SELECT {columns} FROM {} AS {ALIAS}", from_item(source)?))
}

/// Whether the label column is an array, so that a text may have several labels. jsonb may hold
/// either: its rows tell.
pub fn holds_arrays(source: &str, label: &str) -> Result<bool> {
    let sql = format!(
        "SELECT {} AS holds",
        is_array(&format!(
            "(SELECT {ALIAS}.{} FROM {} AS {ALIAS} LIMIT 0)",
            identifier(label),
            from_item(source)?
        ))
    );
    let mut holds = false;
    query::read(&sql, &[], |row| {
        holds = row.is_true(row.column(c"holds"));
        Ok(false)
    })?;
    Ok(holds)
}

/// What a source with more rows than `crm_ai.max_rows` fails with.
pub fn too_many_rows(rows_max: u64) -> Error {
    Error::over_limit(format!("the source has more than crm_ai.max_rows ({rows_max}) rows"))
        .hint("raise crm_ai.max_rows, or give a source with fewer rows")
}

/// Fails as the run itself would: with the server's own ERROR for what is missing or not allowed,
/// and with 22023 for temporary tables, which the run's worker does not see.
pub fn check(sql: &str) -> Result<()> {
    if query::check(sql)?.reads_temporary {
        return Err(Error::invalid_argument("source reads a temporary table")
            .hint("a run reads in a session of its own: copy the rows into a permanent table"));
    }
    Ok(())
}
