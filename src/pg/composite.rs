//! Composite results whose type is the function's declared one.

use crate::error::{Error, Result};
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;

/// A row that is being filled.
pub type Row = PgHeapTuple<'static, pgrx::AllocatedByRust>;

/// The type that the called function is declared to return. It is taken from the call, not looked
/// up by name: its schema need not be in the caller's search path.
pub fn result_type(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Oid {
    // SAFETY: pgrx passes the call's own structure; the server fills `flinfo` for every call.
    unsafe { pg_sys::get_func_rettype((*(*fcinfo).flinfo).fn_oid) }
}

/// An empty row of the type that the called function is declared to return.
pub fn result_row(fcinfo: pg_sys::FunctionCallInfo) -> Result<Row> {
    row_of_type(result_type(fcinfo))
}

/// An empty row of a composite type.
pub fn row_of_type(row_type: pg_sys::Oid) -> Result<Row> {
    PgHeapTuple::new_composite_type_by_oid(row_type)
        .map_err(|error| Error::internal(format!("result type: {error}")))
}

/// Sets one column of a result row.
pub fn set<T: IntoDatum>(row: &mut Row, column: &str, value: T) -> Result<()> {
    row.set_by_name(column, value)
        .map_err(|error| Error::internal(format!("result column {column}: {error}")))
}
