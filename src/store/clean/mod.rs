//! Cleaning of whole tables. Everything runs as the caller, with the caller's rights and search
//! path; no name in the SQL made here is looked up by that path.
//!
//! `job` checks what is asked for against `source`; `staging` reads and cleans every row once;
//! `results` makes the new tables of it, or `in_place` changes the source; `undo` takes that back.

mod in_place;
mod job;
mod report;
mod results;
mod staging;
mod target;
mod undo;

pub use job::{Request, default_region};
pub use report::Report;
pub use undo::undo;

use super::caller;
use super::table::{self, Table};
use crate::error::Result;
use crate::pg::{activity, roles, session};
use crm_ai_clean::rows::OnInvalid;
use job::CleaningJob;
use pgrx::prelude::*;
use staging::Staged;
use target::CleanTarget;

/// Cleans a table: into a new one, or where it is when the target is the source. Rows are read as
/// the caller; a table that is cleaned in place is written by its owner where the caller may
/// `SET ROLE` to it.
pub fn clean_table(request: &Request) -> Result<Report> {
    if !request.dry_run {
        session::prevent_if_read_only("crm_ai.clean_table()");
    }
    let source = Table::read(request.source)?;
    let _report = activity::begin(activity::CLEAN_TABLE, "rows", Some(source.oid));
    let target = CleanTarget::parse(&request.target)?;
    let in_place = target.oid() == Some(source.oid);
    let mut writer = roles::current_user();
    if in_place {
        source.check_in_place()?;
        writer = roles::writer_of(source.oid, writer);
    }
    if !request.dry_run {
        caller::as_writer(writer, || target.make_room(&source, in_place, request.replace))?;
    }
    let mut job = CleaningJob::new(request, source, in_place)?;
    if in_place && !request.dry_run {
        caller::as_writer(writer, || in_place::lock(&job.source.sql_name()))?;
    }
    notice!("cleaning {}", shown_kinds(&job));
    activity::phase("cleaning rows", "rows", table::estimated_rows(&job.source)?, 0);
    let is_guessed = request.columns.is_none();
    if request.dry_run {
        if is_guessed {
            fall_back(&mut job, Staged::Query)?;
        }
        return results::count(&job, &target, Staged::Query);
    }
    let read = stage(&mut job, is_guessed)?;
    notice!("read and cleaned {read} rows");
    activity::phase("writing results", "rows", Some(read), 0);
    let report = results::count(&job, &target, Staged::Table)?;
    staging::lend_to(writer)?;
    caller::as_writer(writer, || write(&job, &target, in_place, &report))?;
    staging::drop()?;
    Ok(report)
}

/// Reads and cleans all rows; again where a kind that was guessed from a sample does not read the
/// column.
fn stage(job: &mut CleaningJob, is_guessed: bool) -> Result<u64> {
    let mut read = staging::fill(job)?;
    if is_guessed && fall_back(job, Staged::Table)? {
        staging::drop()?;
        read = staging::fill(job)?;
    }
    let readings = staging::readings(job, Staged::Table)?;
    for (looked, reading) in job.looked.iter_mut().zip(&readings) {
        looked.is_mixed = looked.step.on_invalid == OnInvalid::Keep
            && !looked.step.is_required
            && reading.unreadable > 0;
    }
    Ok(read)
}

/// Has columns cleaned as text whose guessed kind reads too few of their values; gives whether
/// there are any.
fn fall_back(job: &mut CleaningJob, staged: Staged) -> Result<bool> {
    const READ_MIN: f64 = 0.9;
    /// Of fewer values the share says nothing; what cannot be read stays as it is anyway.
    const VALUES_MIN: i64 = 10;
    let readings = staging::readings(job, staged)?;
    let mut falls = false;
    for (place, reading) in readings.iter().enumerate() {
        let share = 1.0 - reading.unreadable as f64 / reading.there.max(1) as f64;
        if reading.there < VALUES_MIN || share >= READ_MIN {
            continue;
        }
        let looked = &job.looked[place];
        warning!(
            "column \"{}\" is cleaned as text: {} was guessed and reads {:.0} % of its values",
            job.column(looked).name,
            looked.step.kind,
            100.0 * share
        );
        job.fall_back(place);
        falls = true;
    }
    Ok(falls)
}

/// Makes the tables of what was staged, or changes the source.
fn write(job: &CleaningJob, target: &CleanTarget, in_place: bool, report: &Report) -> Result<()> {
    results::make_companions(job, target)?;
    if in_place {
        in_place::apply(job, report)?;
    } else {
        results::make_target(job, target)?;
    }
    target.comment(&job.source, in_place)
}

/// `public.customer: phone as phone:US, email as email`.
fn shown_kinds(job: &CleaningJob) -> String {
    let cleaned: Vec<String> = job
        .looked
        .iter()
        .filter(|looked| job.cleaned(looked.column).is_some())
        .map(|looked| format!("{} as {}", job.column(looked).name, looked.step.kind))
        .collect();
    let columns = if cleaned.is_empty() { "no column".to_owned() } else { cleaned.join(", ") };
    format!("{}.{}: {columns}", job.source.schema, job.source.name)
}
