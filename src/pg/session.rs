//! Snapshot, settings and deadline of the present statement.

use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// Identity of the rows of the registry that the present statement sees: two equal keys in one
/// backend mean equal contents, for a commit that changes a row also changes which transactions a
/// new snapshot counts as ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotKey {
    /// Transactions below the first have ended, from the second on they had not begun.
    bounds: (u32, u32),
    /// Those between that had not ended.
    running: Vec<u32>,
}

/// The key of the active snapshot; `None` where nothing may be remembered, which is once the
/// present transaction has written: its own rows come and go with its savepoints.
pub fn snapshot_key() -> Option<SnapshotKey> {
    // SAFETY: the snapshot is read while it is active, and its arrays have the lengths it tells.
    unsafe {
        let wrote = pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId;
        if wrote || !pg_sys::ActiveSnapshotSet() {
            return None;
        }
        let snapshot = &*pg_sys::GetActiveSnapshot();
        let mut running = Vec::new();
        for (list, count) in [
            (snapshot.xip, snapshot.xcnt as usize),
            (snapshot.subxip, usize::try_from(snapshot.subxcnt).unwrap_or(0)),
        ] {
            if count > 0 {
                let list = std::slice::from_raw_parts(list, count);
                running.extend(list.iter().map(|xid| xid.into_inner()));
            }
        }
        Some(SnapshotKey {
            bounds: (snapshot.xmin.into_inner(), snapshot.xmax.into_inner()),
            running,
        })
    }
}

unsafe extern "C-unwind" {
    // utils/timeout.h, which pgrx does not bind.
    fn get_timeout_active(id: std::ffi::c_int) -> bool;
    fn get_timeout_finish_time(id: std::ffi::c_int) -> pg_sys::TimestampTz;
}
/// `STATEMENT_TIMEOUT` of the header's enumeration, the same from PostgreSQL 9.3 on.
const STATEMENT_TIMEOUT: std::ffi::c_int = 3;

/// Memory that `maintenance_work_mem` allows, in bytes.
pub fn maintenance_memory() -> usize {
    // SAFETY: a setting, which only the present thread changes.
    let kilobytes = unsafe { pg_sys::maintenance_work_mem };
    usize::try_from(kilobytes).unwrap_or(0).saturating_mul(1024)
}

/// Milliseconds until `statement_timeout` ends the present statement; `None` when it does not.
pub fn statement_ms_left() -> Option<u64> {
    // SAFETY: the timeout module is set up in every backend; these calls only read it.
    let microseconds = unsafe {
        if !get_timeout_active(STATEMENT_TIMEOUT) {
            return None;
        }
        get_timeout_finish_time(STATEMENT_TIMEOUT) - pg_sys::GetCurrentTimestamp()
    };
    Some(u64::try_from(microseconds / 1000).unwrap_or(0))
}

/// Runs `work` under a snapshot that sees what the present command has written so far, which the
/// statement's own does not.
pub fn seeing_own_writes<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: called inside a transaction; the snapshot is popped below, or by the abort that an
    // ERROR brings.
    unsafe {
        pg_sys::CommandCounterIncrement();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
    }
    let value = work();
    // SAFETY: pops what was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    value
}

/// Runs `work` under a snapshot of this very moment, whatever the transaction's isolation level.
pub fn seeing_latest<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: called inside a transaction; the snapshot is popped below, or by the abort that an
    // ERROR brings.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot()) };
    let value = work();
    // SAFETY: pops what was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    value
}

/// True if the present statement is nothing but a call of the present function: it reads no table,
/// and evaluates nothing after the call, so that the snapshot it began with is of no more use.
pub fn is_sole_call(fcinfo: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: the portal that runs is alive, and its plan with it; nodes are read by their tags.
    unsafe {
        let portal = pg_sys::ActivePortal;
        let keeps_one = pg_sys::XactIsoLevel > pg_sys::XACT_READ_COMMITTED as i32;
        if portal.is_null()
            || (*portal).queryDesc.is_null()
            || keeps_one
            // Such as a cursor's.
            || !pg_sys::ThereAreNoPriorRegisteredSnapshots()
        {
            return false;
        }
        let query = &*(*portal).queryDesc;
        let statement = &*query.plannedstmt;
        let plan = statement.planTree;
        let reads_nothing = (*plan).type_ == pg_sys::NodeTag::T_Result
            && (*plan).lefttree.is_null()
            && (*plan).qual.is_null()
            && (*plan.cast::<pg_sys::Result>()).resconstantqual.is_null()
            && statement.subplans.is_null()
            && statement.relationOids.is_null();
        let targets = (*plan).targetlist;
        if !reads_nothing || targets.is_null() || (*targets).length != 1 {
            return false;
        }
        let target = &*pg_sys::list_nth(targets, 0).cast::<pg_sys::TargetEntry>();
        // The very expression that is being evaluated, not another call of the same function.
        target.expr.cast::<pg_sys::Node>() == (*(*fcinfo).flinfo).fn_expr
            && pg_sys::GetActiveSnapshot() == query.snapshot
    }
}

/// Gives up the hold that this session has on old rows, which VACUUM then can remove. Only where
/// [`is_sole_call`] holds, and nothing else reads under an older snapshot. The next snapshot that
/// is taken gives it a hold again.
pub fn hold_no_rows() {
    // SAFETY: what the server itself does when the last snapshot of a session is given back.
    unsafe { (*pg_sys::MyProc).xmin = pg_sys::InvalidTransactionId }
}

/// True if the server is a standby.
pub fn is_in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Settings under which values of every type, written as text, are read back as they were,
/// whatever the settings are then.
pub const PLAIN_FORMS: [(&CStr, &str); 3] =
    [(c"DateStyle", "ISO"), (c"IntervalStyle", "postgres"), (c"extra_float_digits", "3")];

/// Runs `work` under [`PLAIN_FORMS`].
pub fn in_plain_forms<T>(work: impl FnOnce() -> T) -> T {
    with_settings(&PLAIN_FORMS, work)
}

/// Runs `work` under settings of its own.
pub fn with_settings<T>(settings: &[(&CStr, &str)], work: impl FnOnce() -> T) -> T {
    let level = GucLevel::begin(settings);
    let value = work();
    level.end();
    value
}

/// Settings that hold until the level ends. An ERROR that passes through ends it with the
/// (sub)transaction that it aborts.
pub struct GucLevel(i32);

impl GucLevel {
    /// Sets the settings.
    pub fn begin<T: AsRef<str>>(settings: &[(&CStr, T)]) -> Self {
        // SAFETY: inside a transaction; ended by `end`, or by the abort that an ERROR brings.
        let level = Self(unsafe { pg_sys::NewGUCNestLevel() });
        for (name, value) in settings {
            level.set(name, value.as_ref());
        }
        level
    }

    fn set(&self, name: &CStr, value: &str) {
        let value = CString::new(value).unwrap_or_default();
        // SAFETY: inside the level; the strings outlive the call, which copies what it keeps.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }

    /// Takes back these settings and whatever else was set meanwhile.
    pub fn end(self) {
        // SAFETY: ends the level that `begin` began.
        unsafe { pg_sys::AtEOXact_GUC(false, self.0) }
    }
}

/// Raises 25006 on a standby and in a read-only transaction; `act` names what was tried.
pub fn prevent_if_read_only(act: &str) {
    let act = CString::new(act).unwrap_or_default();
    // SAFETY: the string outlives the calls, which copy it into the error.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(act.as_ptr());
        pg_sys::PreventCommandDuringRecovery(act.as_ptr());
    }
}
