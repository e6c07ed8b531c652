//! Columns that are filled after commit.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::{Error, Request, scheduler};
    use pgrx::AllocatedByPostgres;
    use pgrx::heap_tuple::PgHeapTuple;
    use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
    use pgrx::prelude::*;

    /// Fills a column with a model's answers to another, after commit; gives the watch's number.
    #[pg_extern]
    fn watch(
        source: Option<pg_sys::Oid>,
        text_column: Option<&str>,
        model: Option<&str>,
        target_column: Option<&str>,
        version_column: Option<&str>,
        on_promotion: Option<&str>,
        backfill_rate: Option<i32>,
    ) -> Result<i32, ErrorReport> {
        let given =
            |argument: &str| Error::null_argument(format!("crm_ai.watch: {argument} is NULL"));
        let request = Request {
            source: source.ok_or_else(|| given("source"))?,
            text_column: text_column.ok_or_else(|| given("text_column"))?,
            model: model.ok_or_else(|| given("model"))?,
            target_column: target_column.ok_or_else(|| given("target_column"))?,
            version_column,
            on_promotion: on_promotion.ok_or_else(|| given("on_promotion"))?,
            backfill_rate: backfill_rate.ok_or_else(|| given("backfill_rate"))?,
        };
        Ok(super::watch(&request)?)
    }

    /// Ends the watch that fills a column. What it has written stays.
    #[pg_extern]
    fn unwatch(source: pg_sys::Oid, target_column: &str) -> Result<(), ErrorReport> {
        Ok(super::unwatch(source, target_column)?)
    }

    /// Switches a watch on again that was switched off.
    #[pg_extern]
    fn resume_watch(source: pg_sys::Oid, target_column: &str) -> Result<(), ErrorReport> {
        Ok(super::resume(source, target_column)?)
    }

    /// Leaves out rows that a subscription brings into the registry of this database.
    #[pg_trigger]
    fn keep_own_rows<'a>(
        trigger: &'a PgTrigger<'a>,
    ) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
        Ok(super::keep_own_rows(trigger))
    }

    /// Queues a changed row for the watch whose number is the trigger's argument.
    #[pg_trigger]
    fn watch_queue<'a>(
        trigger: &'a PgTrigger<'a>,
    ) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
        // pgrx turns an error of a trigger into XX000; raised here it keeps its SQLSTATE.
        super::queue(trigger).map_err(ErrorReport::from).unwrap_or_report();
        Ok(None)
    }

    /// Registers the database for a scheduler, when a row is put into a table that needs one.
    #[pg_trigger]
    fn register_scheduler<'a>(
        _trigger: &'a PgTrigger<'a>,
    ) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
        scheduler::register().map_err(ErrorReport::from).unwrap_or_report();
        Ok(None)
    }
}

use crate::error::{Error, Result as Outcome};
use crate::judge::sentiment::level_of_classes;
use crate::pg::{queue, roles, trigger};
use crate::store;
use crate::store::table::Table;
use crate::store::versions;
use crate::store::watches::queue as watches_queue;
use crate::store::watches::{self, Watch, labels, setup, setup::Request};
use crate::worker::scheduler;
use pgrx::AllocatedByPostgres;
use pgrx::heap_tuple::PgHeapTuple;

fn watch(request: &Request<'_>) -> Outcome<i32> {
    store::begin_act("crm_ai.watch()")?;
    scheduler::check_possible("crm_ai.watch")?;
    if !matches!(request.on_promotion, "keep" | "rescore") {
        return Err(Error::invalid_argument("on_promotion is neither keep nor rescore")
            .hint("keep leaves old answers; rescore judges old rows again by a new champion"));
    }
    if request.backfill_rate < 0 {
        return Err(Error::invalid_argument("backfill_rate is negative")
            .hint("it is how many old rows are queued in a second; 0 leaves them"));
    }
    let table = Table::read(request.source)?;
    setup::check(&table, request)?;
    let version = versions::resolve(request.model)?;
    let labels = labels(&version.model, version.number)?;
    let judges = level_of_classes(&labels).is_ok();
    setup::value_for(&table, request.target_column, &labels, judges)?;
    setup::begin(&table, request, &version.reference())
}

fn unwatch(source: pg_sys::Oid, target: &str) -> Outcome<()> {
    store::begin_act("crm_ai.unwatch()")?;
    setup::end(&own_watch(source, target)?)?;
    scheduler::wake_at_commit();
    Ok(())
}

fn resume(source: pg_sys::Oid, target: &str) -> Outcome<()> {
    store::begin_act("crm_ai.resume_watch()")?;
    watches_queue::enable(own_watch(source, target)?.id)?;
    scheduler::wake_at_commit();
    Ok(())
}

/// The watch that fills a column. 42501 unless it is the caller's, on the caller's table, or the
/// caller is an administrator.
fn own_watch(source: pg_sys::Oid, target: &str) -> Outcome<Watch> {
    let watch = watches::find(source, target)?;
    let user = roles::current_user();
    let may = roles::has_rights_of(user, watch.owner)
        || roles::is_administrator(user)
        || roles::owns_table(user, source);
    if may {
        return Ok(watch);
    }
    Err(Error::not_allowed(format!("must be owner of the watch on \"{target}\""))
        .hint("its owner, the table's, or an administrator can do this"))
}

fn keep_own_rows<'a>(trigger: &'a PgTrigger<'a>) -> Option<PgHeapTuple<'a, AllocatedByPostgres>> {
    if trigger::is_applied_from_elsewhere() { None } else { trigger::row(trigger) }
}

fn queue(trigger: &PgTrigger<'_>) -> Outcome<()> {
    if queue::add(trigger)? {
        scheduler::wake_at_commit();
    }
    Ok(())
}
