//! Actions at the commit of the present transaction.
//!
//! Nothing may fail in a commit callback: the transaction is committed and cannot be rolled back
//! any more, so the server would stop. What is done here sets fields in shared memory and sends
//! signals, and allocates nothing that can run out.

use crate::pg::board;
use crate::pg::transaction::setting;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;

/// Starts a worker in a database. It raises nothing and allocates nothing; `false` where no worker
/// slot is free.
pub type Start = fn(pg_sys::Oid) -> bool;

thread_local! {
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
    /// Function that starts a run worker in a database, if one is to be started.
    static START: Cell<Option<Start>> = const { Cell::new(None) };
    /// True if this database's scheduler is to be woken, or started.
    static WAKE: Cell<bool> = const { Cell::new(false) };
    /// Processes to interrupt.
    static INTERRUPT: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
    /// Runs that the present transaction made.
    static MADE: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

/// Starts a run worker by `start` when the present transaction commits. A run whose savepoint was
/// rolled back is not there when the worker looks, so the start is asked for once and never taken
/// back.
pub fn start_worker(run: i64, start: Start) {
    register();
    START.set(Some(start));
    MADE.with_borrow_mut(|made| made.push(run));
}

/// Wakes this database's scheduler when the present transaction commits. What a savepoint's
/// roll-back takes back wakes it in vain.
pub fn wake_scheduler() {
    register();
    WAKE.set(true);
}

/// True if the server lets transactions be prepared, which are committed without our being told.
pub fn may_be_prepared() -> bool {
    setting(c"max_prepared_transactions").is_some_and(|most| most != "0")
}

/// True if the present transaction made that run.
pub fn made_here(run: i64) -> bool {
    MADE.with_borrow(|made| made.contains(&run))
}

/// Interrupts a worker of this database when the present transaction commits.
pub fn interrupt(pid: i32) {
    register();
    INTERRUPT.with_borrow_mut(|pids| pids.push(pid));
}

fn register() {
    if !REGISTERED.replace(true) {
        // SAFETY: the callback stays in memory as the library does, and takes no argument.
        unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    use pg_sys::XactEvent;
    match event {
        XactEvent::XACT_EVENT_COMMIT => {
            if let Some(start) = START.take() {
                // No free worker slot: the run stays queued, and the next that finishes, the
                // scheduler or whoever waits for the run starts it.
                start(board::own_database());
            }
            if WAKE.replace(false) {
                board::request(board::own_database());
            }
            INTERRUPT.with_borrow(|pids| pids.iter().copied().for_each(board::interrupt));
        }
        // A prepared transaction is committed by whomever; the scheduler finds what it queued.
        XactEvent::XACT_EVENT_ABORT | XactEvent::XACT_EVENT_PREPARE => {
            START.set(None);
            WAKE.set(false);
        }
        _ => return,
    }
    MADE.with_borrow_mut(Vec::clear);
    INTERRUPT.with_borrow_mut(Vec::clear);
}
