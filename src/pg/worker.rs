//! Background workers, as far as they differ from backends: signals, connection, sleep, end, and
//! making way for whoever wants the database alone.
//!
//! A worker is asked to end by SIGTERM. What it does then is cancelled, as a backend's statement
//! would be; code that users wrote and that goes on all the same is ended with the process
//! ([`crate::pg::watchdog`]).

use super::majors;
use crate::pg::watchdog;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

/// Settings of a database or role that must not reach a worker: names are looked up in `pg_catalog`
/// alone, and nobody else's limits end its transactions.
const SETTINGS: [(&CStr, &CStr); 4] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"lock_timeout", c"0"),
    (c"statement_timeout", c"0"),
    (c"transaction_timeout", c"0"),
];

/// Takes over the signals that end a worker, make it read its settings again, or cancel what it
/// does; and lets them come.
pub fn attach_signals() {
    // SAFETY: the handlers only set flags and a latch.
    unsafe {
        majors::handle_signal(libc::SIGTERM, stop);
        majors::handle_signal(libc::SIGINT, cancel);
        majors::handle_signal(libc::SIGHUP, reload);
        pg_sys::BackgroundWorkerUnblockSignals();
    }
}

/// Asks the worker to end.
unsafe extern "C-unwind" fn stop(_signal: c_int) {
    STOP.store(true, Ordering::Relaxed);
    watchdog::ask_to_end();
}

/// Asks the worker to give up what it does.
unsafe extern "C-unwind" fn cancel(_signal: c_int) {
    watchdog::ask_to_end();
}

unsafe extern "C-unwind" fn reload(_signal: c_int) {
    RELOAD.store(true, Ordering::Relaxed);
    // SAFETY: a latch.
    unsafe { pg_sys::SetLatch(pg_sys::MyLatch) }
}

/// True if the worker was asked to end.
pub fn must_stop() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Reads the configuration files again when asked to; tells whether it was.
pub fn reloaded() -> bool {
    let asked = RELOAD.swap(false, Ordering::Relaxed);
    if asked {
        reload_settings();
    }
    asked
}

/// Forgets a cancel that has not been acted upon.
pub fn forget_cancel() {
    // SAFETY: a global of this process.
    unsafe { pg_sys::QueryCancelPending = 0 as _ }
}

/// Sleeps up to `milliseconds`, or until the latch is set, and then `gather_ms` longer: as long as
/// the latch is set already, it costs nobody anything to set it again. Tells whether it was set.
/// Does what other processes wait for meanwhile, and ends the process when the postmaster is gone.
pub fn sleep(milliseconds: u64, gather_ms: u64) -> bool {
    let events = wait(milliseconds, pg_sys::WL_LATCH_SET, None);
    let woken = events & pg_sys::WL_LATCH_SET as c_int != 0;
    if woken && gather_ms > 0 && !must_stop() {
        wait(gather_ms, 0, None);
    }
    end_sleep();
    woken
}

/// Sleeps up to `milliseconds`, until the latch is set, or until `fd` is readable.
pub fn sleep_until_readable(milliseconds: u64, fd: Option<RawFd>) {
    wait(milliseconds, pg_sys::WL_LATCH_SET, fd);
    end_sleep();
}

fn end_sleep() {
    // SAFETY: `MyLatch` is valid in every worker.
    unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
    forget_cancel();
    if !must_stop() {
        pgrx::check_for_interrupts!();
    }
}

fn wait(milliseconds: u64, event: u32, fd: Option<RawFd>) -> c_int {
    let mut events = event | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    if fd.is_some() {
        events |= pg_sys::WL_SOCKET_READABLE;
    }
    // SAFETY: `MyLatch` is valid in every worker; a missing socket is -1.
    unsafe {
        pg_sys::WaitLatchOrSocket(
            pg_sys::MyLatch,
            events as c_int,
            fd.unwrap_or(pg_sys::PGINVALID_SOCKET),
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
    for (name, value) in SETTINGS {
        // SAFETY: both strings are static. A server that does not know the setting ignores it.
        unsafe {
            if !pg_sys::GetConfigOption(name.as_ptr(), true, false).is_null() {
                pg_sys::SetConfigOption(
                    name.as_ptr(),
                    value.as_ptr(),
                    pg_sys::GucContext::PGC_SUSET,
                    pg_sys::GucSource::PGC_S_OVERRIDE,
                );
            }
        }
    }
}

/// Ends the process so that the postmaster starts it again, unless the server stops: one that
/// returns from its entry point is never started again.
pub fn end_for_restart() -> ! {
    // SAFETY: the worker's main loop, outside any transaction.
    unsafe { majors::exit(1) }
}

type AtEnd = Box<dyn Fn()>;

thread_local! {
    static HAS_CALLBACK: Cell<bool> = const { Cell::new(false) };
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Has `act` run when the process is terminated because its code did not end, before [`finished`]
/// is called: in a state where transactions can be made and nothing may wait. After [`connect`].
pub fn unless_finished(act: impl Fn() + 'static) {
    AT_END.set(Some(Box::new(act)));
    if !HAS_CALLBACK.replace(true) {
        // SAFETY: the callback stays in memory as the library does. It is called before the
        // server's own, which ends the connection.
        unsafe { pg_sys::before_shmem_exit(Some(at_end), pg_sys::Datum::from(0)) };
    }
}

/// Takes back [`unless_finished`].
pub fn finished() {
    AT_END.take();
}

#[pg_guard]
extern "C-unwind" fn at_end(_code: c_int, _argument: pg_sys::Datum) {
    // Not where the postmaster is gone: the next one takes up what was under way.
    let Some(act) = AT_END.take().filter(|_| watchdog::has_terminated()) else { return };
    // SAFETY: whatever was under way is given up; without a transaction it does nothing.
    unsafe { pg_sys::AbortOutOfAnyTransaction() };
    act();
}

/// True if somebody waits to have the database alone, to drop it, to copy it or to rename it: they
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

/// Reads the configuration files again, as a worker must on SIGHUP.
fn reload_settings() {
    // SAFETY: called from a worker's main loop, outside any transaction.
    unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) }
}
