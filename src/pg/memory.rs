//! Memory outside the server's contexts, asked for so that a refusal is an error.
//!
//! A failed allocation of Rust's ends the process, and so restarts the cluster. What a user decides
//! the size of is therefore bounded, and asked for before it is used: a backend has one thread, so
//! what was there a moment ago is there.

use crate::error::{Error, Result};
use pgrx::PgMemoryContexts;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use std::ffi::CStr;

/// Below this nobody asks: what is so small comes out of what the process has.
const SMALL: usize = 64 << 10;

/// Fails with 53200 unless `bytes` can be had; `what` says for what.
pub fn check_room(bytes: usize, what: &str) -> Result<()> {
    if bytes <= SMALL {
        return Ok(());
    }
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(bytes).map_err(|_| Error::out_of_memory(what))
}

/// Fails with 53200 unless there is room to clean a value of so many bytes: a few copies of it, and
/// some more for each character.
pub fn check_room_to_clean(bytes: usize) -> Result<()> {
    check_room(bytes.saturating_mul(8), "a value to clean")
}

/// Fails with 54000 for JSON of more than 16 MiB, and with 53200 unless there is room to read it:
/// each of its values becomes some hundred bytes.
pub fn check_room_for_json(bytes: usize) -> Result<()> {
    const BYTES_MAX: usize = 16 << 20;
    if bytes > BYTES_MAX {
        return Err(Error::over_limit(format!("JSON of {bytes} bytes exceeds {BYTES_MAX}"))
            .hint("give fewer or shorter values at once"));
    }
    check_room(bytes.saturating_mul(24), "JSON")
}

/// Runs `work` in a memory context of its own, which is freed after it: what many calls in a row
/// allocate with the server would else stay until the statement ends. The result must not lie in
/// the server's memory.
pub fn in_own_context<T>(work: impl FnOnce() -> T) -> T {
    let mut context = PgMemoryContexts::new("crm_ai batch");
    // SAFETY: the context lives until after the call; an ERROR leaves it to the abort.
    unsafe { context.switch_to(|_| work()) }
}

/// A copy of text that the server gave. 53200 is raised where there is no room for it, as the
/// server raises it.
pub fn copy(text: &CStr) -> String {
    let room = check_room(text.count_bytes(), "a value");
    room.map_err(ErrorReport::from).unwrap_or_report();
    text.to_string_lossy().into_owned()
}
