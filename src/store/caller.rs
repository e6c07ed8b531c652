//! Statements with the rights and under the settings of the role that is current. They are about
//! tables of users, whose triggers, policies and types run code of theirs, so every name is written
//! with its schema, and a value becomes text by [`super::clean::sql`] alone.

use super::spi;
pub use super::spi::{Columns, Row};
use crate::error::Result;
use crate::pg::roles;
use pgrx::PgTrigger;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::OwnedPreparedStatement;
use pgrx::{FromDatum, IntoDatum};
use std::mem::ManuallyDrop;

/// Runs a statement; gives the number of rows that it made, changed or returned.
pub fn run(sql: &str) -> Result<u64> {
    Ok(spi::change(sql, &[])? as u64)
}

/// Runs a statement that changes rows; gives how many.
pub fn change(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize> {
    spi::change(sql, arguments)
}

/// Runs a statement that changes or locks rows; gives what `read` makes of each that it returns.
pub fn returning<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    spi::returning(sql, arguments, read)
}

/// Runs a query; gives what `read` makes of each row.
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    spi::rows(sql, arguments, read)
}

/// The same for the first row alone.
pub fn first<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Option<T>> {
    Ok(rows(sql, arguments, read)?.into_iter().next())
}

/// The same for the first column of the first row.
pub fn value<T: FromDatum + IntoDatum>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<T>> {
    Ok(first(sql, arguments, |row| row.get::<T>(1))?.flatten())
}

/// Runs `work` as `writer`, who writes a table on the present role's behalf, so that what users
/// wrote runs with the rights of the table's owner. Deferred triggers would run after it with the
/// present role's rights: those that wait are fired before, and those to come at once.
pub fn as_writer<T>(writer: pg_sys::Oid, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if writer == roles::current_user() {
        return work();
    }
    run("SET CONSTRAINTS ALL IMMEDIATE")?;
    roles::as_untrusted(writer, work)
}

/// Runs a statement that names the transition tables of a trigger.
pub fn run_in_trigger(sql: &str, trigger: &PgTrigger<'_>) -> Result<()> {
    spi::change_in_trigger(sql, trigger)
}

/// A kept plan, which is freed by [`Plan::free`] alone: not when the process ends, nor while an
/// ERROR passes.
pub struct Plan(ManuallyDrop<OwnedPreparedStatement>);

impl Plan {
    /// Plans a statement.
    pub fn new(sql: &str, types: &[PgOid]) -> Result<Self> {
        Ok(Self(ManuallyDrop::new(spi::prepare(sql, types, None)?)))
    }

    /// Plans a statement that names the transition tables of a trigger.
    pub fn for_trigger(sql: &str, trigger: &PgTrigger<'_>) -> Result<Self> {
        Ok(Self(ManuallyDrop::new(spi::prepare(sql, &[], Some(trigger))?)))
    }

    /// Runs it; gives the first column of the first row.
    pub fn value(&self, arguments: &[DatumWithOid<'_>]) -> Result<Option<String>> {
        spi::kept_value(&self.0, arguments)
    }

    /// Runs it where it names the transition tables of a trigger.
    pub fn run_in_trigger(&self, trigger: &PgTrigger<'_>) -> Result<()> {
        spi::change_kept(&self.0, trigger)
    }

    /// Frees the plan.
    pub fn free(self) {
        drop(ManuallyDrop::into_inner(self.0));
    }
}
