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
    #[pg_extern(sql = r#"
        CREATE FUNCTION crm_ai.watch(source regclass, text_column text, model text,
            target_column text, version_column text DEFAULT NULL,
            on_promotion text DEFAULT 'keep', backfill_rate integer DEFAULT 100)
        RETURNS integer LANGUAGE c VOLATILE PARALLEL UNSAFE
        AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
    "#)]
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
    #[pg_extern(sql = r#"
        CREATE FUNCTION crm_ai.unwatch(source regclass, target_column text)
        RETURNS void LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
        AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
    "#)]
    fn unwatch(source: pg_sys::Oid, target_column: &str) -> Result<(), ErrorReport> {
        Ok(super::unwatch(source, target_column)?)
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

use crate::api::sentiment::level_of_classes;
use crate::error::{Error, Result as Outcome};
use crate::pg::{queue, session};
use crate::store::clean::Source;
use crate::store::versions;
use crate::store::watches::{labels, setup, setup::Request};
use crate::worker::scheduler;

fn watch(request: &Request<'_>) -> Outcome<i32> {
    session::prevent_if_read_only("crm_ai.watch()");
    scheduler::check_possible("crm_ai.watch")?;
    if !matches!(request.on_promotion, "keep" | "rescore") {
        return Err(Error::invalid_argument("on_promotion is neither keep nor rescore")
            .hint("keep leaves old answers; rescore judges old rows again by a new champion"));
    }
    if request.backfill_rate < 0 {
        return Err(Error::invalid_argument("backfill_rate is negative")
            .hint("it is how many old rows are queued in a second; 0 leaves them"));
    }
    let table = Source::read(request.source)?;
    setup::check(&table, request)?;
    let version = versions::resolve(request.model)?;
    let labels = labels(&version.model, version.number)?;
    let judges = level_of_classes(&labels).is_ok();
    setup::value_for(&table, request.target_column, &labels, judges)?;
    setup::begin(&table, request, &version.reference())
}

fn unwatch(source: pg_sys::Oid, target: &str) -> Outcome<()> {
    session::prevent_if_read_only("crm_ai.unwatch()");
    let watch = setup::find(source, target)?;
    let user = session::current_user();
    let may = session::has_rights_of(user, watch.owner)
        || session::is_administrator(user)
        || session::owns_table(user, source);
    if !may {
        return Err(Error::not_allowed(format!("must be owner of the watch on \"{target}\""))
            .hint("its owner, the table's, or an administrator can end it"));
    }
    setup::end(&watch)
}

fn queue(trigger: &PgTrigger<'_>) -> Outcome<()> {
    if queue::add(trigger)? {
        scheduler::wake_at_commit();
    }
    Ok(())
}
