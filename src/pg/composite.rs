//! Composite results whose type is the function's declared one.

use crate::error::{Error, Result};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;

/// An empty row of the type that the called function is declared to return. The type is taken
/// from the call, not looked up by name: its schema need not be in the caller's search path.
pub fn result_row(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<PgHeapTuple<'static, pgrx::AllocatedByRust>> {
    // SAFETY: pgrx passes the call's own structure; the server fills `flinfo` for every call.
    let row_type = unsafe { pg_sys::get_func_rettype((*(*fcinfo).flinfo).fn_oid) };
    PgHeapTuple::new_composite_type_by_oid(row_type)
        .map_err(|error| Error::internal(format!("result type: {error}")))
}

/// Sets one column of a result row.
pub fn set<T: IntoDatum>(
    row: &mut PgHeapTuple<'static, pgrx::AllocatedByRust>,
    column: &str,
    value: T,
) -> Result<()> {
    row.set_by_name(column, value)
        .map_err(|error| Error::internal(format!("result column {column}: {error}")))
}
