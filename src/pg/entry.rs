//! The symbols that the server looks up in the library.

use pgrx::prelude::*;

/// Called by the server when it loads the library; in the postmaster too when that is told to
/// preload it. Defines settings, sets hooks and registers the static workers, nothing
/// else.
#[pg_guard]
#[allow(non_snake_case)]
pub extern "C-unwind" fn _PG_init() {
    forbid_backtraces();
    crm_ai_clean::pause::set(heed_interrupts);
    crate::settings::init();
    crate::pg::plan::init();
    crate::worker::init();
}

/// Raises a pending cancel.
fn heed_interrupts() {
    pgrx::check_for_interrupts!();
}

/// Takes the wish for back-traces out of the environment that the server was started in: every
/// ERROR that passes through Rust, a cancel too, would take 140 ms longer and show one as DETAIL.
fn forbid_backtraces() {
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"] {
        // SAFETY: a server process has one thread, so nobody reads the environment meanwhile.
        unsafe { std::env::remove_var(name) }
    }
}

/// Entry point of the supervisor's background worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_supervisor_main(_argument: pg_sys::Datum) {
    crate::worker::supervisor::run();
}

/// Entry point of a run worker; its argument is the database whose runs it works on.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_runner_main(argument: pg_sys::Datum) {
    crate::worker::runner::run(pg_sys::Oid::from(argument.value() as u32));
}

/// Entry point of the launcher's background worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_launcher_main(_argument: pg_sys::Datum) {
    crate::worker::launcher::run();
}

/// Entry point of a database's scheduler; its argument is the database.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_scheduler_main(argument: pg_sys::Datum) {
    crate::worker::scheduler::run(pg_sys::Oid::from(argument.value() as u32));
}

/// Entry point of the worker that reads which databases are registered; its argument is a database
/// to read that in.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_census_main(argument: pg_sys::Datum) {
    crate::worker::launcher::take_census(pg_sys::Oid::from(argument.value() as u32));
}

/// Refuses settings under our prefix that do not exist (a misspelt one would be silently ignored).
pub fn reserve_setting_prefix() {
    // SAFETY: called from `_PG_init`, which is when the server expects it; the name is static.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"crm_ai".as_ptr()) }
}

/// Whether the postmaster is loading preloaded libraries right now, the only time when a static
/// background worker can be registered.
pub fn is_preloading() -> bool {
    // SAFETY: reads a global that the server set before it loaded us.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Reads the configuration files again, as a worker must on SIGHUP.
pub fn reload_settings() {
    // SAFETY: called from a worker's main loop, outside any transaction.
    unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) }
}
