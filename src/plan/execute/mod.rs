//! The batch node: in finished plans, where the planner and the executor let us put it, and at
//! work.
//!
//! The facts that `crate::pg` and `crate::pg::plan` hold true of their unsafe blocks hold here,
//! too.
#![allow(unsafe_code)]

mod denied;
mod hooks;
mod rows;
mod run;
mod scan;
mod show;

pub use hooks::init;
pub use scan::BatchScan;

/// `work_mem` in bytes.
fn work_mem_bytes() -> usize {
    // SAFETY: reads a setting of the server's.
    usize::try_from(unsafe { pgrx::pg_sys::work_mem }).unwrap_or(0) << 10
}
