//! Shared memory of the launcher, the schedulers and the backends of all databases: databases that
//! need a scheduler, and processes to wake.
//!
//! It holds nothing that outlives the server; what does is in the catalogue
//! (`docs/decisions/0008-schedulers-registered-as-a-database-setting.md`).

use super::majors;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use pgrx::{PGRXSharedMemory, PgLwLock, pg_shmem_init};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Most databases of one server that can have a scheduler.
pub const DATABASES_MAX: usize = 64;

/// State of one database.
#[derive(Default)]
struct Slot {
    /// 0 where the slot is free.
    database: u32,
    /// True if a scheduler is to run there.
    wanted: bool,
    /// The scheduler, while one runs.
    worker: Option<Process>,
    /// Number of announcements of work, modulo 2^32.
    announced: AtomicU32,
    /// The watch whose batch the scheduler is at; 0 for none.
    watch: i32,
}

/// A process by its id, and its place in the server's array of processes. Whoever takes the place
/// later is woken once too often, which every process is prepared for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Process {
    place: i32,
    pid: i32,
}

struct Board {
    launcher: Option<Process>,
    slots: [Slot; DATABASES_MAX],
}

// SAFETY: numbers, without pointers.
unsafe impl PGRXSharedMemory for Board {}

// SAFETY: the name is the extension's own.
static BOARD: PgLwLock<Board> = unsafe { PgLwLock::new(c"crm_ai_board") };
/// Set in the postmaster and inherited by every process.
static PRELOADED: AtomicBool = AtomicBool::new(false);

/// Reserves the shared memory; only while the postmaster preloads libraries.
pub fn init() {
    PRELOADED.store(true, Ordering::Relaxed);
    pg_shmem_init!(
        BOARD = Board { launcher: None, slots: std::array::from_fn(|_| Slot::default()) }
    );
}

/// True if the library was preloaded, without which there are no schedulers.
pub fn is_preloaded() -> bool {
    PRELOADED.load(Ordering::Relaxed)
}

/// The database of this session.
pub fn own_database() -> Oid {
    // SAFETY: a global of the backend.
    unsafe { pg_sys::MyDatabaseId }
}

fn this_process() -> Process {
    // SAFETY: set before any of our code runs in a process that has shared memory.
    unsafe { Process { place: majors::own_place(), pid: pg_sys::MyProcPid } }
}

impl Process {
    fn wake(self) {
        // SAFETY: places were filled in by live processes and the array is never moved.
        unsafe {
            let processes = &*pg_sys::ProcGlobal;
            if u32::try_from(self.place).is_ok_and(|place| place < processes.allProcCount) {
                let process = processes.allProcs.add(self.place as usize);
                pg_sys::SetLatch(&raw mut (*process).procLatch);
            }
        }
    }
}

impl Board {
    fn slot(&mut self, database: Oid) -> Option<&mut Slot> {
        let database = database.to_u32();
        let known = self.slots.iter().position(|slot| slot.database == database);
        let place = known.or_else(|| self.slots.iter().position(|slot| slot.database == 0))?;
        let slot = &mut self.slots[place];
        if slot.database != database {
            *slot = Slot { database, ..Slot::default() };
        }
        Some(slot)
    }
}

/// Announces work in a database: wakes its scheduler, or whoever will start it. `false` where
/// [`DATABASES_MAX`] others have one.
pub fn request(database: Oid) -> bool {
    if !is_preloaded() {
        return false;
    }
    {
        // Each commit that makes work comes here, so it must not wait for others that do.
        let board = BOARD.share();
        let known = |slot: &&Slot| slot.database == database.to_u32() && slot.wanted;
        let running = board.slots.iter().find(known).and_then(|slot| Some((slot, slot.worker?)));
        if let Some((slot, worker)) = running {
            slot.announced.fetch_add(1, Ordering::Release);
            worker.wake();
            return true;
        }
    }
    let mut board = BOARD.exclusive();
    let launcher = board.launcher;
    let Some(slot) = board.slot(database) else { return false };
    slot.wanted = true;
    slot.announced.fetch_add(1, Ordering::Release);
    if let Some(process) = slot.worker.or(launcher) {
        process.wake();
    }
    true
}

/// The number of announcements of work in this scheduler's database.
pub fn announced() -> u32 {
    let this = Some(this_process());
    let board = BOARD.share();
    let slot = board.slots.iter().find(|slot| slot.worker == this);
    slot.map_or(0, |slot| slot.announced.load(Ordering::Acquire))
}

/// Notes which watch's batch this scheduler is at; 0 for none.
pub fn note_watch(watch: i32) {
    let this = Some(this_process());
    if let Some(slot) = BOARD.exclusive().slots.iter_mut().find(|slot| slot.worker == this) {
        slot.watch = watch;
    }
}

/// Has the scheduler of this database give up the batch that it is at, if it is that watch's.
pub fn interrupt_watch(watch: i32) {
    if !is_preloaded() {
        return;
    }
    let database = own_database().to_u32();
    let at_it = |slot: &&Slot| slot.database == database && slot.watch == watch;
    if let Some(process) = BOARD.share().slots.iter().find(at_it).and_then(|slot| slot.worker) {
        interrupt(process.pid);
    }
}

/// Interrupts a process if it still is a background worker of this database: its number may be
/// another's by now. Raises nothing.
pub fn interrupt(pid: i32) {
    // SAFETY: the entry is in shared memory, which outlives this process; the look-up takes and
    // releases a lock and raises nothing.
    let is_worker = unsafe {
        let process = pg_sys::BackendPidGetProc(pid);
        !process.is_null()
            && majors::is_background_worker(process)
            && (*process).databaseId == pg_sys::MyDatabaseId
    };
    if let (true, Some(pid)) = (is_worker, rustix::process::Pid::from_raw(pid)) {
        // It may have ended just now.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}

/// Says whether a scheduler is to run on, before it looks for work for the last time and after it
/// has found some.
pub fn set_wanted(database: Oid, wanted: bool) {
    if let Some(slot) = BOARD.exclusive().slot(database) {
        slot.wanted = wanted;
    }
}

/// The databases that want a scheduler, each with whether one runs.
pub fn wanted() -> Vec<(Oid, bool)> {
    let board = BOARD.share();
    let wanted = board.slots.iter().filter(|slot| slot.database != 0 && slot.wanted);
    wanted.map(|slot| (Oid::from(slot.database), slot.worker.is_some())).collect()
}

/// Frees the slot of a database that is no more.
pub fn forget(database: Oid) {
    let mut board = BOARD.exclusive();
    let gone = |slot: &&mut Slot| slot.database == database.to_u32() && slot.worker.is_none();
    if let Some(slot) = board.slots.iter_mut().find(gone) {
        *slot = Slot::default();
    }
}

/// Makes this process the launcher, which requests wake, until it ends.
pub fn attach_launcher() {
    BOARD.exclusive().launcher = Some(this_process());
    // SAFETY: runs once, in this process, while shared memory is there.
    unsafe { pg_sys::before_shmem_exit(Some(detach), pg_sys::Datum::from(0)) };
}

/// Makes this process a database's scheduler until it ends; `false` where another one is.
pub fn attach_worker(database: Oid) -> bool {
    let mut board = BOARD.exclusive();
    let Some(slot) = board.slot(database).filter(|slot| slot.worker.is_none()) else {
        return false;
    };
    slot.worker = Some(this_process());
    drop(board);
    // SAFETY: as above.
    unsafe { pg_sys::before_shmem_exit(Some(detach), pg_sys::Datum::from(0)) };
    true
}

/// Takes this process off the board and tells the launcher.
#[pg_guard]
extern "C-unwind" fn detach(_code: std::ffi::c_int, _argument: pg_sys::Datum) {
    let this = Some(this_process());
    let mut board = BOARD.exclusive();
    if board.launcher == this {
        board.launcher = None;
    }
    for slot in board.slots.iter_mut().filter(|slot| slot.worker == this) {
        slot.worker = None;
        slot.watch = 0;
    }
    if let Some(launcher) = board.launcher {
        launcher.wake();
    }
}
