//! The symbols that the server looks up in the library. Unsafe is only that they keep their names.
#![allow(unsafe_code)]

use crate::pg::loading;
use crate::worker::{launcher, runner, scheduler, supervisor};
use crate::{plan, settings, worker};
use pgrx::prelude::*;

/// Called by the server when it loads the library; in the postmaster too when that is told to
/// preload it. Defines settings, sets hooks and registers the static workers, nothing
/// else.
#[pg_guard]
#[allow(non_snake_case)]
pub extern "C-unwind" fn _PG_init() {
    loading::forbid_backtraces();
    crm_ai_clean::pause::set(heed_interrupts);
    settings::init();
    plan::execute::init();
    worker::init();
}

/// Raises a pending cancel.
fn heed_interrupts() {
    pgrx::check_for_interrupts!();
}

/// Entry point of the supervisor's background worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_supervisor_main(_argument: pg_sys::Datum) {
    supervisor::run();
}

/// Entry point of a run worker; its argument is the database whose runs it works on.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_runner_main(argument: pg_sys::Datum) {
    runner::run(pg_sys::Oid::from(argument.value() as u32));
}

/// Entry point of the launcher's background worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_launcher_main(_argument: pg_sys::Datum) {
    launcher::run();
}

/// Entry point of a database's scheduler; its argument is the database.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_scheduler_main(argument: pg_sys::Datum) {
    scheduler::run(pg_sys::Oid::from(argument.value() as u32));
}

/// Entry point of the worker that reads which databases are registered; its argument is a database
/// to read that in.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn crm_ai_census_main(argument: pg_sys::Datum) {
    launcher::take_census(pg_sys::Oid::from(argument.value() as u32));
}
