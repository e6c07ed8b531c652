//! Statements by SPI. Only [`super::registry`] and [`super::caller`] may call this: whose rights a
//! statement has, and where its names are looked up, is decided there.

use crate::error::Result;
use crate::pg::query;
use pgrx::PgTrigger;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiHeapTupleData, SpiTupleTable};

/// A row of a result; columns count from 1.
pub type Row<'a> = SpiHeapTupleData<'a>;

/// Result of reading a row's columns.
pub type Columns<T> = std::result::Result<T, pgrx::spi::Error>;

/// Runs a statement that changes rows; gives how many.
pub fn change(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize> {
    Ok(Spi::connect_mut(|client| client.update(sql, None, arguments).map(|rows| rows.len()))?)
}

/// Runs a statement that changes or locks rows; gives what `read` makes of each that it returns.
pub fn returning<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    Ok(Spi::connect_mut(|client| each(client.update(sql, None, arguments)?, read))?)
}

/// Runs a query; gives what `read` makes of each row.
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Result<Vec<T>> {
    Ok(Spi::connect(|client| each(client.select(sql, None, arguments)?, read))?)
}

fn each<T>(
    rows: SpiTupleTable<'_>,
    mut read: impl FnMut(Row<'_>) -> Columns<T>,
) -> Columns<Vec<T>> {
    rows.map(|row| {
        pgrx::check_for_interrupts!();
        read(row)
    })
    .collect()
}

/// Runs a statement that names the transition tables of a trigger.
pub fn change_in_trigger(sql: &str, trigger: &PgTrigger<'_>) -> Result<()> {
    Ok(Spi::connect_mut(|client| {
        query::register_transition_tables(trigger);
        client.update(sql, None, &[]).map(drop)
    })?)
}

/// Prepares a statement and keeps its plan; one of a trigger may name its transition tables.
pub fn prepare(
    sql: &str,
    types: &[PgOid],
    trigger: Option<&PgTrigger<'_>>,
) -> Result<OwnedPreparedStatement> {
    Ok(Spi::connect_mut(|client| {
        trigger.map(query::register_transition_tables);
        Ok::<_, pgrx::spi::Error>(client.prepare_mut(sql, types)?.keep())
    })?)
}

/// Runs a kept plan; gives the first column of the first row.
pub fn kept_value(
    plan: &OwnedPreparedStatement,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<String>> {
    Ok(Spi::connect(|client| client.select(plan, Some(1), arguments)?.first().get_one::<String>())?)
}

/// Runs a kept plan that names the transition tables of a trigger.
pub fn change_kept(plan: &OwnedPreparedStatement, trigger: &PgTrigger<'_>) -> Result<()> {
    Ok(Spi::connect_mut(|client| {
        query::register_transition_tables(trigger);
        client.update(plan, None, &[]).map(drop)
    })?)
}
