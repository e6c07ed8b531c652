//! What a background worker does that no backend does: its signals, its connection, its
//! transactions, and making way for whoever wants the database alone.

use crate::error::{Result, sqlstate};
use pgrx::PgTryBuilder;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

/// Why a piece of work did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// SQLSTATE.
    pub state: String,
    /// The message, where it is our own and so holds no customer's text.
    pub message: Option<String>,
}

/// Takes over the signals that end a worker, make it read its settings again, or cancel what it
/// does; and lets them come.
pub fn attach_signals() {
    // SAFETY: the handlers only set flags and a latch.
    unsafe {
        pg_sys::pqsignal(libc::SIGTERM, Some(stop));
        pg_sys::pqsignal(libc::SIGHUP, Some(reload));
        pg_sys::BackgroundWorkerUnblockSignals();
    }
}

/// Asks the worker to end: what it does is cancelled, as a backend's statement would be.
unsafe extern "C-unwind" fn stop(_signal: std::ffi::c_int) {
    STOP.store(true, Ordering::Relaxed);
    // SAFETY: flags that handlers are meant to set, and a latch.
    unsafe {
        pg_sys::QueryCancelPending = 1;
        pg_sys::InterruptPending = 1;
        pg_sys::SetLatch(pg_sys::MyLatch);
    }
}

unsafe extern "C-unwind" fn reload(_signal: std::ffi::c_int) {
    RELOAD.store(true, Ordering::Relaxed);
    // SAFETY: a latch.
    unsafe { pg_sys::SetLatch(pg_sys::MyLatch) }
}

/// Whether the worker was asked to end.
pub fn must_stop() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Reads the configuration files again when asked to; tells whether it was.
pub fn reloaded() -> bool {
    let asked = RELOAD.swap(false, Ordering::Relaxed);
    if asked {
        crate::pg::entry::reload_settings();
    }
    asked
}

/// Sleeps up to `milliseconds`, or until the latch is set, and then `gather_ms` longer: as long as
/// the latch is set already, it costs nobody anything to set it again. Tells whether it was set.
/// Does what other processes wait for meanwhile, and ends the process when the postmaster is gone.
pub fn sleep(milliseconds: u64, gather_ms: u64) -> bool {
    let woken = wait(milliseconds, pg_sys::WL_LATCH_SET) & pg_sys::WL_LATCH_SET as i32 != 0;
    if woken && !must_stop() {
        wait(gather_ms, 0);
    }
    // SAFETY: `MyLatch` is valid in every worker; nothing is under way that could be cancelled.
    unsafe {
        pg_sys::ResetLatch(pg_sys::MyLatch);
        pg_sys::QueryCancelPending = 0;
    }
    if !must_stop() {
        pgrx::check_for_interrupts!();
    }
    woken
}

fn wait(milliseconds: u64, event: u32) -> i32 {
    // SAFETY: `MyLatch` is valid in every worker.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            (event | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
            i64::try_from(milliseconds).unwrap_or(i64::MAX) as _,
            pg_sys::PG_WAIT_EXTENSION,
        )
    }
}

/// Connects the worker to a database, or for `None` to the shared catalogues alone, as the
/// superuser that initdb made.
pub fn connect(database: Option<pg_sys::Oid>) {
    let database = database.unwrap_or(pg_sys::InvalidOid);
    // SAFETY: called once, at the worker's start.
    unsafe {
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
}

/// Runs `work` in a transaction of its own, which is rolled back when it fails, in whichever way.
pub fn transaction<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Trouble> {
    let attempt = std::panic::AssertUnwindSafe(|| {
        // SAFETY: a worker's main loop, outside any transaction.
        unsafe {
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            // Whatever the database's defaults are.
            pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32;
            pg_sys::XactReadOnly = false;
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        }
        let value = work().map_err(|error| Trouble {
            state: error.state(),
            message: Some(error.message().to_owned()),
        })?;
        // SAFETY: ends what was begun above.
        unsafe {
            if pg_sys::ActiveSnapshotSet() {
                pg_sys::PopActiveSnapshot();
            }
            pg_sys::CommitTransactionCommand();
        }
        Ok(value)
    });
    let outcome =
        PgTryBuilder::new(attempt).catch_others(|cause| Err(trouble_of(&cause))).execute();
    if outcome.is_err() {
        // SAFETY: ends the transaction that failed; without one it does nothing.
        unsafe { pg_sys::AbortCurrentTransaction() };
    }
    // SAFETY: outside any transaction, as it must be. Advisory locks that a user's trigger took for
    // the session would be held for ever.
    unsafe {
        pg_sys::LockReleaseSession(pg_sys::USER_LOCKMETHOD as pg_sys::LOCKMETHODID);
        pg_sys::pgstat_report_stat(false);
    }
    outcome
}

/// Runs `work` in a subtransaction, which alone is rolled back when it fails, in whichever way.
pub fn subtransaction<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Trouble> {
    // SAFETY: reads globals of the backend, to be put back below.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let attempt = std::panic::AssertUnwindSafe(|| {
        // SAFETY: inside a transaction; ended below, in either way.
        unsafe {
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        }
        let value = work().map_err(|error| Trouble {
            state: error.state(),
            message: Some(error.message().to_owned()),
        })?;
        // SAFETY: ends what was begun above.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::ReleaseCurrentSubTransaction();
        }
        Ok(value)
    });
    let outcome =
        PgTryBuilder::new(attempt).catch_others(|cause| Err(trouble_of(&cause))).execute();
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

fn trouble_of(cause: &CaughtError) -> Trouble {
    let report = match cause {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    Trouble { state: sqlstate(report.sql_error_code()), message: None }
}

/// Whether somebody waits to have the database alone, to drop it, to copy it or to rename it: they
/// hold a lock on it that a connection could not be made under, and wait some seconds for ours to
/// end.
pub fn is_database_wanted_alone(database: pg_sys::Oid) -> bool {
    let tag = pg_sys::LOCKTAG {
        locktag_field1: 0, // a shared object, of no database
        locktag_field2: pg_sys::DatabaseRelationId.to_u32(),
        locktag_field3: database.to_u32(),
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    let mode = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: tried without waiting, held for no time.
    unsafe {
        let outcome = pg_sys::LockAcquire(&raw const tag, mode, true, true);
        if outcome == pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL {
            return true;
        }
        pg_sys::LockRelease(&raw const tag, mode, true);
    }
    false
}

/// Whether the extension is in the connected database.
pub fn has_extension() -> bool {
    // SAFETY: a catalogue look-up inside a transaction.
    unsafe { pg_sys::get_extension_oid(c"crm_ai".as_ptr(), true) != pg_sys::InvalidOid }
}
