//! Schedules of training.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use crate::pg::json::JsonText;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Behind `schedule_retrain` and `schedule_retrain_table`; gives the schedule's number.
    #[pg_extern(volatile, parallel_unsafe)]
    fn add_schedule(
        model: Option<&str>,
        kind: &str,
        schedule: Option<&str>,
        source: Option<&str>,
        options: JsonText,
        min_new_rows: Option<i32>,
        keep_versions: Option<i32>,
    ) -> Result<i64> {
        let terms = (min_new_rows, keep_versions);
        Ok(super::add(model, kind, schedule, source, options.read("an option")?, terms)?)
    }

    /// Removes a schedule; a run that it has asked for goes on.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn unschedule(schedule: i64) -> Result<()> {
        Ok(super::remove(schedule)?)
    }
}

use crate::api::training::{Checked, check};
use crate::error::{Error, Result};
use crate::run::{Cron, Kind, Options};
use crate::store;
use crate::store::schedules::{self, Wanted};
use crate::worker::scheduler;

fn add(
    model: Option<&str>,
    kind: &str,
    schedule: Option<&str>,
    source: Option<&str>,
    options: serde_json::Value,
    terms: (Option<i32>, Option<i32>),
) -> Result<i64> {
    const ACT: &str = "crm_ai.schedule_retrain()";
    store::begin_act(ACT)?;
    scheduler::check_possible(ACT)?;
    let kind = Kind::from_name(kind)?;
    let Some(schedule) = schedule else {
        return Err(Error::null_argument("schedule must not be NULL"));
    };
    Cron::parse(schedule)?;
    let (Some(min_new_rows @ 0..), Some(keep_versions @ 1..)) = terms else {
        return Err(Error::invalid_argument("min_new_rows or keep_versions is too small")
            .hint("min_new_rows is 0 or more, keep_versions 1 or more"));
    };
    let options = Options::merge(kind, options)?;
    let Checked { model, source } = check(model, kind, source, &options)?;
    let wanted = Wanted { model, kind, schedule, source, options, min_new_rows, keep_versions };
    schedules::insert(wanted)
}

fn remove(schedule: i64) -> Result<()> {
    store::begin_act("crm_ai.unschedule()")?;
    schedules::delete(schedule)
}
