//! How many runs go on at a time, over all databases: each holds a lock on a numbered file in the
//! data directory, which the kernel gives back however the process ends.

use pgrx::pg_sys;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::os::fd::OwnedFd;

/// Base backups skip names that begin like this.
const SLOT: &str = "pgsql_tmp_crm_ai_slot";
/// A file for each database that has a run waiting for a slot.
const WAITING: &str = "pgsql_tmp_crm_ai_waiting_";

/// A slot, until it is dropped.
pub struct Slot {
    _file: OwnedFd,
}

/// Takes a free slot; `None` where `crm_ai.max_running` runs go on.
pub fn take() -> Option<Slot> {
    (0..crate::settings::max_running()).find_map(|number| lock(&format!("{SLOT}{number}")))
}

fn lock(path: &str) -> Option<Slot> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).ok()?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(Slot { _file: file })
}

/// Notes that a database waits for a slot.
pub fn leave_waiting(database: pg_sys::Oid) {
    // Without the note the scheduler, or whoever waits for the run, starts it.
    let _ = std::fs::write(format!("{WAITING}{}", database.to_u32()), "");
}

/// Starts a worker in each other database that waits for a slot.
pub fn start_waiting(own: pg_sys::Oid) {
    let Ok(entries) = std::fs::read_dir(".") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix(WAITING)) else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else { continue };
        let database = pg_sys::Oid::from(number);
        if database == own || super::start(database) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
