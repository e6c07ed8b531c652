//! Hooks of the planner and the executor.

use super::{denied, scan};
use crate::pg::catalog;
use crate::pg::plan::Statement;
use crate::pg::plan::errors::raw;
use crate::plan::{functions, walk};
use crate::settings;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

static NEXT_PLANNER: OnceLock<pg_sys::planner_hook_type> = OnceLock::new();
static NEXT_START: OnceLock<pg_sys::ExecutorStart_hook_type> = OnceLock::new();

thread_local! {
    /// True if a plan has come through our planner hook.
    static HAS_PLANNED: Cell<bool> = const { Cell::new(false) };
}

/// Registers the batch node and the hooks; called once, from `_PG_init`.
pub fn init() {
    scan::register();
    // SAFETY: the server calls `_PG_init` before anything else of the library.
    unsafe {
        let _ = NEXT_PLANNER.set(pg_sys::planner_hook);
        pg_sys::planner_hook = Some(plan);
        let _ = NEXT_START.set(pg_sys::ExecutorStart_hook);
        pg_sys::ExecutorStart_hook = Some(start);
    }
    catalog::watch_functions(functions::forget);
}

/// Plans a statement as the server does, then batches its calls. The server's errors jump through
/// it, since it owns nothing: pgrx's guard would leave their CONTEXT behind.
///
/// # Safety
/// The server calls it, with what a planner is given.
unsafe extern "C-unwind" fn plan(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: the arguments are passed on as they came; the result is new, and nobody else's yet.
    unsafe {
        let planned = match NEXT_PLANNER.get().copied().flatten() {
            Some(next) => next(query, text, options, parameters),
            None => raw::standard_planner(query, text, options, parameters),
        };
        change_planned(planned, options);
        planned
    }
}

/// # Safety
/// The plan must be new, and nobody else's yet.
#[pg_guard]
unsafe extern "C-unwind" fn change_planned(planned: *mut pg_sys::PlannedStmt, options: c_int) {
    HAS_PLANNED.set(true);
    if !settings::batching() {
        return;
    }
    // SAFETY: as the caller promises.
    if let Some(statement) = unsafe { Statement::new(planned) } {
        change(statement, CursorOptions(options as u32));
    }
}

/// Options of a cursor; 0 for a statement that is no cursor.
#[derive(Clone, Copy)]
struct CursorOptions(u32);

impl CursorOptions {
    fn has(self, option: u32) -> bool {
        self.0 & option != 0
    }

    /// True if it was declared, and rows are fetched a few at a time.
    fn is_cursor(self) -> bool {
        self.has(pg_sys::CURSOR_OPT_FAST_PLAN)
    }
}

fn change(statement: Statement<'_>, options: CursorOptions) {
    // A cursor that may go back, or be named in WHERE CURRENT OF, needs the plan as it is.
    let goes_forward = options.has(pg_sys::CURSOR_OPT_NO_SCROLL) || statement.locks_rows();
    let stays = options.has(pg_sys::CURSOR_OPT_SCROLL) || options.is_cursor() && !goes_forward;
    if !stays && !statement.is_utility() && statement.calls_other_functions() {
        walk::batch(statement, !options.is_cursor());
    }
}

/// Starts a query as the server does. Its errors jump through it, as through [`plan`].
///
/// # Safety
/// The server calls it, with a query that is about to be executed.
unsafe extern "C-unwind" fn start(query: *mut pg_sys::QueryDesc, flags: c_int) {
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        denied::check(query);
        change_late(query, flags);
        match NEXT_START.get().copied().flatten() {
            Some(next) => next(query, flags),
            None => raw::standard_ExecutorStart(query, flags),
        }
    }
}

/// Batches the calls of the one statement that was being planned when the library was loaded.
///
/// # Safety
/// The query must be about to be executed.
#[pg_guard]
unsafe extern "C-unwind" fn change_late(query: *mut pg_sys::QueryDesc, flags: c_int) {
    const GOES_BACK: u32 =
        pg_sys::EXEC_FLAG_REWIND | pg_sys::EXEC_FLAG_BACKWARD | pg_sys::EXEC_FLAG_MARK;
    // SAFETY: the description is alive; its statement may be a cached plan's, so a copy is changed.
    unsafe {
        let is_worker = pg_sys::ParallelWorkerNumber >= 0;
        let is_late = !HAS_PLANNED.get() && !is_worker && flags as u32 & GOES_BACK == 0;
        if is_late && settings::batching() {
            let original: *const c_void = (*query).plannedstmt.cast();
            let copy: *mut pg_sys::PlannedStmt = pg_sys::copyObjectImpl(original).cast();
            if let Some(statement) = Statement::new(copy) {
                // It may be a cursor's: with doubling batches it may be any.
                if !statement.is_utility() && statement.calls_other_functions() {
                    walk::batch(statement, false);
                    (*query).plannedstmt = copy;
                }
            }
        }
    }
}
