//! Errors of the server's that pass through our nodes and stay whole.
//!
//! pgrx turns an error of the server's into a panic and raises it anew from what it has kept: the
//! message, DETAIL and HINT. CONTEXT, the inner query, positions, and the names of tables, columns
//! and constraints would be lost, to clients that act upon them and to people who look for a fault.

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::pgrx_extern_c_guard;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The server's functions as they are: their errors jump out of them.
pub mod raw {
    use pgrx::pg_sys::{
        Datum, EState, ErrorData, ExprContext, ExprState, ParamListInfo, Plan, PlanState,
        PlannedStmt, ProjectionInfo, Query, QueryDesc, TupleTableSlot,
    };
    use std::ffi::{c_char, c_int};

    unsafe extern "C-unwind" {
        pub fn standard_planner(
            query: *mut Query,
            text: *const c_char,
            options: c_int,
            parameters: ParamListInfo,
        ) -> *mut PlannedStmt;
        #[allow(non_snake_case)]
        pub fn standard_ExecutorStart(query: *mut QueryDesc, flags: c_int);
        #[link_name = "ReThrowError"]
        pub fn raise_again(error: *mut ErrorData) -> !;
        #[link_name = "ExecInitNode"]
        pub fn start_node(plan: *mut Plan, estate: *mut EState, flags: c_int) -> *mut PlanState;
        #[link_name = "ExecProcNode__pgrx_cshim"]
        pub fn next_row(node: *mut PlanState) -> *mut TupleTableSlot;
        #[link_name = "ExecEvalExprSwitchContext__pgrx_cshim"]
        pub fn evaluate(
            expr: *mut ExprState,
            context: *mut ExprContext,
            is_null: *mut bool,
        ) -> Datum;
        #[link_name = "ExecQual__pgrx_cshim"]
        pub fn holds(qual: *mut ExprState, context: *mut ExprContext) -> bool;
        #[link_name = "ExecProject__pgrx_cshim"]
        pub fn project(projection: *mut ProjectionInfo) -> *mut TupleTableSlot;
    }
}

/// An error of the server's on its way through our code, as a panic.
struct Whole(*mut pg_sys::ErrorData);
// SAFETY: a panic's payload must be `Send`; it never leaves the process's one thread.
unsafe impl Send for Whole {}

/// Calls the server. What it raises unwinds our code up to [`raising`].
///
/// # Safety
/// `call` must own nothing that is to be dropped: an error jumps out of it.
pub unsafe fn calling<T: Copy>(call: impl FnOnce() -> T) -> T {
    // SAFETY: as in the server's PG_TRY: where errors go is restored on both ways. An error is
    // copied into the memory that was current, which lives until it is raised again.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        let handler = pg_sys::PG_exception_stack;
        let callbacks = pg_sys::error_context_stack;
        let mut result = MaybeUninit::uninit();
        let jumped = call_with_sigsetjmp(false, |here| {
            pg_sys::PG_exception_stack =
                std::ptr::from_ref::<SigJmpBufFields>(here).cast_mut().cast();
            result.write(call());
            0
        });
        pg_sys::PG_exception_stack = handler;
        pg_sys::error_context_stack = callbacks;
        if jumped == 0 {
            return result.assume_init();
        }
        pg_sys::CurrentMemoryContext = memory;
        let error = pg_sys::CopyErrorData();
        pg_sys::FlushErrorState();
        resume_unwind(Box::new(Whole(error)))
    }
}

/// Runs a node's work for the server. What came through [`calling`] is raised as it was, anything
/// else as pgrx does.
///
/// # Safety
/// The server must be the caller, and nothing in between own what is to be dropped.
pub unsafe fn raising<T: Copy>(work: impl FnOnce() -> T) -> T {
    let caught = || {
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match panic.downcast::<Whole>() {
            Ok(whole) => whole.0,
            Err(panic) => resume_unwind(panic),
        })
    };
    // SAFETY: the outcome is a value or a pointer, so nothing is left to be dropped when the error
    // is raised.
    unsafe {
        match pgrx_extern_c_guard(caught) {
            Ok(value) => value,
            Err(error) => raw::raise_again(error),
        }
    }
}
