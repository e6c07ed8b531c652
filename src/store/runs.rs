//! Training runs: asked for, taken up, ended.

use super::{Lock, registry};
use crate::error::{Error, Result};
use crate::pg::{roles, session};
use crate::run::Kind;
use crm_ai_wire::training::Outcome;
use pgrx::{JsonB, pg_sys};
use serde_json::Value;

/// Most attempts of a run.
const ATTEMPTS_MAX: i32 = 3;

/// A condition: no worker works on run `r` any more. A worker is known by its process, when that
/// began, and its database: a dump that is restored beside its source tells of the source's. The
/// server shows when a process began to roles with the rights of `pg_read_all_stats` alone; where
/// the extension's owner is no superuser any more, process and database decide.
const IS_ORPHAN: &str = "r.state IN ('running', 'evaluating') AND NOT EXISTS (
    SELECT FROM pg_stat_get_activity(r.worker_pid) a JOIN pg_database d ON d.oid = a.datid
    WHERE coalesce(a.backend_start = r.worker_started, true) AND d.datname = current_database())";

/// A run that was taken up.
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The model's name.
    pub model: String,
    /// Text or table.
    pub kind: Kind,
    /// Role whose rights it has.
    pub role: pg_sys::Oid,
    /// Source of the rows, as given.
    pub source: String,
    /// As they were given.
    pub options: Value,
    /// `search_path`, `DateStyle` and `TimeZone` of the call.
    pub session: Value,
    /// Terms of the schedule that asked for it.
    pub schedule: Option<Terms>,
    /// The hash of the rows that an earlier attempt read.
    pub rows_sha256: Option<String>,
}

/// Terms of a schedule for its runs.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The schedule's number.
    pub id: i64,
    /// Rows that must be new.
    pub min_new_rows: i64,
    /// Versions that are kept.
    pub keep_versions: i32,
}

/// Arguments of a new run.
pub struct Wanted<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Text or table.
    pub kind: Kind,
    /// Source of the rows.
    pub source: &'a str,
    /// As they were given, and checked.
    pub options: Value,
}

/// The settings that decide what a source means, as they are now.
pub fn session_settings() -> Value {
    let value = |name| crate::pg::transaction::setting(name).unwrap_or_default();
    serde_json::json!({
        "search_path": value(c"search_path"),
        "DateStyle": value(c"DateStyle"),
        "TimeZone": value(c"TimeZone"),
    })
}

/// Adds a run for the present role; gives its number.
pub fn insert(wanted: Wanted<'_>) -> Result<i64> {
    let sql = "INSERT INTO crm_ai.run (model, kind, role, source, options, session)
               VALUES ($1, $2, $3::oid, $4, $5, $6) RETURNING id";
    let arguments = [
        wanted.model.into(),
        wanted.kind.name().into(),
        roles::current_user().into(),
        wanted.source.into(),
        JsonB(wanted.options).into(),
        JsonB(session_settings()).into(),
    ];
    registry::returning_value::<i64>(sql, &arguments)?
        .ok_or_else(|| Error::internal("a run got no number"))
}

/// Gives runs whose worker is gone their end, or with `resume` another attempt. To be called
/// before [`claim`] in its transaction.
fn settle_orphans(resume: bool) -> Result<()> {
    let sql = format!(
        "UPDATE crm_ai.run r SET worker_pid = NULL, worker_started = NULL, state = 'queued'
         WHERE $1 AND r.attempts < {ATTEMPTS_MAX} AND {IS_ORPHAN}
             AND EXISTS (SELECT FROM pg_roles WHERE oid = r.role)"
    );
    registry::change(&sql, &[resume.into()])?;
    let sql = format!(
        "UPDATE crm_ai.run r SET state = 'failed', ended_at = clock_timestamp(), sqlstate = '58000',
             error = 'the run was cut off: the server was restarted, crashed or restored',
             hint = 'start it again; with crm_ai preloaded and a scheduler in the database, runs '
                 'go on by themselves after a restart'
         WHERE {IS_ORPHAN}"
    );
    registry::change(&sql, &[])?;
    let sql = "DELETE FROM crm_ai.run_cancel c WHERE NOT EXISTS (
                   SELECT FROM crm_ai.run r
                   WHERE r.id = c.run AND r.state IN ('queued', 'running', 'evaluating'))";
    registry::change(sql, &[])?;
    Ok(())
}

/// Takes up the oldest run that can start: one of a model that no other run works on. Only in a
/// worker, and in a transaction that does nothing else, for others wait for its end.
pub fn claim(resume: bool) -> Result<Option<Run>> {
    Lock::Runs.take()?;
    settle_orphans(resume)?;
    let sql = "UPDATE crm_ai.run SET state = 'running', attempts = attempts + 1,
                   started_at = coalesce(started_at, clock_timestamp()),
                   worker_pid = pg_backend_pid(), worker_started = (
                       SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a)
               WHERE id = (
                   SELECT q.id FROM crm_ai.run q
                   WHERE q.state = 'queued' AND NOT EXISTS (
                       SELECT FROM crm_ai.run o
                       WHERE o.model = q.model AND o.state IN ('running', 'evaluating'))
                   ORDER BY q.id LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING id";
    let Some(id) = registry::returning_value::<i64>(sql, &[])? else { return Ok(None) };
    session::seeing_own_writes(|| read(id)).map(Some)
}

fn read(id: i64) -> Result<Run> {
    let sql = "SELECT r.model, r.kind, r.role::oid, r.source, r.options, r.session, s.id,
                   coalesce(s.min_new_rows, 0), coalesce(s.keep_versions, 0), r.rows_sha256
               FROM crm_ai.run r LEFT JOIN crm_ai.schedule s ON s.id = r.schedule
               WHERE r.id = $1";
    let mut found = None;
    registry::read(sql, &[id.into()], |row| {
        let text = |column| row.text(column).unwrap_or_default();
        let json = |column| serde_json::from_str(&text(column)).unwrap_or_default();
        let (min_new_rows, keep_versions) = (row.int(8)?.unwrap_or(0), row.int(9)?.unwrap_or(0));
        found = Some(Run {
            id,
            model: text(1),
            kind: Kind::from_name(&text(2))?,
            role: row.oid(3)?.unwrap_or(pg_sys::InvalidOid),
            source: text(4),
            options: json(5),
            session: json(6),
            schedule: row.text(7).and_then(|id| id.parse().ok()).map(|id| Terms {
                id,
                min_new_rows: i64::from(min_new_rows),
                keep_versions,
            }),
            rows_sha256: row.text(10),
        });
        Ok(false)
    })?;
    found.ok_or_else(|| Error::internal("a run that was taken up is not there"))
}

/// True if a run has waited for a worker for longer than a start takes, or for one that is gone.
pub fn any_neglected() -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM crm_ai.run r WHERE ({IS_ORPHAN}) OR (
             r.state = 'queued' AND r.asked_at < clock_timestamp() - interval '2 seconds'
             AND NOT EXISTS (
                 SELECT FROM crm_ai.run o
                 WHERE o.model = r.model AND o.state IN ('running', 'evaluating'))))"
    );
    registry::is_true(&sql, &[])
}

/// True if a worker that looked now would find a run to take up.
pub fn any_waiting_to_start() -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM crm_ai.run q WHERE q.state = 'queued' AND NOT EXISTS (
                   SELECT FROM crm_ai.run o
                   WHERE o.model = q.model AND o.state IN ('running', 'evaluating')))";
    registry::is_true(sql, &[])
}

/// True if any run has not ended.
pub fn any_open() -> Result<bool> {
    Ok(!open()?.is_empty())
}

/// Runs that have not ended.
pub fn open() -> Result<Vec<i64>> {
    let sql = "SELECT array_agg(id) FROM crm_ai.run
               WHERE state IN ('queued', 'running', 'evaluating')";
    Ok(registry::value(sql, &[])?.unwrap_or_default())
}

/// Runs that a worker works on.
pub fn running() -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT array_agg(r.id) FROM crm_ai.run r
         WHERE r.state IN ('running', 'evaluating') AND NOT ({IS_ORPHAN})"
    );
    Ok(registry::value(&sql, &[])?.unwrap_or_default())
}

/// Ends a run that made a version.
pub fn succeed(
    run: i64,
    champion: Option<i32>,
    version: i32,
    promoted: bool,
    reason: &str,
    outcome: &Outcome,
) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET state = 'succeeded', ended_at = clock_timestamp(), eta = NULL,
                   champion = $2, version = $3, promoted = $4, reason = $5, figures = $6,
                   seconds = $7, joules = $8, joules_source = $9, sqlstate = NULL, error = NULL,
                   hint = NULL, worker_pid = NULL, worker_started = NULL
               WHERE id = $1";
    let figures = serde_json::json!({
        "evaluation": outcome.evaluation,
        "champion_evaluation": outcome.champion,
        "comparison": outcome.comparison,
    });
    let arguments = [
        run.into(),
        champion.into(),
        version.into(),
        promoted.into(),
        reason.into(),
        JsonB(figures).into(),
        outcome.seconds.into(),
        outcome.joules.into(),
        outcome.joules_source.as_str().into(),
    ];
    registry::change(sql, &arguments)?;
    registry::change("DELETE FROM crm_ai.run_cancel WHERE run = $1", &[run.into()])?;
    Ok(())
}

/// Locks a run that is about to be ended while the process ends, when nothing may be waited for.
/// 55P03 where somebody holds it.
pub fn lock_without_waiting(run: i64) -> Result<()> {
    registry::change("LOCK TABLE crm_ai.run, crm_ai.run_cancel IN ROW EXCLUSIVE MODE NOWAIT", &[])?;
    let sql = "SELECT 1 FROM crm_ai.run WHERE id = $1 FOR UPDATE NOWAIT";
    registry::change(sql, &[run.into()])?;
    Ok(())
}

/// Ends a run that did not succeed.
pub fn end(run: i64, state: &str, error: &Error) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET state = $2, ended_at = clock_timestamp(), eta = NULL,
                   sqlstate = $3, error = $4, hint = $5, worker_pid = NULL, worker_started = NULL
               WHERE id = $1";
    let hint = error.hint_text().map(str::to_owned);
    let arguments =
        [run.into(), state.into(), error.state().into(), error.message().into(), hint.into()];
    registry::change(sql, &arguments)?;
    registry::change("DELETE FROM crm_ai.run_cancel WHERE run = $1", &[run.into()])?;
    Ok(())
}

/// Puts a run back, to be taken up again.
pub fn put_back(run: i64) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET state = 'queued', eta = NULL, worker_pid = NULL,
                   worker_started = NULL WHERE id = $1";
    registry::change(sql, &[run.into()])?;
    Ok(())
}

/// True if somebody asked the run to end.
pub fn cancel_requested(run: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM crm_ai.run_cancel WHERE run = $1)";
    registry::is_true(sql, &[run.into()])
}

/// State of a run, for those who wait for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// One of the states.
    pub state: String,
    /// True if a worker is on it.
    pub has_worker: bool,
    /// Its worker's process.
    pub worker_pid: Option<i32>,
    /// Progress in words; empty before the first step.
    pub progress: String,
    /// SQLSTATE, message and hint of a failed one.
    pub error: Option<(String, String, Option<String>)>,
}

/// A run as the active snapshot shows it. 42704 where there is none, 42501 where it is another's.
pub fn standing(run: i64) -> Result<RunState> {
    let user = roles::current_user();
    let sql = format!(
        "SELECT r.state, NOT ({IS_ORPHAN}) AND r.state <> 'queued', r.worker_pid,
             CASE WHEN r.of IS NULL THEN '' ELSE concat_ws(', ',
                 format('step %s of %s', r.step, r.of),
                 'loss ' || to_char(r.loss, 'FM990.0000'),
                 round(r.rows_per_second) || ' rows/s',
                 date_trunc('second', r.eta) || ' left') END,
             r.sqlstate, r.error, r.hint,
             pg_has_role($2, r.role, 'USAGE') OR pg_has_role($2, 'crm_ai_admin', 'USAGE')
             OR EXISTS (SELECT FROM crm_ai.model m
                        WHERE m.name = r.model AND m.created_at <= r.asked_at
                            AND pg_has_role($2, m.owner, 'USAGE'))
         FROM crm_ai.run r WHERE r.id = $1"
    );
    let mut found = None;
    registry::read(&sql, &[run.into(), user.into()], |row| {
        let error = row.text(5).map(|state| (state, row.text(6).unwrap_or_default(), row.text(7)));
        let standing = RunState {
            state: row.text(1).unwrap_or_default(),
            has_worker: row.is_true(2),
            worker_pid: row.int(3)?,
            progress: row.text(4).unwrap_or_default(),
            error,
        };
        found = Some((standing, row.is_true(8)));
        Ok(false)
    })?;
    match found {
        Some((standing, true)) => Ok(standing),
        Some((_, false)) => Err(Error::not_allowed(format!("permission denied for run {run}"))
            .hint("a run is its role's, its model's owner's and the administrators'")),
        None => Err(Error::undefined(format!("run {run} does not exist"))
            .hint("crm_ai.runs lists the runs")),
    }
}

/// Ends a queued run, or asks its worker to. 55000 where it has ended. Gives the worker's process.
pub fn cancel(run: i64) -> Result<Option<i32>> {
    // Its rights first.
    standing(run)?;
    let sql = "UPDATE crm_ai.run SET state = 'cancelled', ended_at = clock_timestamp(),
                   sqlstate = '57014', error = 'cancelled before it began'
               WHERE id = $1 AND state = 'queued'";
    if registry::change(sql, &[run.into()])? > 0 {
        return Ok(None);
    }
    let standing = session::seeing_own_writes(|| standing(run))?;
    if !matches!(standing.state.as_str(), "running" | "evaluating") {
        return Err(Error::wrong_state(format!("run {run} has ended already"))
            .hint("crm_ai.runs shows how"));
    }
    let role = roles::role_name(roles::current_user()).unwrap_or_default();
    let sql = "INSERT INTO crm_ai.run_cancel (run, asked_by) VALUES ($1, $2)
               ON CONFLICT DO NOTHING";
    registry::change(sql, &[run.into(), role.into()])?;
    Ok(standing.worker_pid)
}
