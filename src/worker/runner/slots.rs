//! Slots of concurrent runs, over all databases: each run holds a lock on a numbered file, which
//! the kernel gives back however the process ends.

use crate::pg::paths;
use pgrx::pg_sys;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const SLOT: &str = "slot_";
/// A file for each database that has a run waiting for a slot.
const WAITING: &str = "waiting_";

/// A slot, until it is dropped.
pub struct Slot {
    _file: OwnedFd,
}

/// Takes a free slot; `None` where `crm_ai.max_running` runs go on.
pub fn take() -> Option<Slot> {
    paths::make_own().ok()?;
    (0..crate::settings::max_running())
        .find_map(|number| lock(&paths::own(&format!("{SLOT}{number}"))))
}

/// The same, with a note left that the database waits where there is none. Looked at again after
/// the note: a slot that was given back before has found no note.
pub fn take_or_wait(database: pg_sys::Oid) -> Option<Slot> {
    take().or_else(|| {
        // Without the note the scheduler, or whoever waits for the run, starts it.
        let _ = std::fs::write(note(database), "");
        take()
    })
}

fn lock(path: &Path) -> Option<Slot> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).ok()?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(Slot { _file: file })
}

fn note(database: pg_sys::Oid) -> PathBuf {
    paths::own(&format!("{WAITING}{}", database.to_u32()))
}

/// Starts a worker in each other database that waits for a slot.
pub fn start_waiting(own: pg_sys::Oid) {
    for name in paths::list_own() {
        let number = name.strip_prefix(WAITING).and_then(|number| number.parse::<u32>().ok());
        let Some(database) = number.map(pg_sys::Oid::from) else { continue };
        if database == own || super::start(database) {
            let _ = std::fs::remove_file(note(database));
        }
    }
}
