//! The tables that a search makes: pairs, clusters, and the keys by which records are looked up.

use super::source::LinkSource;
use crate::error::{Error, Result};
use crate::pg::{activity, memory};
use crate::store::caller;
use crate::store::sql;
use crate::store::table::Table;
use crate::store::target::{self, TargetName};
use crm_ai_wire::linkage::RowReader;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Suffixes of the tables' names.
const PAIRS: &str = "_pairs";
pub(super) const CLUSTERS: &str = "_clusters";
pub(super) const KEYS: &str = "_keys";
/// Suffix of a default target's name.
const DUPLICATES: &str = "_duplicates";
/// Prefix of the comments of tables that are made here.
const MADE_BY: &str = "crm_ai.dedupe";
/// Rows that are written at once.
const BATCH: usize = 10_000;

/// The tables of a search by their names.
#[derive(Debug, Clone)]
pub struct LinkTarget {
    /// The name that they begin with.
    pub name: TargetName,
}

impl LinkTarget {
    /// Reads a name as SQL writes it; that of the source and `_duplicates` where none is given.
    pub fn parse(text: Option<&str>, source: &Table) -> Result<Self> {
        let default = || sql::qualified(&source.schema, &format!("{}{DUPLICATES}", source.name));
        let text = text.map_or_else(default, str::to_owned);
        TargetName::parse(&text, &[PAIRS, CLUSTERS, KEYS]).map(|name| Self { name })
    }

    /// The table of pairs, in SQL.
    pub fn pairs(&self) -> String {
        self.name.beside(PAIRS)
    }

    /// The table of clusters.
    pub fn clusters(&self) -> String {
        self.name.beside(CLUSTERS)
    }

    /// The table of keys.
    pub fn keys(&self) -> String {
        self.name.beside(KEYS)
    }

    /// Removes the tables of an earlier search; 42P07 where one of these names is another's.
    pub fn make_room(&self) -> Result<()> {
        self.name.check_schema()?;
        for suffix in [PAIRS, CLUSTERS, KEYS] {
            let name = format!("{}{suffix}", self.name.name);
            let Some((_, oid)) = target::find(Some(&self.name.schema), &name)? else { continue };
            if !target::comment(oid)?.is_some_and(|text| text.starts_with(MADE_BY)) {
                return Err(Error::duplicate_table(format!(
                    "relation \"{name}\" already exists and was not made by {MADE_BY}"
                ))
                .hint("rename it, or give another target"));
            }
            caller::run(&format!("DROP TABLE {}", self.name.beside(suffix)))?;
        }
        Ok(())
    }
}

/// The tables of a search while they are made.
pub struct Results<'a> {
    target: &'a LinkTarget,
    left: &'a LinkSource,
    right: Option<&'a LinkSource>,
}

impl<'a> Results<'a> {
    /// Makes the tables, empty.
    pub fn make(
        target: &'a LinkTarget,
        left: &'a LinkSource,
        right: Option<&'a LinkSource>,
    ) -> Result<Self> {
        let results = Self { target, left, right };
        let (left_key, right_key) = (left.key_type(), results.right_source().key_type());
        let side = if right.is_some() { ", side pg_catalog.text NOT NULL" } else { "" };
        let key = results.cluster_key_type();
        caller::run(&format!(
            "CREATE TABLE {} (left_key {left_key} NOT NULL, right_key {right_key} NOT NULL,
                 probability pg_catalog.float8 NOT NULL, weight pg_catalog.float8 NOT NULL,
                 evidence pg_catalog.jsonb NOT NULL)",
            target.pairs()
        ))?;
        caller::run(&format!(
            "CREATE TABLE {} (key {key} NOT NULL, cluster pg_catalog.int8 NOT NULL{side})",
            target.clusters()
        ))?;
        caller::run(&format!(
            "CREATE TABLE {} (key {key} NOT NULL, hashes pg_catalog.int4[] NOT NULL)",
            target.keys()
        ))?;
        Ok(results)
    }

    fn right_source(&self) -> &LinkSource {
        self.right.unwrap_or(self.left)
    }

    /// Keys of two types are text where they lie in one column.
    fn cluster_key_type(&self) -> String {
        let (left, right) = (self.left.key_type(), self.right_source().key_type());
        if left == right { left } else { "pg_catalog.text".to_owned() }
    }

    /// Writes the pairs of a file.
    pub fn write_pairs(&self, path: &Path) -> Result<()> {
        let (left, right) = (self.left.key_type(), self.right_source().key_type());
        let sql = format!(
            "INSERT INTO {}
             SELECT u.l::{left}, u.r::{right}, u.p::pg_catalog.float8, u.w::pg_catalog.float8,
                 u.e::pg_catalog.jsonb
             FROM {rows}(l, r, p, w, e)",
            self.target.pairs(),
            rows = rows_of(5),
        );
        each_batch(path, 5, |columns| {
            let arguments: Vec<_> = columns.into_iter().map(Into::into).collect();
            caller::change(&sql, &arguments).map(drop)
        })
    }

    /// Writes the clusters and the keys of a file.
    pub fn write_clusters(&self, path: &Path) -> Result<()> {
        let key = self.cluster_key_type();
        let side = if self.right.is_some() {
            ", CASE WHEN u.s::pg_catalog.bool THEN 'right' ELSE 'left' END"
        } else {
            ""
        };
        let clusters = format!(
            "INSERT INTO {} SELECT u.k::{key}, u.c::pg_catalog.int8{side}
             FROM {rows}(k, c, s)",
            self.target.clusters(),
            rows = rows_of(3),
        );
        // Records are looked up among the rows of one table, of linked ones the right one's.
        let wanted = if self.right.is_some() { "WHERE u.s::pg_catalog.bool" } else { "" };
        let keys = format!(
            "INSERT INTO {} SELECT u.k::{key}, u.h::pg_catalog.int4[]
             FROM {rows}(k, s, h) {wanted}",
            self.target.keys(),
            rows = rows_of(3),
        );
        each_batch(path, 4, |columns| {
            let [key, cluster, side, hashes]: [Vec<Option<String>>; 4] =
                columns.try_into().map_err(|_| Error::internal("a row of clusters"))?;
            let arguments = [key.clone().into(), cluster.into(), side.clone().into()];
            caller::change(&clusters, &arguments)?;
            caller::change(&keys, &[key.into(), side.into(), hashes.into()]).map(drop)
        })
    }

    /// Makes the indexes, and tells in the catalogue what the tables are.
    pub fn finish(&self) -> Result<()> {
        let target = self.target;
        let comparable = "(hashes pg_catalog.array_ops)";
        caller::run(&format!("CREATE INDEX ON {} USING gin {comparable}", target.keys()))?;
        caller::run(&format!("CREATE INDEX ON {} (key)", target.clusters()))?;
        let of = format!("{}.{}", self.left.table.schema, self.left.table.name);
        for (table, what) in [
            (target.pairs(), "pairs of duplicates in"),
            (target.clusters(), "clusters of"),
            (target.keys(), "keys to look up records in"),
        ] {
            target::set_comment(&table, &format!("{MADE_BY}: {what} {of}"))?;
        }
        Ok(())
    }
}

/// Arrays side by side as rows, in SQL, up to the names of their columns.
fn rows_of(arrays: usize) -> String {
    let arrays: Vec<String> =
        (1..=arrays).map(|number| format!("pg_catalog.unnest(${number})")).collect();
    format!("ROWS FROM ({}) AS u", arrays.join(", "))
}

/// Reads a file of rows; hands them on by columns, some thousands at once.
fn each_batch(
    path: &Path,
    columns: usize,
    mut write: impl FnMut(Vec<Vec<Option<String>>>) -> Result<()>,
) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("a file of results", &error);
    let file = File::open(path).map_err(failed)?;
    let mut reader = RowReader::new(BufReader::with_capacity(1 << 18, file), columns);
    activity::phase("writing tables", "rows", None, 0);
    loop {
        let mut batch = vec![Vec::with_capacity(BATCH); columns];
        while batch[0].len() < BATCH {
            let Some(row) = reader.next_row().map_err(failed)? else { break };
            for (column, value) in batch.iter_mut().zip(row) {
                column.push(value.take());
            }
        }
        if batch[0].is_empty() {
            return Ok(());
        }
        pgrx::check_for_interrupts!();
        activity::advance(batch[0].len() as u64);
        memory::in_own_context(|| write(batch))?;
    }
}
