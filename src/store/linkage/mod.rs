//! Searches for duplicates: what is kept of each in the registry, the rows that are read, and the
//! tables that are made. Rows are read and tables made with the caller's rights.

mod golden;
mod records;
mod results;
mod source;

pub use golden::{column_names, golden};
pub use records::{Lookup, look_up, records_of};
pub use results::{LinkTarget, Results};
pub use source::{LinkSource, spill};

use super::registry;
use super::sql;
use super::table::Table;
use super::target::TargetName;
use crate::error::{Error, Result};
use crate::pg::roles;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::rc::Rc;

/// A search as it is registered.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its number and time, which a new search of the same target changes.
    pub id: String,
    /// The names of its tables.
    pub target: TargetName,
    /// The table, or the left one, as SQL names it.
    pub source: String,
    /// The right table.
    pub right_source: Option<String>,
    /// The column that holds keys.
    pub key: String,
    /// The learned model as JSON.
    pub model: Option<Rc<str>>,
    /// The role that searched.
    owner: pg_sys::Oid,
}

impl Registered {
    /// The table that was searched; 42P01 where it is no more.
    pub fn table(&self) -> Result<Table> {
        self.read(&self.source)
    }

    /// The right table; that of [`Self::table`] where there was one.
    pub fn right_table(&self) -> Result<Table> {
        self.read(self.right_source.as_ref().unwrap_or(&self.source))
    }

    /// A table by its name. That of another role's search must be a table: a view would run that
    /// role's code with the caller's rights, who named the search alone.
    fn read(&self, name: &str) -> Result<Table> {
        let sql = format!("SELECT pg_catalog.to_regclass({})::pg_catalog.oid", sql::literal(name));
        let oid = super::caller::value::<pg_sys::Oid>(&sql, &[])?;
        let missing = || Error::undefined_table(format!("table {name} does not exist any more"));
        let table = Table::read(oid.ok_or_else(missing)?)?;
        if self.is_own() || table.has_places() {
            return Ok(table);
        }
        Err(Error::not_allowed(format!("{name}, which another role has searched, is not a table"))
            .hint("search it yourself with crm_ai.dedupe"))
    }

    fn is_own(&self) -> bool {
        self.owner == roles::current_user()
    }

    /// Fails unless a companion is there, and a plain table where another role has searched.
    fn check_companion(&self, suffix: &str) -> Result<()> {
        let name = self.target.beside(suffix);
        let sql = format!(
            "SELECT c.relkind OPERATOR(pg_catalog.=) 'r'::\"char\" AND NOT c.relhasrules
             FROM pg_catalog.pg_class c
             WHERE c.oid {} pg_catalog.to_regclass({})::pg_catalog.oid",
            sql::EQ,
            sql::literal(&name)
        );
        match super::caller::value::<bool>(&sql, &[])? {
            None => Err(Error::undefined_table(format!("table {name} does not exist any more"))
                .hint("search again with crm_ai.dedupe")),
            Some(false) if !self.is_own() => {
                Err(Error::not_allowed(format!("{name} of another role's search is not a table"))
                    .hint("search yourself with crm_ai.dedupe"))
            }
            Some(_) => Ok(()),
        }
    }

    /// The table of keys, in SQL.
    pub fn keys(&self) -> Result<String> {
        self.check_companion(results::KEYS)?;
        Ok(self.target.beside(results::KEYS))
    }

    /// The table of clusters, in SQL.
    pub fn clusters(&self) -> Result<String> {
        self.check_companion(results::CLUSTERS)?;
        Ok(self.target.beside(results::CLUSTERS))
    }
}

/// Registers a search in place of an earlier one of the same target.
pub fn register(
    target: &TargetName,
    source: &Table,
    right: Option<&Table>,
    key: &str,
    model: Option<&str>,
) -> Result<()> {
    let sql = "INSERT INTO crm_ai.linkage
                   (target_schema, target_name, owner, source, right_source, key, model)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (target_schema, target_name) DO UPDATE SET
                   id = DEFAULT, owner = EXCLUDED.owner, source = EXCLUDED.source,
                   right_source = EXCLUDED.right_source, key = EXCLUDED.key,
                   model = EXCLUDED.model, made_at = EXCLUDED.made_at";
    let owner = roles::current_user();
    let arguments = [
        target.schema.as_str().into(),
        target.name.as_str().into(),
        owner.into(),
        source.sql_name().into(),
        right.map(Table::sql_name).into(),
        key.into(),
        model.into(),
    ];
    registry::change(sql, &arguments).map(drop)
}

thread_local! {
    /// The search that was asked for last: a model may be megabytes long.
    static LAST: RefCell<Option<Rc<Registered>>> = const { RefCell::new(None) };
}

/// The search of a target; 42704 where there is none.
pub fn registered(target: &str) -> Result<Rc<Registered>> {
    let target = TargetName::parse(target, &[])?;
    let arguments = || [target.schema.as_str().into(), target.name.as_str().into()];
    let id = "SELECT pg_catalog.concat(id, ' ', made_at)
              FROM crm_ai.linkage WHERE target_schema = $1 AND target_name = $2";
    let missing = || {
        Error::undefined(format!("there is no search for duplicates named {}", target.shown()))
            .hint("crm_ai.dedupe and crm_ai.link make one; it has the name of their target")
    };
    let id = registry::value::<String>(id, &arguments())?.ok_or_else(missing)?;
    if let Some(known) = LAST.with_borrow(|last| last.clone().filter(|last| last.id == id)) {
        return Ok(known);
    }
    let sql = "SELECT source, right_source, key, model, owner::pg_catalog.oid
               FROM crm_ai.linkage WHERE target_schema = $1 AND target_name = $2";
    let read = |row: registry::Row<'_>| {
        let owner = row.get::<pg_sys::Oid>(5)?;
        Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get::<String>(4)?, owner))
    };
    let found = registry::rows(sql, &arguments(), read)?.into_iter().next();
    let Some((Some(source), right_source, Some(key), model, Some(owner))) = found else {
        return Err(missing());
    };
    let model = model.map(Rc::from);
    let found = Rc::new(Registered { id, target, source, right_source, key, model, owner });
    LAST.set(Some(Rc::clone(&found)));
    Ok(found)
}
