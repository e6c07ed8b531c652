//! Cleaning of a table where it is.

use super::job::CleaningJob;
use super::report::Report;
use super::staging::STAGING;
use crate::error::{Error, Result};
use crate::store::caller::run;
use crate::store::sql::{self, EQ};
use crate::store::table::followers;

/// Keeps others from changing the table until the transaction ends; they may read it.
pub fn lock(table: &str) -> Result<()> {
    run(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))?;
    Ok(())
}

/// Writes the clean values into the rows that stay, and deletes the rejected ones.
pub fn apply(job: &CleaningJob, report: &Report) -> Result<()> {
    let rejected = report.rejected.unwrap_or_default();
    if rejected > 0 {
        check_followers(job)?;
    }
    let columns: Vec<String> = job
        .looked
        .iter()
        .filter_map(|looked| {
            let place = job.cleaned(looked.column)?;
            let name = sql::identifier(&job.column(looked).name);
            Some(format!("{name} = st.clean[{place}]"))
        })
        .collect();
    let table = job.source.sql_name();
    let same_row = format!("t.ctid {EQ} st.place AND t.tableoid {EQ} st.part");
    let repaired = report.repaired.unwrap_or_default();
    if repaired > 0 {
        let changed = run(&format!(
            "UPDATE {table} t SET {} FROM {STAGING} st
             WHERE {same_row} AND st.reason IS NULL AND st.repaired",
            columns.join(", ")
        ))?;
        check_all_done(changed, repaired, "changed")?;
    }
    if rejected > 0 {
        let deleted = run(&format!(
            "DELETE FROM {table} t USING {STAGING} st
             WHERE {same_row} AND st.reason IS NOT NULL"
        ))?;
        check_all_done(deleted, rejected, "deleted")?;
    }
    Ok(())
}

/// Deleting a row must not delete or change rows of other tables, which nothing would bring back.
fn check_followers(job: &CleaningJob) -> Result<()> {
    let followers = followers(job.source.oid)?;
    if followers.is_empty() {
        return Ok(());
    }
    Err(Error::wrong_state(format!(
        "rejected rows cannot be deleted: rows of {} would be deleted or changed with them",
        followers.join(", ")
    ))
    .hint("give a new table as target, or clean without required and distinct_on"))
}

/// Fails unless all recorded changes were made.
pub fn check_all_done(done: u64, wanted: i64, what: &str) -> Result<()> {
    if i64::try_from(done) == Ok(wanted) {
        return Ok(());
    }
    Err(Error::wrong_state(format!(
        "only {done} of {wanted} rows could be {what}: a policy, trigger or rule keeps the others"
    ))
    .hint("give a new table as target"))
}
