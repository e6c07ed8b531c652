//! Actions and checks while the server loads the library, in the postmaster, too.

use pgrx::pg_sys;

/// Takes the wish for back-traces out of the environment that the server was started in: every
/// ERROR that passes through Rust, a cancel too, would take 140 ms longer and show one as DETAIL.
pub fn forbid_backtraces() {
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"] {
        // SAFETY: a server process has one thread, so nobody reads the environment meanwhile.
        unsafe { std::env::remove_var(name) }
    }
}

/// Refuses settings under our prefix that do not exist (a misspelt one would be silently ignored).
pub fn reserve_setting_prefix() {
    // SAFETY: called from `_PG_init`, which is when the server expects it; the name is static.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"crm_ai".as_ptr()) }
}

/// True if the postmaster is loading preloaded libraries right now, the only time when a static
/// background worker can be registered.
pub fn is_preloading() -> bool {
    // SAFETY: reads a global that the server set before it loaded us.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}
