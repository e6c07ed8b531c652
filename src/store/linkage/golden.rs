//! The rows of clusters, from which one best row each is made.

use super::Registered;
use crate::error::{Error, Result};
use crate::pg::query;
use crate::store::sql::EQ;
use crate::store::table::{Alias, record_of};

/// Hands each cluster's rows to `take`: the cluster's number, and each row's key and record.
pub fn golden(
    registered: &Registered,
    mut take: impl FnMut(i64, Vec<(String, String)>) -> Result<()>,
) -> Result<()> {
    if registered.right_source.is_some() {
        return Err(Error::wrong_object("golden records are made of the clusters of one table")
            .hint("put the rows of both tables into one, and call crm_ai.dedupe on it"));
    }
    let table = registered.table()?;
    let alias = Alias::of(&table);
    let key = &table.columns[table.find(&registered.key)?];
    let key_value = alias.column(key);
    let sql = format!(
        "SELECT crm_ai_clusters.cluster, {}, {}::pg_catalog.text
         FROM {} crm_ai_clusters
         JOIN {} {alias} ON {key_value}::{} {EQ} crm_ai_clusters.key
         ORDER BY crm_ai_clusters.cluster, crm_ai_clusters.key",
        key.as_text(&key_value),
        record_of(&table, &alias.to_string()),
        registered.clusters()?,
        table.sql_name(),
        key.base.sql_name(),
    );
    let mut current = (0, Vec::new());
    query::read(&sql, &[], |row| {
        let cluster = row.text(1).and_then(|text| text.parse().ok()).unwrap_or_default();
        let (Some(key), Some(record)) = (row.text(2), row.text(3)) else { return Ok(true) };
        if cluster != current.0 && !current.1.is_empty() {
            take(current.0, std::mem::take(&mut current.1))?;
        }
        current.0 = cluster;
        current.1.push((key, record));
        Ok(true)
    })?;
    if current.1.is_empty() { Ok(()) } else { take(current.0, current.1) }
}

/// The columns of the table that was searched, by their names.
pub fn column_names(registered: &Registered) -> Result<Vec<String>> {
    Ok(registered.table()?.columns.into_iter().map(|column| column.name).collect())
}
