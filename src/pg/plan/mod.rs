//! Finished plans and their execution, for `crate::plan`, which decides what is done to them.
//!
//! Handles ([`Expr`], [`Plan`], [`Statement`]) point at nodes of the plan at hand. Three facts make
//! them safe to use, and are not repeated at each block:
//!
//! 1. A handle's lifetime ends with the rewriting of one statement, during which the server frees
//!    no node: all lie in the planner's memory context.
//! 2. Every node begins with its tag. It is read as the structure that its tag names, and as no
//!    other.
//! 3. Nodes are read and changed through raw pointers for the length of one call; no reference to
//!    one is ever kept.

mod errors;
mod expr;
mod hooks;
mod list;
mod node;
mod rows;
mod run;
mod scan;
mod show;

pub use expr::{Aggregate, Case, Expr, Side};
pub use hooks::init;
pub use node::{JoinList, Plan, Statement, Target};
pub use scan::BatchScan;

/// Raises 54001 before a recursion over a deep plan or expression exhausts the stack.
pub fn check_stack_depth() {
    // SAFETY: compares the stack's depth with the limit that the server set up.
    unsafe { pgrx::pg_sys::check_stack_depth() }
}

/// `work_mem` in bytes.
fn work_mem_bytes() -> usize {
    // SAFETY: reads a setting of the server's.
    usize::try_from(unsafe { pgrx::pg_sys::work_mem }).unwrap_or(0) << 10
}
