//! Who runs the present statement, what it sees, and when it must end.

use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// The role whose rights count at present.
pub fn current_user() -> pg_sys::Oid {
    // SAFETY: reads a global of the backend.
    unsafe { pg_sys::GetUserId() }
}

/// The role's name; `None` where it was dropped.
pub fn role_name(role: pg_sys::Oid) -> Option<String> {
    // SAFETY: a missing role gives NULL as asked for; else a palloc'd NUL-terminated name.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() {
            return None;
        }
        Some(CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// Whether `user` has the rights of `role`, as `pg_has_role(user, role, 'USAGE')` tells; of no role
/// that was dropped.
pub fn has_rights_of(user: pg_sys::Oid, role: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { pg_sys::has_privs_of_role(user, role) }
}

/// Whether `user` has the rights of the role `crm_ai_admin`.
pub fn is_administrator(user: pg_sys::Oid) -> bool {
    // SAFETY: a missing role gives InvalidOid as asked for, whose rights only a superuser has.
    let role = unsafe { pg_sys::get_role_oid(c"crm_ai_admin".as_ptr(), true) };
    has_rights_of(user, role)
}

/// Whether `user` may act as the owner of a table or other relation.
pub fn owns_table(user: pg_sys::Oid, table: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up; a missing table raises an ERROR.
    unsafe { pg_sys::pg_class_ownercheck(table, user) }
}

/// What decides which rows of the registry the present statement sees: two equal keys in one
/// backend mean equal contents, for a commit that changes a row also changes which transactions
/// a new snapshot counts as ended.
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

/// Whether the present statement is nothing but a call of the present function: it reads no table,
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

/// Whether the server is a standby.
pub fn is_in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Runs `work` with the rights of the extension's owner and a search path that no caller can bend,
/// which is how the registry is read and written while it is granted to nobody.
pub fn as_owner<T>(work: impl FnOnce() -> T) -> T {
    let _guard = OwnerRights::take();
    work()
}

/// The owner's rights until dropped, be it by a return or by an ERROR passing through.
struct OwnerRights {
    user: pg_sys::Oid,
    context: i32,
    nest_level: i32,
}

impl OwnerRights {
    fn take() -> Self {
        let owner = registry_owner();
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        // SAFETY: the pair of calls is the server's own way to act as another role; `drop`
        // undoes both, and an aborting transaction would undo them too.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
            pg_sys::SetUserIdAndSecContext(
                owner,
                context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32,
            );
            let nest_level = pg_sys::NewGUCNestLevel();
            let guard = Self { user, context, nest_level };
            save_setting(c"search_path", "pg_catalog, pg_temp");
            guard
        }
    }
}

impl Drop for OwnerRights {
    fn drop(&mut self) {
        // While an ERROR passes through, the abort of the (sub)transaction restores both, and
        // calling into the server is not safe.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: restores what `take` saved.
        unsafe {
            pg_sys::AtEOXact_GUC(true, self.nest_level);
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

/// Runs `work` as another role, with settings of its own, in a context from which it cannot take a
/// third role, nor leave anything behind in the session. What users wrote runs in it: triggers,
/// policies, expressions of their tables.
pub fn as_role<T>(role: pg_sys::Oid, settings: &[(&CStr, &str)], work: impl FnOnce() -> T) -> T {
    let _guard = RestrictedRights::take(role, settings);
    work()
}

/// Another role's rights until dropped.
struct RestrictedRights {
    user: pg_sys::Oid,
    context: i32,
    nest_level: i32,
}

impl RestrictedRights {
    fn take(role: pg_sys::Oid, settings: &[(&CStr, &str)]) -> Self {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        // SAFETY: as in `OwnerRights`; this pair of flags is what the server itself sets to run
        // what users wrote, as in REINDEX.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
            pg_sys::SetUserIdAndSecContext(
                role,
                context
                    | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32
                    | pg_sys::SECURITY_RESTRICTED_OPERATION as i32,
            );
            let nest_level = pg_sys::NewGUCNestLevel();
            let guard = Self { user, context, nest_level };
            for (name, value) in settings {
                save_setting(name, value);
            }
            guard
        }
    }
}

impl Drop for RestrictedRights {
    fn drop(&mut self) {
        // As in `OwnerRights`.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: restores what `take` saved; settings that the work has changed are taken back.
        unsafe {
            pg_sys::AtEOXact_GUC(false, self.nest_level);
            pg_sys::SetUserIdAndSecContext(self.user, self.context);
        }
    }
}

/// Settings under which values of every type, written as text, are read back as they were,
/// whatever the settings are then.
pub const PLAIN_FORMS: [(&CStr, &str); 3] =
    [(c"DateStyle", "ISO"), (c"IntervalStyle", "postgres"), (c"extra_float_digits", "3")];

/// Runs `work` under [`PLAIN_FORMS`].
pub fn in_plain_forms<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: what is saved in the new level is taken back below, or by the abort that an ERROR
    // brings.
    let nest_level = unsafe { pg_sys::NewGUCNestLevel() };
    for (name, value) in PLAIN_FORMS {
        // SAFETY: inside the level begun above.
        unsafe { save_setting(name, value) };
    }
    let value = work();
    // SAFETY: ends the level begun above.
    unsafe { pg_sys::AtEOXact_GUC(true, nest_level) };
    value
}

/// Sets a setting until its level ends.
///
/// # Safety
/// Inside a level begun by `NewGUCNestLevel`.
pub(super) unsafe fn save_setting(name: &CStr, value: &str) {
    let value = CString::new(value).unwrap_or_default();
    // SAFETY: the strings outlive the call, which copies what it keeps.
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

/// Owner of the registry's tables, who is the extension's.
fn registry_owner() -> pg_sys::Oid {
    // SAFETY: catalogue look-ups by static names; a missing object gives InvalidOid, with which
    // the search finds nothing and the present user stays.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true);
        let table = pg_sys::get_relname_relid(c"model".as_ptr(), schema);
        let tuple = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::RELOID as i32,
            pg_sys::Datum::from(table),
        );
        if tuple.is_null() {
            return pg_sys::GetUserId();
        }
        let owner = (*(pg_sys::GETSTRUCT(tuple) as *const pg_sys::FormData_pg_class)).relowner;
        pg_sys::ReleaseSysCache(tuple);
        owner
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
