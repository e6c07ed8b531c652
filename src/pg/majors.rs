//! Differences between PostgreSQL's major versions, each under one name.
//!
//! Functions have the safety rules of what they stand for.

use pgrx::pg_sys;
use pgrx::pg_sys::Oid;
use std::ffi::{c_int, c_void};

/// Checks a right of `user` on a function.
pub unsafe fn function_aclcheck(
    function: Oid,
    user: Oid,
    right: pg_sys::AclMode,
) -> pg_sys::AclResult::Type {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_proc_aclcheck(function, user, right);
        #[cfg(not(feature = "pg15"))]
        return pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, user, right);
    }
}

/// True if `user` may act as the owner of a table or other relation.
pub unsafe fn table_ownercheck(table: Oid, user: Oid) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_class_ownercheck(table, user);
        #[cfg(not(feature = "pg15"))]
        return pg_sys::object_ownercheck(pg_sys::RelationRelationId, table, user);
    }
}

/// Installs a signal handler.
pub unsafe fn handle_signal(signal: c_int, handler: unsafe extern "C-unwind" fn(c_int)) {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal, Some(handler));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal, Some(handler));
    }
}

/// The place of this process among all of the server's.
pub unsafe fn own_place() -> i32 {
    // SAFETY: the caller's promise; `MyProc` lies in the array that `allProcs` is.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return (*pg_sys::MyProc).pgprocno;
        #[cfg(feature = "pg18")]
        return pg_sys::MyProc.offset_from((*pg_sys::ProcGlobal).allProcs) as i32;
    }
}

/// True if a process is a background worker.
pub unsafe fn is_background_worker(process: *const pg_sys::PGPROC) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return (*process).isBackgroundWorker;
        #[cfg(feature = "pg18")]
        return !(*process).isRegularBackend;
    }
}

/// A function that makes a node of a node.
pub type Mutator = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;

/// A copy of an expression in which the nodes right below are those that `mutator` makes.
pub unsafe fn mutate(
    node: *mut pg_sys::Node,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise; before 16 the mutator is declared without its parameters and
    // called with them.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            let mutator: unsafe extern "C-unwind" fn() -> *mut pg_sys::Node =
                std::mem::transmute(mutator);
            pg_sys::expression_tree_mutator(node, Some(mutator), context)
        }
        #[cfg(not(feature = "pg15"))]
        pg_sys::expression_tree_mutator_impl(node, Some(mutator), context)
    }
}

/// A function that looks at a node and tells whether it has seen enough.
pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

unsafe extern "C-unwind" {
    // nodes/nodeFuncs.h, which pgrx does not bind.
    /// Walks over the nodes right below one of a tree that is parsed and not analysed.
    #[cfg_attr(not(feature = "pg15"), link_name = "raw_expression_tree_walker_impl")]
    pub fn raw_expression_tree_walker(
        node: *mut pg_sys::Node,
        walker: Walker,
        context: *mut c_void,
    ) -> bool;
}

/// A column of a row type by its number, from 0 on.
pub unsafe fn attribute(
    row: pg_sys::TupleDesc,
    number: usize,
) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return (*row).attrs.as_ptr().add(number);
        #[cfg(feature = "pg18")]
        return pg_sys::TupleDescAttr(row, number as c_int);
    }
}

/// A set of events for the life of the process, until it is freed.
pub unsafe fn lasting_event_set(events: c_int) -> *mut pg_sys::WaitEventSet {
    // SAFETY: the caller's promise; without an owner a set lasts.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return pg_sys::CreateWaitEventSet(pg_sys::TopMemoryContext, events);
        #[cfg(feature = "pg18")]
        return pg_sys::CreateWaitEventSet(std::ptr::null_mut(), events);
    }
}

/// Ends the process.
pub unsafe fn exit(code: c_int) -> ! {
    // SAFETY: the caller's promise. It is declared to return in some versions, and never does.
    #[allow(unreachable_code, reason = "declared as diverging by some versions only")]
    unsafe {
        pg_sys::proc_exit(code);
        std::process::abort()
    }
}
