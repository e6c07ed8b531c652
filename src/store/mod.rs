//! The registry's tables: all SPI and all SQL text that Rust runs.
//!
//! Everything here acts with the rights of the extension's owner and under a fixed search path;
//! whether the caller may ask is checked against the role that was current before.

pub mod artifacts;
pub mod clean;
pub mod enrich;
pub mod labelled;
pub mod models;
pub mod profile;
pub mod progress;
pub mod runs;
pub mod scheduler;
pub mod schedules;
pub mod versions;
pub mod watches;

use crate::error::Result;
use crate::pg::session;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// Runs one statement as the owner; gives the number of rows it returned or changed.
fn execute(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize> {
    let count = session::as_owner(|| {
        Spi::connect_mut(|client| client.update(sql, None, arguments).map(|rows| rows.len()))
    })?;
    Ok(count)
}

/// Runs one statement as the owner; gives the first column of its first row.
fn fetch<T: FromDatum + IntoDatum>(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<Option<T>> {
    let value = session::as_owner(|| {
        Spi::connect_mut(|client| {
            // Without a limit: an INSERT that stops at its first row fires no statement trigger.
            let rows = client.update(sql, None, arguments)?;
            if rows.is_empty() { Ok(None) } else { rows.first().get_one::<T>() }
        })
    })?;
    Ok(value)
}
