//! Statements on the registry: with the rights of the extension's owner, every name looked up in
//! `pg_catalog` alone. Whether the caller may ask is checked about the role that was current
//! before.

use super::spi;
pub use super::spi::{Columns, Row};
use crate::error::Result;
use crate::pg::query;
use crate::pg::roles::as_owner;
use pgrx::datum::DatumWithOid;
use pgrx::{FromDatum, IntoDatum};

/// Runs a statement that changes rows; gives how many.
pub fn change(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize> {
    as_owner(|| spi::change(sql, arguments))
}

/// Runs a statement that changes or locks rows; gives what `read` makes of each that it returns.
pub fn returning<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    as_owner(|| spi::returning(sql, arguments, read))
}

/// The same for the first column of the first row.
pub fn returning_value<T: FromDatum + IntoDatum>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<T>> {
    Ok(returning(sql, arguments, |row| row.get::<T>(1))?.into_iter().next().flatten())
}

/// Runs a query; gives what `read` makes of each row.
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    as_owner(|| spi::rows(sql, arguments, read))
}

/// The same for the first column of the first row.
pub fn value<T: FromDatum + IntoDatum>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<T>> {
    Ok(rows(sql, arguments, |row| row.get::<T>(1))?.into_iter().next().flatten())
}

/// True if a query's one value is true.
pub fn is_true(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<bool> {
    Ok(value::<bool>(sql, arguments)?.unwrap_or(false))
}

/// Hands each row of a query under the active snapshot to `each`, which ends the reading with
/// `false`.
pub fn read(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    each: impl FnMut(&query::Row) -> Result<bool>,
) -> Result<()> {
    as_owner(|| query::read(sql, arguments, each))
}
