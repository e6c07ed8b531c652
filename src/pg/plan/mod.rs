//! Handles for the nodes of finished plans, and the server's errors on their way through a node.
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

pub mod errors;
mod expr;
pub mod list;
mod node;

pub use expr::{Aggregate, Case, Expr, Side};
pub use node::{JoinList, OutputColumn, Plan, Statement};

/// Raises 54001 before a recursion over a deep plan or expression exhausts the stack.
pub fn check_stack_depth() {
    // SAFETY: compares the stack's depth with the limit that the server set up.
    unsafe { pgrx::pg_sys::check_stack_depth() }
}
