//! Cleaning of rows and tables.

use crate::error::{Error, Result};
use crate::pg::{activity, composite, memory};
use crate::store::clean::{self, Report, Request, default_region};
use crate::store::profile;
use crm_ai_clean::rows::{self, Kind, Plan};
use pgrx::JsonB;
use pgrx::datum::Array;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use crate::pg::json::JsonText;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Behind `crm_clean_row`: JSON in and out as text, so that no number loses a digit.
    #[pg_extern(stable, parallel_safe, cost = 1000)]
    fn clean_record(record: Option<&str>, columns: Option<&str>) -> Result<Option<String>> {
        Ok(record.map(|record| super::clean_record(record, columns)).transpose()?)
    }

    /// Behind `clean_table`: the values of a row cleaned by a plan. Gives the clean values, then
    /// their problems, then marks of the changed and of the unreadable ones, then why the row must
    /// be rejected, whether anything was changed, and whether there is any problem.
    #[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
    fn clean_values(raw: Array<'_, &str>, plan: &str) -> Result<Vec<Option<String>>> {
        Ok(super::clean_values(&raw, plan)?)
    }

    /// Profile of each column of a table, with its problems.
    #[pg_extern]
    #[allow(clippy::type_complexity)] // The columns of the result, as pgrx wants them.
    fn profile(
        source: pg_sys::Oid,
        sample: i32,
    ) -> Result<
        TableIterator<
            'static,
            (
                name!(column_name, String),
                name!(kind, String),
                name!(null_share, Option<f64>),
                name!(distinct_values, i64),
                name!(valid_share, Option<f64>),
                name!(problems, JsonB),
                name!(shapes, JsonB),
            ),
        >,
    > {
        let profiles = super::profile(source, sample)?;
        Ok(TableIterator::new(profiles.into_iter().map(|column| {
            let problems = column.problems.iter().map(|(code, count)| (*code, *count));
            (
                column.name,
                column.kind.to_string(),
                column.null_share,
                column.distinct_values.cast_signed(),
                column.valid_share,
                counts(problems),
                counts(column.shapes.iter().map(|(shape, count)| (shape.as_str(), *count))),
            )
        })))
    }

    /// Cleans a table into a new one, or where it is.
    #[pg_extern]
    #[allow(clippy::too_many_arguments)] // The contract's.
    fn clean_table(
        source: Option<pg_sys::Oid>,
        target: Option<String>,
        columns: Option<JsonText>,
        required: Option<Vec<Option<String>>>,
        distinct_on: Option<Vec<Option<String>>>,
        keep: Option<Vec<Option<String>>>,
        dry_run: Option<bool>,
        replace: Option<bool>,
        on_invalid: Option<&str>,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_clean_report")> {
        let (Some(source), Some(target)) = (source, target) else {
            return Err(Error::null_argument("source and target must not be NULL").into());
        };
        let request = Request {
            source,
            target,
            columns: columns.map(|JsonText(columns)| kinds(&columns)).transpose()?,
            required: names("required", required)?.unwrap_or_default(),
            distinct_on: names("distinct_on", distinct_on)?,
            keep: names("keep", keep)?,
            dry_run: dry_run.unwrap_or(false),
            replace: replace.unwrap_or(false),
            on_invalid: super::on_invalid(on_invalid.unwrap_or("auto"))?,
        };
        Ok(row_of(fcinfo, clean::clean_table(&request)?)?)
    }

    /// Takes back what cleaning in place did.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn undo_clean(
        target: &str,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_clean_report")> {
        Ok(row_of(fcinfo, clean::undo(target)?)?)
    }
}

fn clean_record(record: &str, columns: Option<&str>) -> Result<String> {
    memory::check_room_for_json(record.len())?;
    memory::check_room_for_json(columns.map_or(0, str::len))?;
    let kinds = columns.map(rows::kinds_of).transpose()?;
    Ok(rows::clean_record(record, kinds.as_ref(), default_region()?)?)
}

thread_local! {
    /// The plan that was read last: a statement has the same for every row.
    static PLAN: RefCell<Option<(String, Rc<Plan>)>> = const { RefCell::new(None) };
}

fn plan_of(text: &str) -> Result<Rc<Plan>> {
    let known = PLAN.with_borrow(|last| {
        last.as_ref().filter(|(known, _)| known == text).map(|(_, plan)| Rc::clone(plan))
    });
    if let Some(plan) = known {
        return Ok(plan);
    }
    let plan: Plan = text.parse().map_err(|error: rows::InvalidPlan| {
        Error::invalid_argument(error.to_string()).hint("use crm_ai.clean_table or crm_clean_row")
    })?;
    let plan = Rc::new(plan);
    PLAN.set(Some((text.to_owned(), Rc::clone(&plan))));
    Ok(plan)
}

fn clean_values(raw: &Array<'_, &str>, plan: &str) -> Result<Vec<Option<String>>> {
    let plan = plan_of(plan)?;
    memory::check_room(raw.len().saturating_mul(256), "a row to clean")?;
    let raw: Vec<Option<&str>> = raw.iter().collect();
    memory::check_room_to_clean(raw.iter().flatten().map(|value| value.len()).sum())?;
    let row = plan.clean(&raw);
    activity::advance_leader(activity::CLEAN_TABLE, 1);
    let mark = |is_so: bool| is_so.then(|| "t".to_owned());
    let is_changed = row.changed.iter().any(|changed| *changed);
    let is_told = row.problems.iter().any(Option::is_some);
    let mut all = row.values;
    all.extend(row.problems.into_iter().map(|problem| problem.map(str::to_owned)));
    all.extend(row.changed.into_iter().map(mark));
    all.extend(row.unreadable.into_iter().map(mark));
    all.push(row.reason.map(|reason| reason.name().to_owned()));
    all.extend([mark(is_changed), mark(is_told)]);
    Ok(all)
}

fn profile(source: pg_sys::Oid, sample: i32) -> Result<Vec<rows::Profile>> {
    let sample = u32::try_from(sample).ok().filter(|sample| *sample > 0).ok_or_else(|| {
        Error::invalid_argument(format!("sample {sample} is not a positive number of rows"))
            .hint("10000 rows are looked at by default")
    })?;
    profile::profile(source, sample)
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> JsonB {
    JsonB(serde_json::Value::Object(
        counts.map(|(name, count)| (name.to_owned(), count.into())).collect(),
    ))
}

fn kinds(columns: &str) -> Result<BTreeMap<String, Kind>> {
    Ok(rows::kinds_of(columns)?)
}

/// Treatment of values that cannot be read; none is for the call to decide.
fn on_invalid(name: &str) -> Result<Option<rows::OnInvalid>> {
    if name == "auto" {
        return Ok(None);
    }
    rows::OnInvalid::of(name).map(Some).ok_or_else(|| {
        Error::invalid_argument("on_invalid is not auto, keep, null or reject")
            .hint("auto keeps values in guessed columns and gives NULL in named ones")
    })
}

/// Names of columns; NULL among them names none.
fn names(argument: &str, names: Option<Vec<Option<String>>>) -> Result<Option<Vec<String>>> {
    let Some(names) = names else { return Ok(None) };
    let names: Option<Vec<String>> = names.into_iter().collect();
    let missing = || {
        Error::invalid_argument(format!("{argument} holds a NULL among the names of columns"))
            .hint("name columns, as in '{name,email}'")
    };
    names.map(Some).ok_or_else(missing)
}

fn row_of(
    fcinfo: pg_sys::FunctionCallInfo,
    report: Report,
) -> Result<pgrx::composite_type!('static, "crm_clean_report")> {
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "target", report.target)?;
    composite::set(&mut row, "read", report.read)?;
    composite::set(&mut row, "kept", report.kept)?;
    composite::set(&mut row, "rejected", report.rejected)?;
    composite::set(&mut row, "repaired", report.repaired)?;
    composite::set(&mut row, "duplicate", report.duplicate)?;
    composite::set(&mut row, "missing", report.missing)?;
    composite::set(&mut row, "invalid", report.invalid)?;
    composite::set(&mut row, "restored", report.restored)?;
    composite::set(&mut row, "conflicts", report.conflicts)?;
    composite::set(&mut row, "kinds", report.kinds)?;
    composite::set(&mut row, "problems", report.problems)?;
    composite::set(&mut row, "examples", report.examples)?;
    Ok(row)
}
