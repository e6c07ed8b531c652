//! Ends a worker whose user-written code does not.
//!
//! A cancel is an ERROR, and code in PL/pgSQL can catch it and go on. So a worker that runs such
//! code is watched by a timer: when it is asked to end, by a signal or by its time limit, it is
//! first cancelled, and if the code still runs after a grace period, the process is terminated as
//! `pg_terminate_backend` terminates a session: by FATAL, which no code can catch. Code in C that
//! never checks for interrupts is beyond it.

use crate::error::{Error, Result};
use pgrx::prelude::*;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

unsafe extern "C-unwind" {
    // utils/timeout.h, which pgrx does not bind.
    fn RegisterTimeout(id: c_int, handler: unsafe extern "C-unwind" fn()) -> c_int;
    fn enable_timeout_after(id: c_int, delay_ms: c_int);
    fn disable_timeout(id: c_int, keep_indicator: bool);
}

/// Beyond every timeout that the server has: it gives such a one a number of its own.
const ANY_TIMEOUT: c_int = 1000;

/// Interval of the watchdog.
const LOOK_MS: c_int = 250;
/// Time that code may go on after it was cancelled.
const GRACE_MS: u64 = 1000;

/// True if code is watched at present.
static IS_WATCHING: AtomicBool = AtomicBool::new(false);
/// Time when the code was asked to end, on the clock of [`now_ms`]; 0: it was not.
static ASKED_MS: AtomicU64 = AtomicU64::new(0);
/// Until when the code may take; 0: there is no limit.
static LIMIT_MS: AtomicU64 = AtomicU64::new(0);
/// True if the process was terminated because its code went on.
static HAS_TERMINATED: AtomicBool = AtomicBool::new(false);

/// The server's number of the timer; negative before there is one.
static TIMEOUT: AtomicI32 = AtomicI32::new(-1);

/// Cancels what the process does, and begins the grace period of code that is watched. To be called
/// from signal handlers.
pub fn ask_to_end() {
    if IS_WATCHING.load(Ordering::Relaxed) {
        let _ = ASKED_MS.compare_exchange(0, now_ms(), Ordering::Relaxed, Ordering::Relaxed);
    }
    // SAFETY: flags that handlers are meant to set, and a latch.
    unsafe {
        pg_sys::QueryCancelPending = 1 as _;
        pg_sys::InterruptPending = 1 as _;
        pg_sys::SetLatch(pg_sys::MyLatch);
    }
}

/// True if this process is being terminated because its code did not end when it was cancelled.
pub fn has_terminated() -> bool {
    HAS_TERMINATED.load(Ordering::Relaxed)
}

/// Runs `work`, which runs what users wrote, under the watch; after `limit` it is asked to end.
pub fn watched<T>(limit: Option<Duration>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let limit_ms = limit.map_or(0, |limit| now_ms() + milliseconds(limit).max(1));
    LIMIT_MS.store(limit_ms, Ordering::Relaxed);
    ASKED_MS.store(0, Ordering::Relaxed);
    IS_WATCHING.store(true, Ordering::Relaxed);
    if crate::pg::worker::must_stop() {
        // The signal came before the watch began.
        end();
        return Err(Error::cancelled("the worker was asked to end"));
    }
    if TIMEOUT.load(Ordering::Relaxed) < 0 {
        // SAFETY: done once in a process; the handler only sets flags and the timer.
        let timeout = unsafe { RegisterTimeout(ANY_TIMEOUT, look) };
        TIMEOUT.store(timeout, Ordering::Relaxed);
    }
    set_timer();
    // Where an ERROR passes through, whoever catches it ends the watch.
    let outcome = work();
    end();
    outcome
}

/// Ends the watch, also one that an ERROR left.
pub fn end() {
    IS_WATCHING.store(false, Ordering::Relaxed);
    let timeout = TIMEOUT.load(Ordering::Relaxed);
    if timeout >= 0 {
        // SAFETY: a timeout of ours; one that is not active stays so.
        unsafe { disable_timeout(timeout, false) };
    }
}

fn set_timer() {
    // SAFETY: a timeout of ours. In its handler, too: the server has taken it off its list before.
    unsafe { enable_timeout_after(TIMEOUT.load(Ordering::Relaxed), LOOK_MS) };
}

/// The timer's signal handler.
unsafe extern "C-unwind" fn look() {
    if !IS_WATCHING.load(Ordering::Relaxed) {
        return;
    }
    let now = now_ms();
    let asked = ASKED_MS.load(Ordering::Relaxed);
    let limit = LIMIT_MS.load(Ordering::Relaxed);
    if asked == 0 {
        if crate::pg::worker::must_stop() || (limit > 0 && now >= limit) {
            ask_to_end();
        }
    } else if now.saturating_sub(asked) >= GRACE_MS {
        HAS_TERMINATED.store(true, Ordering::Relaxed);
        // SAFETY: flags that handlers are meant to set, and a latch.
        unsafe {
            pg_sys::ProcDiePending = 1 as _;
            pg_sys::InterruptPending = 1 as _;
            pg_sys::SetLatch(pg_sys::MyLatch);
        }
    }
    set_timer();
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

/// Milliseconds on the kernel's monotonic clock, which a signal handler may ask.
fn now_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}
