//! The start of the supervisor, which starts the engine.
//!
//! Preloaded, it is a static worker; otherwise the first call that finds no engine starts it. A
//! lock on a file in the data directory makes it one however many backends race to start it.

use crate::pg::paths::LOCK;
use pgrx::bgworkers::{BackgroundWorkerBuilder, BgWorkerStartTime};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Registers the static worker; only while the postmaster preloads libraries.
pub fn register() {
    builder().load();
}

/// Starts a supervisor unless one is running. Returns whether one is running or was started;
/// `false` means that no worker slot is free.
pub fn ensure_running() -> bool {
    match try_lock() {
        Ok(Some(lock)) => {
            drop(lock);
            builder().load_dynamic().is_ok()
        }
        // Held: a supervisor lives. Not to be opened: the start would fail likewise.
        Ok(None) | Err(_) => true,
    }
}

fn builder() -> BackgroundWorkerBuilder {
    BackgroundWorkerBuilder::new("crm_ai supervisor")
        .set_type("crm_ai supervisor")
        .set_library("crm_ai")
        .set_function("crm_ai_supervisor_main")
        .set_start_time(BgWorkerStartTime::ConsistentState)
        .set_restart_time(Some(Duration::from_secs(2)))
        .enable_shmem_access(None)
}

/// The lock that makes the supervisor one; `None` when another holds it.
pub fn try_lock() -> rustix::io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let file = rustix::fs::open(LOCK, flags, Mode::RUSR | Mode::WUSR)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error),
    }
}
