//! Dynamic background workers, started without ever failing.

use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_int};

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
