//! Cleaning of whole tables. Everything runs as the caller, with the caller's rights and search
//! path; no name in the SQL made here is looked up by that path.
//!
//! `job` checks what is asked for against `source`; `staging` reads and cleans every row once;
//! `results` makes the new tables of it, or `in_place` changes the source; `undo` takes that back.

mod in_place;
mod job;
mod report;
mod results;
mod source;
pub mod sql;
mod staging;
mod target;
mod undo;

pub use job::{Request, default_region};
pub use report::Report;
pub use source::Source;
pub use sql::Alias;
pub use undo::undo;

use crate::error::Result;
use job::Job;
use pgrx::prelude::*;
use pgrx::spi::SpiTupleTable;
use target::Target;

/// Runs one statement; gives the number of rows that it made, changed or returned.
fn run(sql: &str) -> Result<u64> {
    let rows = Spi::connect_mut(|client| client.update(sql, None, &[]).map(|rows| rows.len()))?;
    Ok(rows as u64)
}

/// Runs one statement; gives what `read` makes of its first row.
fn row_of<T>(
    sql: &str,
    read: impl FnOnce(&SpiTupleTable<'_>) -> std::result::Result<T, pgrx::spi::Error>,
) -> Result<Option<T>> {
    let value = Spi::connect_mut(|client| {
        let rows = client.update(sql, Some(1), &[])?;
        if rows.is_empty() { Ok(None) } else { read(&rows.first()).map(Some) }
    })?;
    Ok(value)
}

/// Cleans a table: into a new one, or where it is when the target is the source.
pub fn clean_table(request: &Request) -> Result<Report> {
    let source = Source::read(request.source)?;
    let target = Target::parse(&request.target)?;
    let in_place = target.oid == Some(source.oid);
    if in_place {
        source.check_in_place()?;
    }
    if !request.dry_run {
        target.make_room(&source, in_place, request.replace)?;
    }
    let job = Job::new(request, source, in_place)?;
    if in_place && !request.dry_run {
        in_place::lock(&job.source.sql_name())?;
    }
    notice!("cleaning {}", shown_kinds(&job));
    let read = staging::fill(&job)?;
    notice!("read and cleaned {read} rows");
    let mut report = results::count(&job, &target)?;
    if request.dry_run {
        report.examples = results::examples(&job)?;
    } else {
        results::make_companions(&job, &target)?;
        if in_place {
            in_place::apply(&job, &report)?;
        } else {
            results::make_target(&job, &target)?;
        }
        target.comment(&job.source, in_place)?;
    }
    staging::drop()?;
    Ok(report)
}

/// `public.customer: phone as phone:US, email as email`.
fn shown_kinds(job: &Job) -> String {
    let cleaned: Vec<String> = job
        .looked
        .iter()
        .filter(|looked| job.cleaned(looked.column).is_some())
        .map(|looked| format!("{} as {}", job.column(looked).name, looked.step.kind))
        .collect();
    let columns = if cleaned.is_empty() { "no column".to_owned() } else { cleaned.join(", ") };
    format!("{}.{}: {columns}", job.source.schema, job.source.name)
}
