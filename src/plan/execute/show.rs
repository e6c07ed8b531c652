//! EXPLAIN output of a batch node.

use super::run::Runner;
use crate::pg::roles;
use crate::plan::pace::Start;
use crate::settings;
use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// Writes a batch node's properties.
///
/// # Safety
/// The server must be explaining the runner's node.
pub unsafe fn show(runner: &Runner, output: *mut pg_sys::ExplainState) {
    let names = runner.calls.iter().map(|call| call.function.name).collect::<Vec<_>>().join(", ");
    let first = match runner.start {
        Start::Full => "full",
        Start::Doubling => "1 row",
        Start::Limited => "as many rows as the limit",
    };
    let figures = &runner.figures;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    // SAFETY: as the caller promises.
    unsafe {
        text(c"Calls", &names, output);
        number(c"Batch Rows", count(settings::batch_rows() as u64), output);
        text(c"First Batch", first, output);
        if (*output).analyze {
            number(c"Batches", count(figures.batches), output);
            number(c"Largest Batch", count(figures.largest), output);
            number(c"Batched Rows", count(figures.rows), output);
            number(c"Engine Texts", count(figures.texts), output);
            // Tells whether anybody has asked about a text before.
            if roles::is_monitor(roles::current_user()) {
                number(c"Cached Texts", count(figures.cached), output);
            }
            if (*output).timing {
                let milliseconds = figures.waited.as_secs_f64() * 1e3;
                let (label, unit) = (c"Engine Wait".as_ptr(), c"ms".as_ptr());
                pg_sys::ExplainPropertyFloat(label, unit, milliseconds, 3, output);
            }
        }
    }
}

/// # Safety
/// As in [`show`].
unsafe fn text(label: &CStr, value: &str, output: *mut pg_sys::ExplainState) {
    let value = CString::new(value).unwrap_or_default();
    // SAFETY: as the caller promises; both strings are copied.
    unsafe { pg_sys::ExplainPropertyText(label.as_ptr(), value.as_ptr(), output) }
}

/// # Safety
/// As in [`show`].
unsafe fn number(label: &CStr, value: i64, output: *mut pg_sys::ExplainState) {
    // SAFETY: as the caller promises.
    unsafe { pg_sys::ExplainPropertyInteger(label.as_ptr(), std::ptr::null(), value, output) }
}
