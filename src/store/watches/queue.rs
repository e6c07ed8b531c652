//! Queue of a watch, and its state.

use crate::error::Result;
use crate::store::registry::{self, change};
use std::time::Duration;

/// A row that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Place in the queue, as text.
    pub place: String,
    /// The row's primary key, as text.
    pub key: Vec<String>,
    /// Number of failed attempts to write it.
    pub attempts: i32,
}

/// Rows that wait, locked; at most `count`.
pub fn take(watch: i32, count: usize) -> Result<Vec<Waiting>> {
    let sql = "SELECT ctid::text, key, attempts FROM crm_ai.pending
               WHERE watch = $1 AND (not_before IS NULL OR not_before <= clock_timestamp())
               LIMIT $2 FOR UPDATE SKIP LOCKED";
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    registry::returning(sql, &[watch.into(), count.into()], |row| {
        Ok(Waiting {
            place: row.get(1)?.unwrap_or_default(),
            key: row.get(2)?.unwrap_or_default(),
            attempts: row.get(3)?.unwrap_or_default(),
        })
    })
}

/// The time until a row that was put off is to be tried again; `None` if there is none.
pub fn put_off_until() -> Result<Option<Duration>> {
    let sql = "SELECT extract(epoch FROM min(not_before) - clock_timestamp())::float8
               FROM crm_ai.pending WHERE not_before IS NOT NULL";
    let seconds = registry::value::<f64>(sql, &[])?;
    Ok(seconds.map(|seconds| Duration::from_secs_f64(seconds.max(0.05))))
}

/// Removes rows from the queue.
pub fn remove(places: Vec<String>) -> Result<()> {
    if !places.is_empty() {
        let sql = "DELETE FROM crm_ai.pending WHERE ctid = ANY ($1::text[]::tid[])";
        change(sql, &[places.into()])?;
    }
    Ok(())
}

/// Leaves rows in the queue for a second.
pub fn put_off(places: Vec<String>) -> Result<()> {
    if !places.is_empty() {
        let sql = "UPDATE crm_ai.pending
                   SET attempts = attempts + 1, not_before = clock_timestamp() + interval '1 second'
                   WHERE ctid = ANY ($1::text[]::tid[])";
        change(sql, &[places.into()])?;
    }
    Ok(())
}

/// Makes a row that cannot be done visible; it is removed from the queue by the caller.
pub fn fail_row(watch: i32, key: &[String], state: &str) -> Result<()> {
    let sql = "INSERT INTO crm_ai.watch_error (watch, key, state) VALUES ($1, $2, $3)
               ON CONFLICT (watch, key)
               DO UPDATE SET state = EXCLUDED.state, failed_at = EXCLUDED.failed_at";
    change(sql, &[watch.into(), key.to_vec().into(), state.into()])?;
    Ok(())
}

/// Takes back what [`fail_row`] has told of rows that could be done after all.
pub fn forget_failures<'a>(watch: i32, keys: impl Iterator<Item = &'a [String]>) -> Result<()> {
    let any = "SELECT 1 FROM crm_ai.watch_error WHERE watch = $1 LIMIT 1";
    if change(any, &[watch.into()])? > 0 {
        for key in keys {
            let sql = "DELETE FROM crm_ai.watch_error WHERE watch = $1 AND key = $2";
            change(sql, &[watch.into(), key.to_vec().into()])?;
        }
    }
    Ok(())
}

/// Records that a batch was done, by which version.
pub fn succeed(watch: i32, rows: usize, version: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET rows_done = rows_done + $2, version = $3, failures = 0, timeouts = 0,
                   next_try = NULL
               WHERE watch = $1";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    change(sql, &[watch.into(), rows.into(), version.into()])?;
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
    change(sql, &[watch.into(), state.into()])?;
    Ok(())
}

/// Records that a batch took longer than it may, which counts as `weight`; gives what has been
/// counted in a row. Waits for nobody: it is called while the process ends, too.
pub fn note_timeout(watch: i32, state: &str, weight: i32) -> Result<i32> {
    change("LOCK TABLE crm_ai.watch_state IN ROW EXCLUSIVE MODE NOWAIT", &[])?;
    let sql = "UPDATE crm_ai.watch_state
               SET timeouts = timeouts + $3, error_state = $2, error_at = clock_timestamp(),
                   next_try = clock_timestamp() + interval '1 s' * least(5 + 5 * timeouts, 60)
               WHERE watch = (SELECT watch FROM crm_ai.watch_state WHERE watch = $1
                              FOR UPDATE SKIP LOCKED)
               RETURNING timeouts";
    let timeouts = registry::returning_value(sql, &[watch.into(), state.into(), weight.into()])?;
    Ok(timeouts.unwrap_or(0))
}

/// Switches a watch off, with the reason.
pub fn disable(watch: i32, reason: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET disabled_at = clock_timestamp(), disabled_reason = $2 WHERE watch = $1";
    change(sql, &[watch.into(), reason.into()])?;
    Ok(())
}

/// Switches a watch on again.
pub fn enable(watch: i32) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET disabled_at = NULL, disabled_reason = NULL, failures = 0, timeouts = 0,
                   next_try = NULL
               WHERE watch = $1";
    change(sql, &[watch.into()])?;
    Ok(())
}

/// Has every row judged again that another version judged.
pub fn restart(watch: i32, version: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.watch_state
               SET version = $2, backfill = 'stale', backfill_after = NULL WHERE watch = $1";
    change(sql, &[watch.into(), version.into()])?;
    Ok(())
}

/// State of the queueing of old rows: true if stale ones are wanted, and the last key.
pub fn backfill(watch: i32) -> Result<Option<(bool, Option<Vec<String>>)>> {
    let sql = "SELECT backfill = 'stale', backfill_after FROM crm_ai.watch_state
               WHERE watch = $1 AND backfill IS NOT NULL";
    let found = registry::rows(sql, &[watch.into()], |row| {
        Ok((row.get::<bool>(1)?.unwrap_or_default(), row.get::<Vec<String>>(2)?))
    })?;
    Ok(found.into_iter().next())
}

/// Queues old rows, and notes how far that has come.
pub fn add_old(watch: i32, keys: &[Vec<String>], after: Option<Vec<String>>) -> Result<()> {
    for key in keys {
        let sql = "INSERT INTO crm_ai.pending (watch, key, queued_at, attempts)
                   VALUES ($1, $2, clock_timestamp(), 0)";
        change(sql, &[watch.into(), key.clone().into()])?;
    }
    let sql = "UPDATE crm_ai.watch_state
               SET backfill_after = coalesce($2, backfill_after),
                   backfill = CASE WHEN $2 IS NOT NULL THEN backfill END
               WHERE watch = $1";
    change(sql, &[watch.into(), after.into()])?;
    Ok(())
}

/// Removes watches whose tables were dropped; gives how many.
pub fn remove_dropped() -> Result<usize> {
    let gone = "SELECT id FROM crm_ai.watch w
                WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source::oid)";
    if !registry::is_true(&format!("SELECT EXISTS ({gone})"), &[])? {
        return Ok(0);
    }
    let note = format!("INSERT INTO crm_ai.watch_ended {gone} ON CONFLICT DO NOTHING");
    change(&note, &[])?;
    change(&format!("DELETE FROM crm_ai.watch WHERE id IN ({gone})"), &[])
}

/// Watches that were ended, of which something is left.
pub fn ended() -> Result<Vec<i32>> {
    let sql = "SELECT watch FROM crm_ai.watch_ended";
    let ended = registry::rows(sql, &[], |row| row.get::<i32>(1))?;
    Ok(ended.into_iter().flatten().collect())
}

/// Removes a watch and notes it as ended. Its state, which a batch under way may hold, stays.
pub fn delete(watch: i32) -> Result<()> {
    let note = "INSERT INTO crm_ai.watch_ended VALUES ($1) ON CONFLICT DO NOTHING";
    change(note, &[watch.into()])?;
    change("DELETE FROM crm_ai.watch WHERE id = $1", &[watch.into()])?;
    Ok(())
}

/// Removes what belongs to a watch that has ended, but for rows that somebody has locked; tells
/// whether all of it is gone.
pub fn clear(watch: i32) -> Result<bool> {
    for table in ["pending", "watch_error", "watch_state"] {
        let sql = format!(
            "DELETE FROM crm_ai.{table} WHERE ctid = ANY (ARRAY(
                 SELECT x.ctid FROM crm_ai.{table} x WHERE x.watch = $1 FOR UPDATE SKIP LOCKED))"
        );
        change(&sql, &[watch.into()])?;
        let sql = format!("SELECT EXISTS (SELECT FROM crm_ai.{table} WHERE watch = $1)");
        if registry::is_true(&sql, &[watch.into()])? {
            return Ok(false);
        }
    }
    change("DELETE FROM crm_ai.watch_ended WHERE watch = $1", &[watch.into()])?;
    Ok(true)
}
