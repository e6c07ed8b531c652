//! Sleeping so that interrupts, a lost postmaster and other events end the sleep.

use pgrx::pg_sys;
use std::os::fd::RawFd;

/// Sleeps up to `milliseconds`, until the latch is set, or until `fd` is readable. Ends the process
/// when the postmaster is gone. Raises a pending cancel.
pub fn sleep(milliseconds: u64, fd: Option<RawFd>) {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    if fd.is_some() {
        events |= pg_sys::WL_SOCKET_READABLE;
    }
    // SAFETY: `MyLatch` is valid in every backend and worker; a missing socket is -1.
    unsafe {
        pg_sys::WaitLatchOrSocket(
            pg_sys::MyLatch,
            events as i32,
            fd.unwrap_or(pg_sys::PGINVALID_SOCKET),
            i64::try_from(milliseconds).unwrap_or(i64::MAX) as _,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    pgrx::check_for_interrupts!();
}
