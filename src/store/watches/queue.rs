//! What waits for a watch, and how it stands.

use super::Watch;
use crate::error::Result;
use crate::pg::session;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// A row that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Where in the queue it is, as text.
    pub place: String,
    /// The row's primary key, as text.
    pub key: Vec<String>,
    /// How often it could not be written since.
    pub attempts: i32,
}

/// Runs one statement as the extension's owner; gives the number of rows that it changed.
fn execute(sql: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize> {
    let count = session::as_owner(|| {
        Spi::connect_mut(|client| client.update(sql, None, arguments).map(|rows| rows.len()))
    })?;
    Ok(count)
}

/// The rows that have waited longest, locked; at most `count`.
pub fn take(watch: i32, count: usize) -> Result<Vec<Waiting>> {
    let sql = "SELECT ctid::text, key, attempts FROM crm_ai.pending
               WHERE watch = $1 AND (not_before IS NULL OR not_before <= clock_timestamp())
               LIMIT $2 FOR UPDATE SKIP LOCKED";
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = session::as_owner(|| {
        Spi::connect_mut(|client| {
            let rows = client.update(sql, None, &[watch.into(), count.into()])?;
            rows.map(|row| {
                Ok(Waiting {
                    place: row.get(1)?.unwrap_or_default(),
                    key: row.get(2)?.unwrap_or_default(),
                    attempts: row.get(3)?.unwrap_or_default(),
                })
            })
            .collect::<std::result::Result<Vec<_>, pgrx::spi::Error>>()
        })
    })?;
    Ok(rows)
}

/// Removes rows from the queue.
pub fn remove(places: Vec<String>) -> Result<()> {
    if !places.is_empty() {
        let sql = "DELETE FROM crm_ai.pending WHERE ctid = ANY ($1::text[]::tid[])";
        execute(sql, &[places.into()])?;
    }
    Ok(())
}

/// Leaves rows in the queue for a second.
pub fn put_off(places: Vec<String>) -> Result<()> {
    if !places.is_empty() {
        let sql = "UPDATE crm_ai.pending
                   SET attempts = attempts + 1, not_before = clock_timestamp() + interval '1 second'
                   WHERE ctid = ANY ($1::text[]::tid[])";
        execute(sql, &[places.into()])?;
    }
    Ok(())
}

/// Makes a row that cannot be done visible; it is removed from the queue by the caller.
pub fn fail_row(watch: i32, key: &[String], state: &str) -> Result<()> {
    let sql = "INSERT INTO crm_ai.watch_error (watch, key, state) VALUES ($1, $2, $3)
               ON CONFLICT (watch, key)
               DO UPDATE SET state = EXCLUDED.state, failed_at = EXCLUDED.failed_at";
    execute(sql, &[watch.into(), key.to_vec().into(), state.into()])?;
    Ok(())
}

/// Takes back what [`fail_row`] has told of rows that could be done after all.
pub fn forget_failures<'a>(watch: i32, keys: impl Iterator<Item = &'a [String]>) -> Result<()> {
    let any = "SELECT 1 FROM crm_ai.watch_error WHERE watch = $1 LIMIT 1";
    if execute(any, &[watch.into()])? > 0 {
        for key in keys {
            let sql = "DELETE FROM crm_ai.watch_error WHERE watch = $1 AND key = $2";
            execute(sql, &[watch.into(), key.to_vec().into()])?;
        }
    }
    Ok(())
}

/// Records that a batch was done, by which version.
pub fn succeed(watch: i32, rows: usize, version: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET rows_done = rows_done + $2, version = $3, failures = 0, next_try = NULL
               WHERE watch = $1";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    execute(sql, &[watch.into(), rows.into(), version.into()])?;
    Ok(())
}

/// Records that the watch could not work, and when to try again: twice as late each time, from
/// half a second up to a minute.
pub fn fail(watch: i32, state: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET failures = failures + 1, error_state = $2, error_at = clock_timestamp(),
                   next_try = clock_timestamp()
                       + least(interval '1 minute', interval '0.5 s' * 2 ^ least(failures, 10))
               WHERE watch = $1";
    execute(sql, &[watch.into(), state.into()])?;
    Ok(())
}

/// Has every row judged again that another version judged.
pub fn restart(watch: i32, version: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET version = $2, backfill = 'stale', backfill_after = NULL WHERE watch = $1";
    execute(sql, &[watch.into(), version.into()])?;
    Ok(())
}

/// Where the queueing of old rows stands: whether stale ones are wanted, and after which key.
pub fn backfill(watch: i32) -> Result<Option<(bool, Option<Vec<String>>)>> {
    let sql = "SELECT backfill = 'stale', backfill_after FROM crm_ai.watch_state
               WHERE watch = $1 AND backfill IS NOT NULL";
    let found = session::as_owner(|| {
        Spi::connect(|client| {
            let rows = client.select(sql, Some(1), &[watch.into()])?;
            if rows.is_empty() {
                return Ok::<_, pgrx::spi::Error>(None);
            }
            let row = rows.first();
            Ok(Some((row.get::<bool>(1)?.unwrap_or_default(), row.get::<Vec<String>>(2)?)))
        })
    })?;
    Ok(found)
}

/// Queues old rows, and notes how far that has come.
pub fn add_old(watch: i32, keys: &[Vec<String>], after: Option<Vec<String>>) -> Result<()> {
    for key in keys {
        let sql = "INSERT INTO crm_ai.pending (watch, key, queued_at, attempts)
                   VALUES ($1, $2, clock_timestamp(), 0)";
        execute(sql, &[watch.into(), key.clone().into()])?;
    }
    let sql = "UPDATE crm_ai.watch_state
               SET backfill_after = coalesce($2, backfill_after),
                   backfill = CASE WHEN $2 IS NOT NULL THEN backfill END
               WHERE watch = $1";
    execute(sql, &[watch.into(), after.into()])?;
    Ok(())
}

/// Removes watches whose tables were dropped, with all that belongs to them. Tells how many.
pub fn remove_orphans() -> Result<usize> {
    let sql = "WITH gone AS (
                   DELETE FROM crm_ai.watch w
                   WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source::oid)
                   RETURNING w.id),
               pending AS (DELETE FROM crm_ai.pending WHERE watch IN (SELECT id FROM gone)),
               failed AS (DELETE FROM crm_ai.watch_error WHERE watch IN (SELECT id FROM gone))
               DELETE FROM crm_ai.watch_state WHERE watch IN (SELECT id FROM gone)";
    let any = "SELECT 1 FROM crm_ai.watch w
               WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source::oid) LIMIT 1";
    if execute(any, &[])? == 0 { Ok(0) } else { execute(sql, &[]) }
}

/// Removes a watch with all that belongs to it.
pub fn delete(watch: &Watch) -> Result<()> {
    for sql in [
        "DELETE FROM crm_ai.watch WHERE id = $1",
        "DELETE FROM crm_ai.watch_state WHERE watch = $1",
        "DELETE FROM crm_ai.watch_error WHERE watch = $1",
        "DELETE FROM crm_ai.pending WHERE watch = $1",
    ] {
        execute(sql, &[watch.id.into()])?;
    }
    Ok(())
}
