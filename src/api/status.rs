//! Figures of the engine, and progress of long operations.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
pub mod crm_ai {
    use crate::client;
    use crate::pg::{activity, roles};
    use pgrx::datum::JsonB;
    use pgrx::pg_sys::panic::ErrorReport;
    use pgrx::prelude::*;

    type Count = i64;

    /// One row of figures when the engine is up, none when it is not. Never starts it.
    /// `batches`, `cached`, `cache_bytes`, `truncated` and `models` are NULL for roles that are
    /// neither members of `pg_monitor` nor administrators.
    #[pg_extern(volatile, parallel_restricted)]
    #[allow(clippy::type_complexity)]
    pub fn engine_stats() -> Result<
        TableIterator<
            'static,
            (
                name!(version, String),
                name!(pid, i32),
                name!(uptime, Interval),
                name!(device, String),
                name!(threads, i32),
                name!(memory_bytes, Count),
                name!(connections, i32),
                name!(queue_rows, Count),
                name!(requests, Count),
                name!(rows, Count),
                name!(batches, Option<Count>),
                name!(cached, Option<Count>),
                name!(cache_bytes, Option<Count>),
                name!(rows_per_second, f64),
                name!(truncated, Option<Count>),
                name!(rejected, Count),
                name!(abandoned, Count),
                name!(errors, Count),
                name!(models, Option<JsonB>),
                name!(sandbox, String),
            ),
        >,
        ErrorReport,
    > {
        let count = |number: u64| Count::try_from(number).unwrap_or(Count::MAX);
        let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        // Figures by which a role could learn whether a text was judged before, and for whom.
        let sees_others = roles::is_monitor(roles::current_user());
        let of_others = move |number: Count| sees_others.then_some(number);
        let rows = client::stats()?.into_iter().map(move |stats| {
            let uptime_us = (stats.uptime_seconds * 1e6) as i64;
            (
                stats.version,
                small(stats.pid),
                Interval::from_micros(uptime_us),
                stats.device,
                small(stats.threads),
                count(stats.memory_bytes),
                small(stats.connections),
                count(stats.queue_rows),
                count(stats.requests),
                count(stats.rows),
                of_others(count(stats.batches)),
                of_others(count(stats.cached)),
                of_others(count(stats.cache_bytes)),
                stats.rows_per_second,
                of_others(count(stats.truncated)),
                count(stats.rejected),
                count(stats.abandoned),
                count(stats.errors),
                sees_others.then(|| JsonB(serde_json::to_value(&stats.models).unwrap_or_default())),
                stats.sandbox,
            )
        });
        Ok(TableIterator::new(rows))
    }

    /// Behind `crm_ai.progress`: the operations of the whole server that the present role may see.
    #[pg_extern(volatile, parallel_restricted)]
    #[allow(clippy::type_complexity)] // The columns of the result, as pgrx wants them.
    pub fn progress_reports() -> Result<
        TableIterator<
            'static,
            (
                name!(pid, i32),
                name!(datid, pg_sys::Oid),
                name!(role, pg_sys::Oid),
                name!(command, String),
                name!(phase, Option<String>),
                name!(relid, Option<pg_sys::Oid>),
                name!(run, Option<i64>),
                name!(unit, Option<String>),
                name!(done, Count),
                name!(total, Option<Count>),
                name!(rate, Option<f64>),
                name!(time_left, Option<Interval>),
                name!(started_at, Option<TimestampWithTimeZone>),
            ),
        >,
        ErrorReport,
    > {
        let count = |number: u64| Count::try_from(number).unwrap_or(Count::MAX);
        let some = |word: String| (!word.is_empty()).then_some(word);
        let user = roles::current_user();
        let seen = activity::all();
        let seen = seen.into_iter().filter(move |one| roles::sees_activity_of(user, one.role));
        Ok(TableIterator::new(seen.map(move |one| {
            let left = one.seconds_left();
            (
                one.pid,
                one.database,
                one.role,
                one.command,
                some(one.phase),
                one.relation,
                one.run,
                some(one.unit),
                count(one.done),
                one.total.map(count),
                one.rate,
                left.map(|seconds| Interval::from_micros((seconds * 1e6) as i64)),
                TimestampWithTimeZone::try_from(one.started).ok(),
            )
        })))
    }
}
