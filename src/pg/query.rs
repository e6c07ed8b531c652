//! Queries that see what the present statement sees.
//!
//! pgrx's `Spi` runs a query as read-only only while the transaction has no id of its own; after
//! that it takes a new snapshot, so that a STABLE function could see two champions in one
//! statement, and fails in a parallel worker. The registry is read through this instead.

use crate::error::{Error, Result};
use crate::pg::memory;
use crate::pg::types::Base;
use pgrx::datum::DatumWithOid;
use pgrx::{FromDatum, PgTrigger, pg_sys};
use std::ffi::{CStr, CString};

/// One row of a result; columns count from 1.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    description: pg_sys::TupleDesc,
}

impl Row {
    /// A row that the caller keeps in place for as long as this is used.
    pub(super) fn new(tuple: pg_sys::HeapTuple, description: pg_sys::TupleDesc) -> Self {
        Self { tuple, description }
    }

    /// The number of a column, given by its name; not positive where there is none.
    pub fn column(&self, name: &CStr) -> i32 {
        // SAFETY: the description is that of a result that is not freed yet.
        unsafe { pg_sys::SPI_fnumber(self.description, name.as_ptr()) }
    }

    /// A column in its text form; `None` for NULL.
    pub fn text(&self, column: i32) -> Option<String> {
        // SAFETY: tuple and description are those of a result that is not freed yet; the
        // returned string is NUL-terminated, or NULL.
        unsafe {
            let value = pg_sys::SPI_getvalue(self.tuple, self.description, column);
            if value.is_null() {
                return None;
            }
            let text = memory::copy(CStr::from_ptr(value));
            // Else every value would stay in memory until the last row is read.
            pg_sys::pfree(value.cast());
            Some(text)
        }
    }

    /// A column in its text form, copied only if it is no longer than `limit` bytes; else the error
    /// is what `too_long` makes of its length and the limit.
    pub fn text_within(
        &self,
        column: i32,
        limit: usize,
        too_long: impl FnOnce(usize, usize) -> Error,
    ) -> Result<Option<String>> {
        // SAFETY: as in `text`.
        unsafe {
            let value = pg_sys::SPI_getvalue(self.tuple, self.description, column);
            if value.is_null() {
                return Ok(None);
            }
            let text = CStr::from_ptr(value);
            let copied = match text.count_bytes() {
                bytes if bytes > limit => Err(too_long(bytes, limit)),
                _ => Ok(memory::copy(text)),
            };
            pg_sys::pfree(value.cast());
            copied.map(Some)
        }
    }

    /// A boolean column; NULL is false.
    pub fn is_true(&self, column: i32) -> bool {
        self.text(column).as_deref() == Some("t")
    }

    /// The bytes of a bytea column; `None` for NULL.
    pub fn bytes(&self, column: i32) -> Result<Option<Vec<u8>>> {
        self.check_type(column, &[pg_sys::BYTEAOID])?;
        // SAFETY: the column is a bytea.
        Ok(unsafe { self.value(column) })
    }

    /// A column of type integer; `None` for NULL.
    pub fn int(&self, column: i32) -> Result<Option<i32>> {
        self.check_type(column, &[pg_sys::INT4OID])?;
        // SAFETY: the column is an integer.
        Ok(unsafe { self.value(column) })
    }

    /// A column of type oid, regclass or regrole; `None` for NULL.
    pub fn oid(&self, column: i32) -> Result<Option<pg_sys::Oid>> {
        self.check_type(column, &[pg_sys::OIDOID, pg_sys::REGCLASSOID, pg_sys::REGROLEOID])?;
        // SAFETY: the column is an oid.
        Ok(unsafe { self.value(column) })
    }

    /// Fails unless the column is there and of one of these types.
    fn check_type(&self, column: i32, types: &[pg_sys::Oid]) -> Result<()> {
        // SAFETY: the description is that of a result that is not freed yet; a column that is not
        // there gives InvalidOid.
        let found = unsafe { pg_sys::SPI_gettypeid(self.description, column) };
        if types.contains(&found) {
            return Ok(());
        }
        Err(Error::internal(format!("column {column} of a result has type {}", found.to_u32())))
    }

    /// # Safety
    /// The column is of the type that `T` stands for.
    unsafe fn value<T: FromDatum>(&self, column: i32) -> Option<T> {
        let mut is_null = false;
        // SAFETY: as in `text`; the type is the caller's duty.
        unsafe {
            let datum =
                pg_sys::SPI_getbinval(self.tuple, self.description, column, &raw mut is_null);
            T::from_datum(datum, is_null)
        }
    }
}

/// Runs `sql` under the active snapshot and hands each row to `each`, which ends the reading with
/// `false`. Rows are fetched one at a time.
pub fn read(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    mut each: impl FnMut(&Row) -> Result<bool>,
) -> Result<()> {
    let sql = CString::new(sql).map_err(|_| Error::internal("registry query holds a NUL"))?;
    let mut types: Vec<pg_sys::Oid> = arguments.iter().map(DatumWithOid::oid).collect();
    let mut values: Vec<pg_sys::Datum> = Vec::new();
    let mut nulls: Vec<std::ffi::c_char> = Vec::new();
    for argument in arguments {
        let datum = argument.datum().map(|datum| datum.sans_lifetime());
        nulls.push(if datum.is_none() { b'n' } else { b' ' } as _);
        values.push(datum.unwrap_or(pg_sys::Datum::from(0)));
    }
    // SAFETY: the arrays have as many elements as is said; the portal and the connection are
    // closed below, or by the abort that an ERROR brings.
    unsafe {
        pg_sys::SPI_connect();
        let portal = pg_sys::SPI_cursor_open_with_args(
            std::ptr::null(),
            sql.as_ptr(),
            arguments.len() as i32,
            types.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_ptr(),
            true,
            0,
        );
        let mut outcome = Ok(true);
        while matches!(outcome, Ok(true)) {
            pg_sys::SPI_cursor_fetch(portal, true, 1);
            if pg_sys::SPI_processed == 0 {
                break;
            }
            let table = pg_sys::SPI_tuptable;
            outcome = each(&Row::new(*(*table).vals, (*table).tupdesc));
            pg_sys::SPI_freetuptable(table);
        }
        pg_sys::SPI_cursor_close(portal);
        pg_sys::SPI_finish();
        outcome.map(drop)
    }
}

/// Lets queries of the present SPI connection name the trigger's transition tables.
pub fn register_transition_tables(trigger: &PgTrigger<'_>) {
    // SAFETY: the data live as long as the trigger's call, which the connection does not outlast.
    unsafe {
        pg_sys::SPI_register_trigger_data(std::ptr::from_ref(trigger.trigger_data()).cast_mut());
    }
}

/// Names and types of the columns that a query gives. What is wrong with it raises the server's own
/// ERROR; its tables are locked until the transaction ends, so that the types stay.
pub fn columns(sql: &str) -> Result<Vec<(String, Base)>> {
    let sql = CString::new(sql).map_err(|_| Error::invalid_argument("source holds a NUL"))?;
    // SAFETY: as in `read`; the plan and its description live until the connection is closed, and
    // hold as many attributes as is said.
    unsafe {
        pg_sys::SPI_connect();
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), 0, std::ptr::null_mut());
        let sources = pg_sys::SPI_plan_get_plan_sources(plan);
        let mut columns = Vec::new();
        if !sources.is_null() && (*sources).length == 1 {
            let source = pg_sys::list_nth(sources, 0).cast::<pg_sys::CachedPlanSource>();
            let description = (*source).resultDesc;
            let count = if description.is_null() { 0 } else { (*description).natts };
            for number in 1..=count {
                let name = pg_sys::SPI_fname(description, number);
                let base = Base::of(pg_sys::SPI_gettypeid(description, number), -1);
                columns.push((CStr::from_ptr(name).to_string_lossy().into_owned(), base));
            }
        }
        pg_sys::SPI_finish();
        Ok(columns)
    }
}

/// Properties of the plan of a query.
pub struct Planned {
    /// True if a temporary table is read.
    pub reads_temporary: bool,
}

/// Plans `sql` and begins it without fetching a row, so that whatever is wrong with it, missing
/// tables, columns and rights too, raises the server's own ERROR.
pub fn check(sql: &str) -> Result<Planned> {
    let sql = CString::new(sql).map_err(|_| Error::invalid_argument("source holds a NUL"))?;
    // SAFETY: as in `read`; a portal's statements are planned ones, whose list holds OIDs.
    unsafe {
        pg_sys::SPI_connect();
        let portal = pg_sys::SPI_cursor_open_with_args(
            std::ptr::null(),
            sql.as_ptr(),
            0,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null(),
            true,
            0,
        );
        let statement = &*pg_sys::list_nth((*portal).stmts, 0).cast::<pg_sys::PlannedStmt>();
        let relations = statement.relationOids;
        let count = if relations.is_null() { 0 } else { (*relations).length };
        let temporary = pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char;
        let reads_temporary = (0..count)
            .map(|index| pg_sys::list_nth_oid(relations, index))
            .any(|relation| pg_sys::get_rel_persistence(relation) == temporary);
        pg_sys::SPI_cursor_close(portal);
        pg_sys::SPI_finish();
        Ok(Planned { reads_temporary })
    }
}
