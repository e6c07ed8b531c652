//! Dynamic background workers: started without ever failing, interrupted at once.

use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks the server for a worker in `database` that runs the library's function `function`. Raises
/// nothing and allocates nothing. `false` where no worker slot is free.
pub fn start(title: &CStr, function: &CStr, database: pg_sys::Oid) -> bool {
    let mut worker = pg_sys::BackgroundWorker {
        bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION)
            as c_int,
        bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished,
        bgw_restart_time: pg_sys::BGW_NEVER_RESTART,
        bgw_main_arg: pg_sys::Datum::from(database),
        ..Default::default()
    };
    copy(&mut worker.bgw_name, title);
    copy(&mut worker.bgw_type, title);
    copy(&mut worker.bgw_library_name, c"crm_ai");
    copy(&mut worker.bgw_function_name, function);
    // SAFETY: the structure is whole, which is all that the server checks before it takes a slot;
    // without a handle to fill it allocates nothing.
    unsafe { pg_sys::RegisterDynamicBackgroundWorker(&raw mut worker, std::ptr::null_mut()) }
}

/// Copies a name into a zeroed array, cut to leave its last byte zero.
fn copy(array: &mut [c_char], name: &CStr) {
    let room = array.len() - 1;
    for (place, byte) in array[..room].iter_mut().zip(name.to_bytes()) {
        *place = byte.cast_signed();
    }
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Connects this worker to a database, as a superuser, with signals let in: SIGINT cancels what is
/// running, and SIGTERM does too and is remembered. Ends the process with code 1 where the database
/// is gone.
pub fn connect(database: pg_sys::Oid) {
    // SAFETY: called once, at a worker's start, as the server expects.
    unsafe {
        pg_sys::pqsignal(libc::SIGTERM, Some(on_stop));
        pg_sys::BackgroundWorkerUnblockSignals();
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
    }
}

/// Whether the server asked this worker to end.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Forgets a cancel that has not been acted upon.
pub fn forget_cancel() {
    // SAFETY: a global of this process.
    unsafe { pg_sys::QueryCancelPending = 0 as _ }
}

/// A signal handler: sets what a cancel sets, and wakes the process.
unsafe extern "C-unwind" fn on_stop(_signal: c_int) {
    STOP.store(true, Ordering::Relaxed);
    // SAFETY: what the server's own handlers of signals do; `MyLatch` is valid from a worker's
    // first moment.
    unsafe {
        pg_sys::InterruptPending = 1 as _;
        pg_sys::QueryCancelPending = 1 as _;
        pg_sys::SetLatch(pg_sys::MyLatch);
    }
}
