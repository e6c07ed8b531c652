//! Roles: whose rights count, and acting as another one.

use super::majors;
use crate::pg::session::GucLevel;
use pgrx::pg_sys;
use pgrx::pg_sys::Oid;
use std::ffi::CStr;

/// The role whose rights count at present.
pub fn current_user() -> Oid {
    // SAFETY: reads a global of the backend.
    unsafe { pg_sys::GetUserId() }
}

/// The role's name; `None` where it was dropped.
pub fn role_name(role: Oid) -> Option<String> {
    // SAFETY: a missing role gives NULL as asked for; else a palloc'd NUL-terminated name.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() {
            return None;
        }
        Some(CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// True if `user` has the rights of `role`, as `pg_has_role(user, role, 'USAGE')` tells; of no role
/// that was dropped.
pub fn has_rights_of(user: Oid, role: Oid) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { pg_sys::has_privs_of_role(user, role) }
}

/// True if `user` may `SET ROLE` to `role`.
pub fn can_set_role(user: Oid, role: Oid) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { pg_sys::is_member_of_role(user, role) }
}

/// True if `user` has the rights of the role `crm_ai_admin`.
pub fn is_administrator(user: Oid) -> bool {
    has_rights_of_named(user, c"crm_ai_admin")
}

/// True if `user` may see figures that depend on what other roles do: an administrator, or a member
/// of `pg_monitor`.
pub fn is_monitor(user: Oid) -> bool {
    is_administrator(user) || has_rights_of_named(user, c"pg_monitor")
}

/// True if `user` may see what a session of `role` does, as in `pg_stat_activity`.
pub fn sees_activity_of(user: Oid, role: Oid) -> bool {
    has_rights_of(user, role) || has_rights_of_named(user, c"pg_read_all_stats")
}

fn has_rights_of_named(user: Oid, role: &CStr) -> bool {
    // InvalidOid stands for a missing role, whose rights only a superuser has.
    has_rights_of(user, named(role).unwrap_or(pg_sys::InvalidOid))
}

/// The role of that name; `None` where there is none.
pub fn named(role: &CStr) -> Option<Oid> {
    // SAFETY: a missing role gives InvalidOid as asked for.
    let role = unsafe { pg_sys::get_role_oid(role.as_ptr(), true) };
    (role != pg_sys::InvalidOid).then_some(role)
}

/// True if `user` may act as the owner of a table or other relation.
pub fn owns_table(user: Oid, table: Oid) -> bool {
    // SAFETY: a catalogue look-up; a missing table raises an ERROR.
    unsafe { majors::table_ownercheck(table, user) }
}

/// The owner of a table or other relation; `None` where there is no such relation.
pub fn table_owner(table: Oid) -> Option<Oid> {
    // SAFETY: the tuple is pg_class's, and is read before it is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(
            pg_sys::SysCacheIdentifier::RELOID as i32,
            pg_sys::Datum::from(table),
        );
        if tuple.is_null() {
            return None;
        }
        let owner = (*(pg_sys::GETSTRUCT(tuple) as *const pg_sys::FormData_pg_class)).relowner;
        pg_sys::ReleaseSysCache(tuple);
        Some(owner)
    }
}

/// The role that writes a table on behalf of `user`: the table's owner where `user` may `SET ROLE`
/// to it, as logical replication does, so that triggers and constraints of the table run with no
/// more than its owner's rights; else `user` with its own grants.
pub fn writer_of(table: Oid, user: Oid) -> Oid {
    table_owner(table).filter(|owner| can_set_role(user, *owner)).unwrap_or(user)
}

/// Runs `work` with the rights of the extension's owner and a search path that no caller can bend,
/// which is how the registry is read and written while it is granted to nobody.
pub fn as_owner<T>(work: impl FnOnce() -> T) -> T {
    let guard = Acting::begin(registry_owner(), pg_sys::SECURITY_LOCAL_USERID_CHANGE);
    let level = GucLevel::begin(&[(c"search_path", "pg_catalog, pg_temp")]);
    let value = work();
    level.end();
    guard.end();
    value
}

/// Runs `work` with the rights of `role`. Only where nothing that users wrote is run.
pub fn acting_as<T>(role: Oid, work: impl FnOnce() -> T) -> T {
    let guard = Acting::begin(role, pg_sys::SECURITY_LOCAL_USERID_CHANGE);
    let value = work();
    guard.end();
    value
}

/// Runs `work` as `role` where what users wrote is run: triggers, policies, expressions of tables.
/// Unless `role` is the present one, it can neither take a third role nor leave anything behind in
/// the session.
pub fn as_untrusted<T>(role: Oid, work: impl FnOnce() -> T) -> T {
    if role == current_user() { work() } else { as_restricted(role, work) }
}

/// The same whoever the role is. Settings that the code changes are taken back.
pub fn as_restricted<T>(role: Oid, work: impl FnOnce() -> T) -> T {
    let flags = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
    let guard = Acting::begin(role, flags);
    let level = GucLevel::begin::<&str>(&[]);
    let value = work();
    level.end();
    guard.end();
    value
}

/// Another role's rights, until they are given back. An ERROR that passes through gives them back
/// with the (sub)transaction that it aborts.
struct Acting {
    user: Oid,
    context: i32,
}

impl Acting {
    fn begin(role: Oid, flags: u32) -> Self {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        // SAFETY: the pair of calls is the server's own way to act as another role.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut user, &raw mut context);
            pg_sys::SetUserIdAndSecContext(role, context | flags as i32);
        }
        Self { user, context }
    }

    fn end(self) {
        // SAFETY: restores what `begin` saved.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) }
    }
}

/// Owner of the registry's tables, who is the extension's; the present role where there is none.
fn registry_owner() -> Oid {
    // SAFETY: catalogue look-ups by static names; a missing object gives InvalidOid.
    let table = unsafe {
        let schema = pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true);
        pg_sys::get_relname_relid(c"model".as_ptr(), schema)
    };
    table_owner(table).unwrap_or_else(current_user)
}
