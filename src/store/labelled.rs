//! Labelled rows, read from whatever a user named as their source.

use super::sql::{as_text, identifier};
use crate::error::{Error, Result};
use crate::pg::types::Base;
use crate::pg::{parse, query};
use crate::run::{Columns, relation_name};
use pgrx::pg_sys;

/// The name that the source has inside the query.
const ALIAS: &str = "crm_ai_source";

/// A source, and the columns that it gives.
struct Described {
    /// As it stands after FROM.
    from_item: String,
    /// Names and types, in order.
    columns: Vec<(String, Base)>,
}

impl Described {
    /// 42601 and 22023 where the source is neither a relation's name nor one query that only reads;
    /// the server's own errors for what is missing in it.
    fn of(source: &str) -> Result<Self> {
        let from_item = match relation_name(source) {
            Some(parts) => {
                let quoted: Vec<String> = parts.iter().map(|part| identifier(part)).collect();
                quoted.join(".")
            }
            // A comment at the query's end would swallow the parenthesis.
            None => format!("({}\n)", parse::single_query(source)?),
        };
        let columns = query::columns(&format!("SELECT * FROM {from_item} AS {ALIAS}"))?;
        Ok(Self { from_item, columns })
    }

    /// The type of a column. One that is missing is text: the server tells so itself.
    fn base(&self, name: &str) -> Base {
        let found = self.columns.iter().find(|(column, _)| column == name);
        found.map_or(Base { oid: pg_sys::TEXTOID, modifier: -1 }, |(_, base)| *base)
    }

    fn value(name: &str) -> String {
        format!("{ALIAS}.{}", identifier(name))
    }

    /// A column as text.
    fn text(&self, name: &str) -> String {
        as_text(&Self::value(name), self.base(name))
    }

    /// A column that holds several labels, as JSON: an array, or jsonb.
    fn labels(&self, name: &str) -> Option<String> {
        let base = self.base(name);
        let (value, text) = (Self::value(name), self.text(name));
        if base.oid == pg_sys::JSONBOID {
            Some(text)
        } else if !base.is_array() {
            None
        } else if base.is_builtin() {
            Some(format!("pg_catalog.to_jsonb({value})::pg_catalog.text"))
        } else {
            // The elements in their text form, by no cast of their type's owner.
            Some(format!("pg_catalog.to_jsonb(({text})::pg_catalog.text[])::pg_catalog.text"))
        }
    }

    /// Every column but the target, as one JSON record.
    fn record(&self, target: &str) -> String {
        let fields: Vec<String> = self
            .columns
            .iter()
            .filter(|(name, _)| name != target)
            .map(|(name, base)| {
                let value = Self::value(name);
                let value = if base.is_builtin() { value } else { as_text(&value, *base) };
                format!("{value} AS {}", identifier(name))
            })
            .collect();
        if fields.is_empty() {
            return "'{}'::pg_catalog.text".to_owned();
        }
        format!(
            "(SELECT pg_catalog.to_jsonb(r)::pg_catalog.text FROM (SELECT {}) r)",
            fields.join(", ")
        )
    }
}

/// The query that gives text, label, weight and, where the label column is an array or jsonb and so
/// holds several labels, these as JSON; or for a table record and label: one row for each of the
/// source's. Values become text as [`as_text`] says: a type's owner has no code run by it.
pub fn query_of(source: &str, columns: Columns<'_>) -> Result<String> {
    let described = Described::of(source)?;
    let columns = match columns {
        Columns::Text { text, label, weight } => {
            let weight = weight.map_or_else(
                || "1::pg_catalog.float8".to_owned(),
                |name| format!("({})::pg_catalog.float8", described.text(name)),
            );
            let labels = described.labels(label).unwrap_or_else(|| "NULL".to_owned());
            let (text, label) = (described.text(text), described.text(label));
            format!("{text}, {label}, {weight}, {labels}::pg_catalog.text")
        }
        Columns::Table { target } => {
            format!("{}, {}", described.record(target), described.text(target))
        }
    };
    Ok(format!("SELECT {columns} FROM {} AS {ALIAS}", described.from_item))
}

/// True if the label column may hold several labels of a text.
pub fn holds_labels(source: &str, label: &str) -> Result<bool> {
    Ok(Described::of(source)?.labels(label).is_some())
}

/// True if the label column is an array, so that a text may have several labels. jsonb may hold
/// either: its rows tell.
pub fn holds_arrays(source: &str, label: &str) -> Result<bool> {
    Ok(Described::of(source)?.base(label).is_array())
}

/// The error for a source with more rows than `crm_ai.max_rows`.
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
