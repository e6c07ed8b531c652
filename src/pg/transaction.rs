//! Transactions of a background worker.

use crate::error::{Error, Result};
use crate::pg::roles;
use crate::pg::session::GucLevel;
use crate::pg::watchdog;
use pgrx::prelude::*;
use std::ffi::CStr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// Runs `work` so that an ERROR of the server, too, comes back as a value. Only where what the
/// ERROR left behind is cleared away, which [`run`] does by ending the transaction.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    PgTryBuilder::new(AssertUnwindSafe(work))
        .catch_others(|error| Err(Error::caught(&error)))
        .catch_rust_panic(|error| Err(Error::caught(&error)))
        .execute()
}

/// Runs `work` in a transaction of its own, which is committed if it succeeds, else rolled back.
/// Not to be called inside a transaction.
pub fn run<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = caught(|| {
        // SAFETY: a worker outside any transaction; what is begun is ended below or by the abort.
        unsafe {
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            // Whatever the database's defaults are.
            pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32;
            pg_sys::XactReadOnly = false;
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        }
        let value = work()?;
        // SAFETY: ends what was begun above.
        unsafe {
            if pg_sys::ActiveSnapshotSet() {
                pg_sys::PopActiveSnapshot();
            }
            pg_sys::CommitTransactionCommand();
        }
        Ok(value)
    });
    watchdog::end();
    // SAFETY: ends a transaction that failed, and then is outside any transaction, as it must be.
    // Advisory locks that a user's code took for the session would be held for ever.
    unsafe {
        if outcome.is_err() {
            pg_sys::AbortCurrentTransaction();
        }
        pg_sys::LockReleaseSession(pg_sys::USER_LOCKMETHOD as pg_sys::LOCKMETHODID);
        pg_sys::pgstat_report_stat(false);
    }
    outcome
}

/// Runs `work` in a subtransaction, which alone is rolled back when it fails, in whichever way.
pub fn subtransaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: reads globals of the backend, to be put back below.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let outcome = caught(|| {
        // SAFETY: inside a transaction; ended below, in either way.
        unsafe {
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        }
        let value = work()?;
        // SAFETY: ends what was begun above.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::ReleaseCurrentSubTransaction();
        }
        Ok(value)
    });
    watchdog::end();
    // SAFETY: the failed subtransaction is ended, with what it left active; what stood before is
    // put back, as the server's own languages do.
    unsafe {
        if outcome.is_err() {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
    }
    outcome
}

/// Runs `work` as `role` where SQL of that role's making runs: nothing can be written, no other
/// role can be taken, and the settings are as given. After `limit` it is cancelled, and terminated
/// if that does not end it. Only in a transaction that has done nothing yet.
pub fn read_as<T>(
    role: pg_sys::Oid,
    settings: &[(&CStr, String)],
    limit: Option<Duration>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    // SAFETY: a global of this process; the transaction's end takes it back.
    unsafe { pg_sys::XactReadOnly = true };
    watchdog::watched(limit, || {
        roles::as_restricted(role, || {
            let level = GucLevel::begin(settings);
            let outcome = work();
            level.end();
            outcome
        })
    })
}

/// The value of a setting of the server's, by its name.
pub fn setting(name: &CStr) -> Option<String> {
    // SAFETY: the name is NUL-terminated; an unknown one gives NULL as asked for.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}

/// `temp_file_limit` in kilobytes; `None` where there is none.
pub fn temp_file_limit_kb() -> Option<u64> {
    // SAFETY: reads a setting of this process.
    u64::try_from(unsafe { pg_sys::temp_file_limit }).ok()
}
