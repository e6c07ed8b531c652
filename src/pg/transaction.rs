//! Transactions of a background worker, and what may be done in them as another role.

use crate::error::{Error, Result};
use crate::pg::session;
use pgrx::prelude::*;
use std::ffi::{CStr, c_int};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

unsafe extern "C-unwind" {
    // utils/timeout.h, which pgrx does not bind.
    fn enable_timeout_after(id: c_int, delay_ms: c_int);
    fn disable_timeout(id: c_int, keep_indicator: bool);
}
/// `STATEMENT_TIMEOUT` of the header's enumeration, the same from PostgreSQL 9.3 on.
const STATEMENT_TIMEOUT: c_int = 3;

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
        // SAFETY: pops what was pushed above.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        }
        Ok(value)
    });
    if outcome.is_err() {
        // SAFETY: ends the transaction that failed; without one it does nothing.
        unsafe { pg_sys::AbortCurrentTransaction() }
    }
    outcome
}

/// Runs `work` with the rights of `role` as one who is logged in has them, until the transaction
/// ends or `work` does.
pub fn as_role<T>(role: pg_sys::Oid, work: impl FnOnce() -> T) -> T {
    let saved = take_role(role, pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int);
    let value = work();
    give_back(saved);
    value
}

/// Runs `work` as `role` where SQL of that role's making runs: nothing can be written, no other
/// role can be taken, and the settings are as given. After `limit` it is cancelled. Only in a
/// transaction that has done nothing yet.
pub fn restricted<T>(
    role: pg_sys::Oid,
    settings: &[(&CStr, String)],
    limit: Option<Duration>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let context = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
    let saved = take_role(role, context as c_int);
    // SAFETY: globals of this process and calls inside a transaction; the strings outlive the
    // calls, which copy them. The transaction's end takes back all of it.
    let nest_level = unsafe {
        pg_sys::XactReadOnly = true;
        let nest_level = pg_sys::NewGUCNestLevel();
        for (name, value) in settings {
            session::save_setting(name, value);
        }
        if let Some(limit) = limit {
            // Not before the limit is over.
            let delay = c_int::try_from(limit.as_millis() + 1).unwrap_or(c_int::MAX);
            enable_timeout_after(STATEMENT_TIMEOUT, delay);
        }
        nest_level
    };
    let outcome = work();
    // SAFETY: takes back what was done above.
    unsafe {
        disable_timeout(STATEMENT_TIMEOUT, false);
        pg_sys::AtEOXact_GUC(true, nest_level);
    }
    give_back(saved);
    outcome
}

/// Ends the time limit that a failed [`restricted`] left.
pub fn end_limit() {
    // SAFETY: without a limit it does nothing.
    unsafe { disable_timeout(STATEMENT_TIMEOUT, false) }
}

fn take_role(role: pg_sys::Oid, context: c_int) -> (pg_sys::Oid, c_int) {
    let mut saved = (pg_sys::InvalidOid, 0);
    // SAFETY: the server's own way to act as another role.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&raw mut saved.0, &raw mut saved.1);
        pg_sys::SetUserIdAndSecContext(role, saved.1 | context);
    }
    saved
}

fn give_back((role, context): (pg_sys::Oid, c_int)) {
    // SAFETY: restores what `take_role` saved.
    unsafe { pg_sys::SetUserIdAndSecContext(role, context) }
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
