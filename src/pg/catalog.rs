//! Catalogue look-ups of functions, and notification of their changes.

use super::majors;
use crate::error::{Error, Result};
use pgrx::pg_sys::{self, SysCacheIdentifier};
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::OnceLock;

/// `ClanguageId` of catalog/pg_language_d.h, which pgrx does not bind.
const C_LANGUAGE: pg_sys::Oid = pg_sys::Oid::from_u32(13);

/// A function of this library that may be called for rows ahead of others: it has no effects, is
/// strict, gives one value, and runs with the caller's rights and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFunction {
    /// Its symbol in the library.
    pub symbol: String,
    /// Number of arguments.
    pub arguments: usize,
}

/// The catalogue's entry of a function, if it is such a one.
pub fn own_function(function: pg_sys::Oid) -> Option<OwnFunction> {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return None; // one of the server's own
    }
    let cache = SysCacheIdentifier::PROCOID as i32;
    // SAFETY: the tuple is pg_proc's, and is read before it is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache, function.into());
        if tuple.is_null() {
            return None;
        }
        let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>();
        let mut found = None;
        let suits = row.prolang == C_LANGUAGE
            && row.prokind == pg_sys::PROKIND_FUNCTION as std::ffi::c_char
            && row.provolatile != pg_sys::PROVOLATILE_VOLATILE as std::ffi::c_char
            && row.proisstrict
            && !row.proretset
            && !row.prosecdef;
        let text = |column: u32| {
            let mut is_null = false;
            let value = pg_sys::SysCacheGetAttr(
                cache,
                tuple,
                column as pg_sys::AttrNumber,
                &raw mut is_null,
            );
            String::from_datum(value, is_null)
        };
        if suits && !has(cache, tuple, pg_sys::Anum_pg_proc_proconfig) {
            let library = text(pg_sys::Anum_pg_proc_probin).unwrap_or_default();
            if library.rsplit('/').next().unwrap_or_default().trim_end_matches(".so") == "crm_ai" {
                found = text(pg_sys::Anum_pg_proc_prosrc);
            }
        }
        let arguments = usize::try_from(row.pronargs).unwrap_or(0);
        pg_sys::ReleaseSysCache(tuple);
        Some(OwnFunction { symbol: found?, arguments })
    }
}

/// True if a column of a catalogue row is not NULL.
///
/// # Safety
/// The tuple must be one of that cache.
unsafe fn has(cache: i32, tuple: pg_sys::HeapTuple, column: u32) -> bool {
    let mut is_null = false;
    // SAFETY: as the caller promises.
    unsafe {
        pg_sys::SysCacheGetAttr(cache, tuple, column as pg_sys::AttrNumber, &raw mut is_null);
    }
    !is_null
}

/// Raises 42501 unless the present role may call the function, as every call would.
pub fn check_may_execute(function: pg_sys::Oid) {
    // SAFETY: catalogue look-ups by identity; the name is palloc'd and NUL-terminated, or NULL.
    unsafe {
        let right = pg_sys::ACL_EXECUTE as pg_sys::AclMode;
        let outcome = majors::function_aclcheck(function, pg_sys::GetUserId(), right);
        if outcome != pg_sys::AclResult::ACLCHECK_OK {
            let name = pg_sys::get_func_name(function);
            pg_sys::aclcheck_error(outcome, pg_sys::ObjectType::OBJECT_FUNCTION, name);
        }
        let hook = pg_sys::object_access_hook;
        if hook.is_some() {
            pg_sys::RunFunctionExecuteHook(function);
        }
    }
}

/// Callback for changes of functions.
static FUNCTIONS_CHANGED: OnceLock<fn()> = OnceLock::new();

/// Has `changed` called whenever `pg_proc` changes.
pub fn watch_functions(changed: fn()) {
    let _ = FUNCTIONS_CHANGED.set(changed);
    // SAFETY: called once, from `_PG_init`.
    unsafe {
        let cache = SysCacheIdentifier::PROCOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(cache, Some(functions_changed), 0.into());
    }
}

#[pg_guard]
extern "C-unwind" fn functions_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    if let Some(changed) = FUNCTIONS_CHANGED.get() {
        changed();
    }
}

thread_local! {
    /// Changes of tables and schemas since this process began to count them; 0 before.
    static TABLE_CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// A number that grows whenever any table's definition, or a schema, may have changed as this
/// process sees it.
pub fn table_changes() -> u64 {
    if TABLE_CHANGES.get() == 0 {
        TABLE_CHANGES.set(1);
        // SAFETY: done once; the callbacks stay in memory as the library does.
        unsafe {
            pg_sys::CacheRegisterRelcacheCallback(Some(table_changed), 0.into());
            let cache = SysCacheIdentifier::NAMESPACEOID as i32;
            pg_sys::CacheRegisterSyscacheCallback(cache, Some(schema_changed), 0.into());
        }
    }
    TABLE_CHANGES.get()
}

#[pg_guard]
extern "C-unwind" fn table_changed(_argument: pg_sys::Datum, _table: pg_sys::Oid) {
    TABLE_CHANGES.set(TABLE_CHANGES.get() + 1);
}

#[pg_guard]
extern "C-unwind" fn schema_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    TABLE_CHANGES.set(TABLE_CHANGES.get() + 1);
}

/// Result of an attempt to keep the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It stays until the transaction ends.
    Yes,
    /// It is not in the database.
    No,
    /// Somebody is dropping it.
    IsDropped,
}

/// Keeps the extension from being dropped until the transaction ends. Waits for whoever is dropping
/// it only where `waits` is said: nothing may be locked by then that a drop would wait for.
pub fn keep_extension(waits: bool) -> Kept {
    let find = || {
        // SAFETY: a catalogue look-up; a missing extension gives InvalidOid as asked for.
        unsafe { pg_sys::get_extension_oid(c"crm_ai".as_ptr(), true) }
    };
    let extension = find();
    if extension == pg_sys::InvalidOid {
        return Kept::No;
    }
    let (class, mode) = (pg_sys::ExtensionRelationId, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
    // SAFETY: a lock inside a transaction.
    let has_lock = unsafe {
        if waits {
            pg_sys::LockDatabaseObject(class, extension, 0, mode);
            true
        } else {
            pg_sys::ConditionalLockDatabaseObject(class, extension, 0, mode)
        }
    };
    match (has_lock, find() == extension) {
        (false, _) => Kept::IsDropped,
        (true, true) => Kept::Yes,
        (true, false) => Kept::No,
    }
}

/// Waits for the exclusive lock on a number of a table of ours, until the transaction ends. 42P01
/// where the table is gone.
pub fn lock_object(table: &CStr, object: pg_sys::Oid, part: u16) -> Result<()> {
    // SAFETY: catalogue look-ups by static names, and a lock inside a transaction.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true);
        let table = pg_sys::get_relname_relid(table.as_ptr(), schema);
        if table == pg_sys::InvalidOid {
            return Err(Error::undefined_table("the extension's tables are gone"));
        }
        let mode = pg_sys::ExclusiveLock as pg_sys::LOCKMODE;
        pg_sys::LockDatabaseObject(table, object, part, mode);
    }
    Ok(())
}

/// The planner's estimate of a table's rows; 0 where the table is gone.
pub fn estimated_rows(table: pg_sys::Oid) -> f64 {
    let (mut pages, mut rows, mut visible) = (0, 0.0, 0.0);
    // SAFETY: the relation is open, and locked, until its estimate is taken; widths are not asked
    // for.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::try_relation_open(table, lock);
        if !relation.is_null() {
            let widths = std::ptr::null_mut();
            let (pages, rows) = (&raw mut pages, &raw mut rows);
            pg_sys::estimate_rel_size(relation, widths, pages, rows, &raw mut visible);
            pg_sys::relation_close(relation, lock);
        }
    }
    rows
}

/// True if a function is in the schema of the operator functions.
pub fn is_operator_function(function: pg_sys::Oid) -> bool {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return false; // one of the server's own
    }
    // SAFETY: catalogue look-ups; what is missing gives InvalidOid.
    unsafe {
        let schema = pg_sys::get_func_namespace(function);
        schema != pg_sys::InvalidOid
            && schema == pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true)
    }
}

/// True if a role may call a function.
pub fn may_execute(function: pg_sys::Oid, role: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up of a function that is being called.
    unsafe {
        let right = pg_sys::ACL_EXECUTE as pg_sys::AclMode;
        majors::function_aclcheck(function, role, right) == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// The name of a function; `None` where it is gone.
pub fn function_name(function: pg_sys::Oid) -> Option<String> {
    // SAFETY: a palloc'd NUL-terminated name, or NULL.
    unsafe {
        let name = pg_sys::get_func_name(function);
        (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}
