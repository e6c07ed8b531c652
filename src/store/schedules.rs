//! Schedules: kept, and fired when their time has come.

use super::{registry, runs};
use crate::error::{Error, Result};
use crate::pg::roles;
use crate::run::{Cron, Kind};
use pgrx::{JsonB, log};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Arguments of a new schedule, checked.
pub struct Wanted<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Text or table.
    pub kind: Kind,
    /// Cron expression.
    pub schedule: &'a str,
    /// Source of the rows.
    pub source: &'a str,
    /// The runs' options.
    pub options: Value,
    /// Rows that must be new.
    pub min_new_rows: i32,
    /// Versions that are kept.
    pub keep_versions: i32,
}

/// Adds a schedule for the present role; gives its number.
pub fn insert(wanted: Wanted<'_>) -> Result<i64> {
    let sql = "INSERT INTO crm_ai.schedule (model, kind, role, schedule, source, options, session,
                   min_new_rows, keep_versions)
               VALUES ($1, $2, $3::oid, $4, $5, $6, $7, $8, $9) RETURNING id";
    let arguments = [
        wanted.model.into(),
        wanted.kind.name().into(),
        roles::current_user().into(),
        wanted.schedule.into(),
        wanted.source.into(),
        JsonB(wanted.options).into(),
        JsonB(runs::session_settings()).into(),
        wanted.min_new_rows.into(),
        wanted.keep_versions.into(),
    ];
    registry::returning_value::<i64>(sql, &arguments)?
        .ok_or_else(|| Error::internal("a schedule got no number"))
}

/// Removes a schedule. 42704 where there is none, 42501 where it is another's.
pub fn delete(schedule: i64) -> Result<()> {
    let user = roles::current_user();
    let sql = "SELECT pg_has_role($2, s.role, 'USAGE') OR pg_has_role($2, 'crm_ai_admin', 'USAGE')
               OR EXISTS (SELECT FROM crm_ai.model m
                          WHERE m.name = s.model AND pg_has_role($2, m.owner, 'USAGE'))
               FROM crm_ai.schedule s WHERE s.id = $1 FOR UPDATE";
    match registry::returning_value::<bool>(sql, &[schedule.into(), user.into()])? {
        Some(true) => {
            registry::change("DELETE FROM crm_ai.schedule WHERE id = $1", &[schedule.into()])?;
            Ok(())
        }
        Some(false) => {
            Err(Error::not_allowed(format!("permission denied for schedule {schedule}"))
                .hint("a schedule is its role's, its model's owner's and the administrators'"))
        }
        None => Err(Error::undefined(format!("schedule {schedule} does not exist"))
            .hint("crm_ai.schedules lists the schedules")),
    }
}

/// A schedule and the server's wall clock.
struct ScheduleState {
    id: i64,
    schedule: String,
    /// Seconds on the wall clock.
    now: i64,
    is_due: bool,
    /// Seconds until it is due; `None` where it has no time yet.
    left: Option<f64>,
}

/// Result of firing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fired {
    /// The runs that were asked for, newest.
    pub run: Option<i64>,
    /// Seconds until the next schedule is due; `None` where there is none.
    pub seconds_left: Option<f64>,
}

/// Asks for the runs of all schedules whose time has come, once each however long ago that was,
/// and sets their next times. A schedule whose last run has not ended is passed over.
pub fn fire() -> Result<Fired> {
    let mut fired = Fired { run: None, seconds_left: None };
    for state in all()? {
        let mut left = state.left;
        if state.is_due || left.is_none() {
            // Before its run is asked for: without a next time it would be due for ever.
            let next = Cron::parse(&state.schedule).map(|cron| cron.next_after(state.now));
            let Some(next) = next.unwrap_or_else(|error| complain(state.id, &error)) else {
                continue;
            };
            if state.is_due {
                fired.run = ask(state.id)?.or(fired.run);
            }
            // The wall clock's time, as the server's time zone understands it.
            let sql = "UPDATE crm_ai.schedule SET next_at = (to_timestamp($2) AT TIME ZONE 'UTC')
                           AT TIME ZONE current_setting('TimeZone')
                       WHERE id = $1";
            registry::change(sql, &[state.id.into(), (next as f64).into()])?;
            left = Some((next - state.now) as f64);
        }
        fired.seconds_left = match (fired.seconds_left, left) {
            (Some(a), Some(b)) => Some(f64::min(a, b)),
            (a, b) => a.or(b),
        };
    }
    Ok(fired)
}

thread_local! {
    /// Schedules that were complained of.
    static UNREADABLE: RefCell<BTreeSet<i64>> = const { RefCell::new(BTreeSet::new()) };
}

/// Tells once in the log that a schedule cannot be read; the others are fired all the same.
fn complain(schedule: i64, error: &Error) -> Option<i64> {
    if UNREADABLE.with_borrow_mut(|known| known.insert(schedule)) {
        log!("crm_ai: schedule {schedule} is passed over: {}", error.for_log());
    }
    None
}

fn all() -> Result<Vec<ScheduleState>> {
    let sql = "SELECT id, schedule,
                   floor(extract(epoch FROM clock_timestamp()
                       AT TIME ZONE current_setting('TimeZone')))::bigint,
                   coalesce(next_at <= clock_timestamp(), false),
                   extract(epoch FROM next_at - clock_timestamp())
               FROM crm_ai.schedule ORDER BY id";
    let mut states = Vec::new();
    registry::read(sql, &[], |row| {
        let number = |column| row.text(column).and_then(|text| text.parse().ok());
        states.push(ScheduleState {
            id: number(1).unwrap_or(0),
            schedule: row.text(2).unwrap_or_default(),
            now: number(3).unwrap_or(0),
            is_due: row.is_true(4),
            left: row.text(5).and_then(|text| text.parse().ok()),
        });
        Ok(true)
    })?;
    Ok(states)
}

/// Asks for a schedule's run; `None` where its last one goes on.
fn ask(schedule: i64) -> Result<Option<i64>> {
    let sql = "INSERT INTO crm_ai.run (model, kind, role, source, options, session, schedule)
               SELECT s.model, s.kind, s.role, s.source, s.options, s.session, s.id
               FROM crm_ai.schedule s
               WHERE s.id = $1 AND NOT EXISTS (
                   SELECT FROM crm_ai.run r WHERE r.schedule = s.id
                       AND r.state IN ('queued', 'running', 'evaluating'))
               RETURNING id";
    let run = registry::returning_value::<i64>(sql, &[schedule.into()])?;
    let sql = "UPDATE crm_ai.schedule SET last_at = clock_timestamp(),
                   last_run = coalesce($2, last_run) WHERE id = $1";
    registry::change(sql, &[schedule.into(), run.into()])?;
    Ok(run)
}
