//! The new row of a trigger, its columns read and changed as text.

use crate::error::{Error, Result};
use crate::pg::memory;
use crate::pg::types::Base;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;
use pgrx::{AllocatedByPostgres, PgTupleDesc};
use std::ffi::{CStr, CString};
use std::num::NonZeroUsize;

/// The row that an INSERT or UPDATE is about to write.
pub struct NewRow<'a> {
    tuple: pg_sys::HeapTuple,
    /// The row that an UPDATE replaces; NULL in an INSERT.
    old: pg_sys::HeapTuple,
    description: PgTupleDesc<'a>,
}

/// A column of the trigger's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    number: NonZeroUsize,
    type_oid: pg_sys::Oid,
    modifier: i32,
    /// True if its values are computed from other columns, after this trigger.
    pub is_computed: bool,
}

impl Column {
    /// The type behind it.
    pub fn base(self) -> Base {
        Base::of(self.type_oid, self.modifier)
    }

    fn number(self) -> i32 {
        i32::try_from(self.number.get()).unwrap_or_default()
    }
}

impl<'a> NewRow<'a> {
    /// The row; `None` for a trigger that is not fired for each row by INSERT or UPDATE.
    pub fn of(trigger: &'a PgTrigger<'a>) -> Option<Self> {
        let tuple = trigger.new()?.into_pg();
        let relation = trigger.relation().ok()?;
        let description = relation.tuple_desc();
        // SAFETY: the description is the relation's own, which stays open while the trigger runs.
        let description = unsafe { PgTupleDesc::from_pg_unchecked(description.as_ptr()) };
        let old = trigger.old().map_or(std::ptr::null_mut(), PgHeapTuple::into_pg);
        Some(Self { tuple, old, description })
    }

    /// True if a column's value is another than in the row that is replaced, or there is none.
    pub fn is_changed(&self, column: Column) -> bool {
        self.old.is_null() || self.text_of(self.old, column) != self.text(column)
    }

    /// The column of that exact name.
    pub fn column(&self, name: &str) -> Option<Column> {
        let (index, attribute) = self
            .description
            .iter()
            .enumerate()
            .find(|(_, attribute)| !attribute.attisdropped && attribute.name() == name)?;
        Some(Column {
            number: NonZeroUsize::new(index + 1)?,
            type_oid: attribute.atttypid,
            modifier: attribute.atttypmod,
            is_computed: attribute.attgenerated != 0,
        })
    }

    /// A column in its text form; `None` for NULL.
    pub fn text(&self, column: Column) -> Option<String> {
        self.text_of(self.tuple, column)
    }

    fn text_of(&self, tuple: pg_sys::HeapTuple, column: Column) -> Option<String> {
        // SAFETY: tuple and description belong together; the string is palloc'd or NULL.
        unsafe {
            let value = pg_sys::SPI_getvalue(tuple, self.description.as_ptr(), column.number());
            if value.is_null() {
                return None;
            }
            Some(memory::copy(CStr::from_ptr(value)))
        }
    }

    /// The row with other values in some columns, each read by its type's input function, which
    /// raises the server's own ERROR for what the type cannot hold.
    pub fn with(self, changes: &[(Column, Option<String>)]) -> Result<Self> {
        let mut numbers: Vec<i32> = Vec::new();
        let mut values = Vec::new();
        let mut nulls = Vec::new();
        for (column, value) in changes {
            numbers.push(column.number());
            nulls.push(value.is_none());
            values.push(match value {
                Some(value) => input(*column, value)?,
                None => pg_sys::Datum::from(0),
            });
        }
        // SAFETY: the arrays have as many elements as is said; the numbers are the row's columns.
        let tuple = unsafe {
            pg_sys::heap_modify_tuple_by_cols(
                self.tuple,
                self.description.as_ptr(),
                numbers.len() as i32,
                numbers.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            )
        };
        Ok(Self { tuple, ..self })
    }

    /// The row as a trigger returns it.
    pub fn into_tuple(self) -> PgHeapTuple<'a, AllocatedByPostgres> {
        // SAFETY: tuple and description belong together, and outlive the trigger's call.
        unsafe { PgHeapTuple::from_heap_tuple(self.description, self.tuple) }
    }
}

/// The schema of a trigger's function, which is that of all `crm_*` functions.
pub fn function_schema(trigger: &PgTrigger<'_>) -> String {
    // SAFETY: catalogue look-ups; the name is palloc'd and NUL-terminated, or NULL.
    unsafe {
        let name = pg_sys::get_namespace_name(pg_sys::get_func_namespace(trigger.trigger().tgfoid));
        if name.is_null() {
            return String::new();
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// True if the change comes from another server, by a subscription.
pub fn is_applied_from_elsewhere() -> bool {
    // SAFETY: reads globals of the process.
    unsafe { pg_sys::IsLogicalWorker() }
}

/// The row that the statement goes on with.
pub fn row<'a>(trigger: &'a PgTrigger<'a>) -> Option<PgHeapTuple<'a, AllocatedByPostgres>> {
    let data = trigger.trigger_data();
    let row = if data.tg_newtuple.is_null() { data.tg_trigtuple } else { data.tg_newtuple };
    // SAFETY: the relation is open while its trigger runs, and the row is one of its own.
    unsafe {
        if row.is_null() {
            return None;
        }
        let description = PgTupleDesc::from_pg_unchecked((*data.tg_relation).rd_att);
        Some(PgHeapTuple::from_heap_tuple(description, row))
    }
}

/// The number of rows written by the statement that the trigger was fired for; 0 if the trigger
/// names no table of new rows.
pub fn new_rows(trigger: &PgTrigger<'_>) -> i64 {
    let rows = trigger.trigger_data().tg_newtable;
    if rows.is_null() {
        return 0;
    }
    // SAFETY: the store lives as long as the trigger's call.
    unsafe { pg_sys::tuplestore_tuple_count(rows) }
}

/// The number of nested triggers.
pub fn depth() -> i32 {
    // SAFETY: the function takes no argument and only reads a counter.
    unsafe { pgrx::direct_function_call::<i32>(pg_sys::pg_trigger_depth, &[]).unwrap_or_default() }
}

/// The value that a type's input function reads.
fn input(column: Column, text: &str) -> Result<pg_sys::Datum> {
    let text = CString::new(text).map_err(|_| Error::internal("a clean value holds a NUL"))?;
    let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
    // SAFETY: the function is the type's own; it copies what it needs of the string.
    unsafe {
        pg_sys::getTypeInputInfo(column.type_oid, &raw mut function, &raw mut parameter);
        Ok(pg_sys::OidInputFunctionCall(
            function,
            text.as_ptr().cast_mut(),
            parameter,
            column.modifier,
        ))
    }
}
