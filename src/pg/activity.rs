//! Progress of long operations, in shared memory: other sessions see how far an operation is before
//! it commits. Without preloading there is no such memory, and nothing is reported.
//!
//! An operation reports itself by [`begin`], whose guard ends the report, and by [`advance`]; a
//! process that exits takes its reports with it.

use super::{board, roles};
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use pgrx::{PGRXSharedMemory, PgLwLock, pg_shmem_init};
use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cleaning of a table, whose rows may be cleaned by several processes.
pub const CLEAN_TABLE: &str = "clean_table";

/// Most operations of one server that are reported at a time; further ones are not.
const REPORTS_MAX: usize = 128;
/// Bytes of a name.
const NAME_BYTES: usize = 32;
/// Units between two visits of the shared memory, where they come one by one.
const STRIDE: u64 = 64;

/// One operation.
#[derive(Default)]
struct Slot {
    /// 0 where the slot is free.
    pid: i32,
    database: u32,
    role: u32,
    /// 0 for none.
    relation: u32,
    /// 0 for none.
    run: i64,
    command: Name,
    phase: Name,
    unit: Name,
    total: Option<u64>,
    done: AtomicU64,
    /// Units of the phase that were done before it began.
    skipped: u64,
    started: pg_sys::TimestampTz,
    phase_started: pg_sys::TimestampTz,
}

/// A word of the program's own, cut to its first bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Name([u8; NAME_BYTES]);

impl Name {
    fn of(word: &'static str) -> Self {
        let mut name = Self::default();
        let length = word.len().min(NAME_BYTES);
        name.0[..length].copy_from_slice(&word.as_bytes()[..length]);
        name
    }

    fn read(self) -> String {
        String::from_utf8_lossy(&self.0).trim_end_matches('\0').to_owned()
    }
}

struct Reports([Slot; REPORTS_MAX]);

// SAFETY: numbers and bytes, without pointers.
unsafe impl PGRXSharedMemory for Reports {}

// SAFETY: the name is the extension's own.
static REPORTS: PgLwLock<Reports> = unsafe { PgLwLock::new(c"crm_ai_activity") };

thread_local! {
    /// The slot of this process's innermost operation.
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    /// Units that the shared memory was not told yet.
    static PENDING: Cell<u64> = const { Cell::new(0) };
    static CLEARS_AT_EXIT: Cell<bool> = const { Cell::new(false) };
}

/// Reserves the shared memory; only while the postmaster preloads libraries.
pub fn init() {
    pg_shmem_init!(REPORTS = Reports(std::array::from_fn(|_| Slot::default())));
}

/// A report, which ends when this is dropped, also by an error.
#[must_use]
pub struct Report {
    slot: Option<usize>,
    outer: Option<usize>,
}

/// Reports that this process begins an operation on `relation`, measured in `unit`s.
pub fn begin(command: &'static str, unit: &'static str, relation: Option<Oid>) -> Report {
    begin_slot(Slot {
        role: roles::current_user().to_u32(),
        relation: relation.map_or(0, Oid::to_u32),
        command: Name::of(command),
        unit: Name::of(unit),
        ..Slot::default()
    })
}

/// Reports that this process begins a training run of `role`.
pub fn begin_run(run: i64, role: Oid) -> Report {
    begin_slot(Slot { role: role.to_u32(), run, command: Name::of("train"), ..Slot::default() })
}

fn begin_slot(report: Slot) -> Report {
    let outer = OWN.get();
    let slot = if board::is_preloaded() { take_slot(report) } else { None };
    OWN.set(slot);
    PENDING.set(0);
    Report { slot, outer }
}

fn take_slot(report: Slot) -> Option<usize> {
    clear_at_exit();
    let now = now();
    let mut reports = REPORTS.exclusive();
    let place = reports.0.iter().position(|slot| slot.pid == 0)?;
    reports.0[place] = Slot {
        pid: own_pid(),
        database: board::own_database().to_u32(),
        started: now,
        phase_started: now,
        ..report
    };
    Some(place)
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(place) = self.slot {
            REPORTS.exclusive().0[place] = Slot::default();
        }
        OWN.set(self.outer);
        PENDING.set(0);
    }
}

/// Begins a phase of `total` units, of which `done` are done already.
pub fn phase(name: &'static str, unit: &'static str, total: Option<u64>, done: u64) {
    let Some(place) = OWN.get() else { return };
    let now = now();
    PENDING.set(0);
    let mut reports = REPORTS.exclusive();
    let slot = &mut reports.0[place];
    (slot.phase, slot.unit) = (Name::of(name), Name::of(unit));
    (slot.total, slot.skipped, slot.phase_started) = (total, done, now);
    *slot.done.get_mut() = done;
}

/// Reports that further units are done.
pub fn advance(units: u64) {
    let Some(place) = OWN.get() else { return };
    if let Some(pending) = due(units) {
        REPORTS.share().0[place].done.fetch_add(pending, Ordering::Relaxed);
    }
}

/// Reports how many units of the phase are done in all.
pub fn reach(done: u64) {
    let Some(place) = OWN.get() else { return };
    REPORTS.share().0[place].done.store(done, Ordering::Relaxed);
}

/// Reports that further units of the leader's operation are done, from whichever of the processes
/// of a parallel query; nothing where the leader is at no such operation.
pub fn advance_leader(command: &'static str, units: u64) {
    if !board::is_preloaded() {
        return;
    }
    let Some(pending) = due(units) else { return };
    let (leader, command) = (leader_pid(), Name::of(command));
    let reports = REPORTS.share();
    let slot = reports.0.iter().find(|slot| slot.pid == leader && slot.command == command);
    if let Some(slot) = slot {
        slot.done.fetch_add(pending, Ordering::Relaxed);
    }
}

/// The units that the shared memory is to be told now.
fn due(units: u64) -> Option<u64> {
    let pending = PENDING.get().saturating_add(units);
    let is_due = pending >= STRIDE;
    PENDING.set(if is_due { 0 } else { pending });
    is_due.then_some(pending)
}

/// An operation as it stands.
pub struct Progress {
    /// The process that works on it.
    pub pid: i32,
    /// Its database.
    pub database: Oid,
    /// The role on whose behalf it works.
    pub role: Oid,
    /// Name of the operation.
    pub command: String,
    /// The part of it that goes on now; empty for the whole.
    pub phase: String,
    /// The table that it works on.
    pub relation: Option<Oid>,
    /// The run that it is.
    pub run: Option<i64>,
    /// Unit of the counts.
    pub unit: String,
    /// Units done.
    pub done: u64,
    /// Units in all, where that is known.
    pub total: Option<u64>,
    /// Units done in a second.
    pub rate: Option<f64>,
    /// Start of the operation.
    pub started: pg_sys::TimestampTz,
}

impl Progress {
    fn of(slot: &Slot, now: pg_sys::TimestampTz) -> Self {
        let done = slot.done.load(Ordering::Relaxed);
        let seconds = (now - slot.phase_started) as f64 / 1e6;
        let fresh = done.saturating_sub(slot.skipped);
        Self {
            pid: slot.pid,
            database: Oid::from(slot.database),
            role: Oid::from(slot.role),
            command: slot.command.read(),
            phase: slot.phase.read(),
            relation: (slot.relation != 0).then(|| Oid::from(slot.relation)),
            run: (slot.run != 0).then_some(slot.run),
            unit: slot.unit.read(),
            done,
            // A total may be an estimate that has proved too low.
            total: slot.total.map(|total| total.max(done)),
            rate: (seconds > 0.0 && fresh > 0).then(|| fresh as f64 / seconds),
            started: slot.started,
        }
    }

    /// Seconds that are left at the pace so far.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.total?.checked_sub(self.done)?;
        Some(left as f64 / self.rate?)
    }
}

/// The operations of the whole server.
pub fn all() -> Vec<Progress> {
    if !board::is_preloaded() {
        return Vec::new();
    }
    let now = now();
    let reports = REPORTS.share();
    reports.0.iter().filter(|slot| slot.pid != 0).map(|slot| Progress::of(slot, now)).collect()
}

fn now() -> pg_sys::TimestampTz {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

fn own_pid() -> i32 {
    // SAFETY: a global of the process.
    unsafe { pg_sys::MyProcPid }
}

/// The process whose query this process works on.
fn leader_pid() -> i32 {
    // SAFETY: `MyProc` is set in every process that runs queries; a lock group's leader outlives
    // its members.
    unsafe {
        let leader = (*pg_sys::MyProc).lockGroupLeader;
        if leader.is_null() { own_pid() } else { (*leader).pid }
    }
}

fn clear_at_exit() {
    if !CLEARS_AT_EXIT.replace(true) {
        // SAFETY: registered once in this process, while shared memory is there.
        unsafe { pg_sys::before_shmem_exit(Some(clear), pg_sys::Datum::from(0)) };
    }
}

/// Ends the reports of a process that exits without unwinding.
#[pg_guard]
extern "C-unwind" fn clear(_code: c_int, _argument: pg_sys::Datum) {
    let pid = own_pid();
    for slot in REPORTS.exclusive().0.iter_mut().filter(|slot| slot.pid == pid) {
        *slot = Slot::default();
    }
}
