//! Watches: what each is, what waits for it, and the rows that it reads and writes.
//!
//! `queue` is our own tables, with the rights of the extension's owner; `rows` is the watched
//! table, as the role that writes it; `setup` begins and ends a watch.

pub mod queue;
pub mod rows;
pub mod setup;

use super::table::Table;
use super::{caller, registry};
use crate::error::{Error, Result};
use crate::pg::{roles, session};
use pgrx::pg_sys::{self, Oid};
use std::time::Duration;

/// SQL value of a model's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// `negative`, `neutral` or `positive`.
    Label,
    /// The name of a class.
    Class,
    /// 1 to 5.
    Level,
    /// -1 to 1.
    Score,
    /// A sentence vector.
    Vector,
}

impl Value {
    /// The type from which the value is assigned to the column.
    pub fn sql_type(self) -> &'static str {
        match self {
            Self::Label | Self::Class => "pg_catalog.text",
            Self::Level => "pg_catalog.int2",
            Self::Score => "pg_catalog.float4",
            Self::Vector => "pg_catalog.float4[]",
        }
    }
}

/// A watch and how it stands.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Its number.
    pub id: i32,
    /// Role that made it: the model is used with this role's rights.
    pub owner: Oid,
    /// The table.
    pub source: Oid,
    /// The column with the text.
    pub text_column: String,
    /// The model, or a version.
    pub model: String,
    /// The column for the answer.
    pub target_column: String,
    /// The column for the version that gave it.
    pub version_column: Option<String>,
    /// True if a new champion judges old rows again.
    pub rescores: bool,
    /// Old rows queued in a second.
    pub backfill_rate: u32,
    /// The owner's settings: search path, date style, time zone.
    pub settings: [String; 3],
    /// Version used last.
    pub version: Option<String>,
    /// True if old rows are still to be queued.
    pub is_backfilling: bool,
    /// Failures in a row.
    pub failures: i32,
    /// Time until the next try.
    pub rests: Option<Duration>,
}

impl Watch {
    /// Runs `work` as the role that writes the table for the watch's owner, with values read and
    /// written in forms that no setting changes. 42704 where the owner is no more.
    pub fn as_writer<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check_owner()?;
        let writer = roles::writer_of(self.source, self.owner);
        caller::as_writer(writer, || session::in_plain_forms(work))
    }

    /// Runs `work`, which asks what the watch's owner may use. 42704 where the owner is no more.
    pub fn as_owner<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.check_owner()?;
        roles::acting_as(self.owner, work)
    }

    fn check_owner(&self) -> Result<()> {
        match roles::role_name(self.owner) {
            Some(_) => Ok(()),
            None => Err(Error::undefined("the watch's owner does not exist any more")),
        }
    }

    /// The table as it is now; what the watch needs of it is there.
    pub fn table(&self) -> Result<Table> {
        let table = Table::read(self.source)?;
        table.find(&self.text_column)?;
        table.find(&self.target_column)?;
        self.version_column.as_deref().map(|name| table.find(name)).transpose()?;
        if table.primary_key.is_empty() {
            return Err(no_key(&table.name));
        }
        Ok(table)
    }
}

/// 55000: rows cannot be found again.
pub fn no_key(table: &str) -> Error {
    Error::wrong_state(format!(
        "table \"{table}\" has no primary key, by which a watch finds its rows again"
    ))
    .hint("add one, as in ALTER TABLE ... ADD PRIMARY KEY (id)")
}

/// Places of the key's columns by their names, which is the order in which the queue has them.
pub fn key_columns(table: &Table) -> Vec<usize> {
    let mut key = table.primary_key.clone();
    key.sort_unstable_by(|&a, &b| table.columns[a].name.cmp(&table.columns[b].name));
    key
}

/// The class names of a version; none of an encoder.
pub fn labels(model: &str, number: i32) -> Result<Vec<String>> {
    let sql = "SELECT labels FROM crm_ai.version WHERE model = $1 AND version = $2";
    Ok(registry::value(sql, &[model.into(), number.into()])?.unwrap_or_default())
}

/// All watches that are switched on, those of tables that are gone left out.
pub fn list() -> Result<Vec<Watch>> {
    select("s.disabled_at IS NULL")
}

/// The watch that fills a column; 42704 where there is none.
pub fn find(source: Oid, target: &str) -> Result<Watch> {
    let same = |watch: &Watch| watch.source == source && watch.target_column == target;
    select("true")?.into_iter().find(same).ok_or_else(|| {
        Error::undefined(format!("no watch fills column \"{target}\" of this table"))
            .hint("crm_ai.watches lists the watches")
    })
}

fn select(condition: &str) -> Result<Vec<Watch>> {
    let sql = format!(
        "SELECT w.id, w.owner::oid, w.source::oid, w.text_column, w.model, w.target_column,
             w.version_column, w.on_promotion = 'rescore', w.backfill_rate,
             ARRAY[w.search_path, w.date_style, w.time_zone], s.version,
             s.backfill IS NOT NULL, s.failures,
             extract(epoch FROM s.next_try - clock_timestamp())::float8
         FROM crm_ai.watch w JOIN crm_ai.watch_state s ON s.watch = w.id
         JOIN pg_class c ON c.oid = w.source::oid WHERE {condition} ORDER BY w.id"
    );
    registry::rows(&sql, &[], |row| {
        let mut settings = row.get::<Vec<String>>(10)?.unwrap_or_default().into_iter();
        let mut setting = || settings.next().unwrap_or_default();
        Ok(Watch {
            id: row.get(1)?.unwrap_or_default(),
            owner: row.get(2)?.unwrap_or(pg_sys::InvalidOid),
            source: row.get(3)?.unwrap_or(pg_sys::InvalidOid),
            text_column: row.get(4)?.unwrap_or_default(),
            model: row.get(5)?.unwrap_or_default(),
            target_column: row.get(6)?.unwrap_or_default(),
            version_column: row.get(7)?,
            rescores: row.get(8)?.unwrap_or_default(),
            backfill_rate: row.get::<i32>(9)?.unwrap_or_default().unsigned_abs(),
            settings: [setting(), setting(), setting()],
            version: row.get(11)?,
            is_backfilling: row.get(12)?.unwrap_or_default(),
            failures: row.get(13)?.unwrap_or_default(),
            rests: row.get::<f64>(14)?.filter(|left| *left > 0.0).map(Duration::from_secs_f64),
        })
    })
}
