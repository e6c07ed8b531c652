//! Rows of the registry's tables straight from an index, as the active snapshot sees them.
//!
//! A query by SQL is parsed and planned each time, which costs a new connection milliseconds and
//! every statement a tenth of one: more than all else on the way to the engine. What each call asks
//! for, the version that answers, is therefore read as PostgreSQL reads its own catalogues.

use super::query::Row;
use crate::error::{Error, Result};
use pgrx::{IntoDatum, pg_sys};
use std::ffi::CStr;

/// Value that a column of the index must equal.
pub enum Key<'a> {
    /// A column of type text, in the default collation.
    Text(&'a CStr, &'a str),
    /// A column of type integer.
    Int(&'a CStr, i32),
}

/// Order of the rows that agree with the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The one with the smallest value in the index's further columns.
    Ascending,
    /// The one with the largest.
    Descending,
}

/// Hands the rows of `crm_ai.table` that agree with `keys`, the leading columns of `index`, to
/// `each`, which ends the reading with `false`. Asks nobody for rights. Errors: 42704 where the
/// table is gone.
pub fn scan(
    table: &CStr,
    index: &CStr,
    keys: &[Key<'_>],
    order: Order,
    mut each: impl FnMut(&Row) -> Result<bool>,
) -> Result<()> {
    let relations = Relations::open(table, index)?;
    let mut conditions: Vec<_> = keys.iter().map(|key| relations.condition(key)).collect();
    let direction = match order {
        Order::Ascending => pg_sys::ScanDirection::ForwardScanDirection,
        Order::Descending => pg_sys::ScanDirection::BackwardScanDirection,
    };
    // SAFETY: both relations are open, the conditions are about leading columns of the index, a
    // statement that calls a function has an active snapshot, and each row is read before the
    // next is fetched.
    unsafe {
        let description = (*relations.table).rd_att;
        let scan = pg_sys::systable_beginscan_ordered(
            relations.table,
            relations.index,
            pg_sys::GetActiveSnapshot(),
            conditions.len() as i32,
            conditions.as_mut_ptr(),
        );
        let mut outcome = Ok(true);
        while matches!(outcome, Ok(true)) {
            let tuple = pg_sys::systable_getnext_ordered(scan, direction);
            if tuple.is_null() {
                break;
            }
            outcome = each(&Row::new(tuple, description));
        }
        pg_sys::systable_endscan_ordered(scan);
        outcome.map(drop)
    }
}

/// A table with one of its indexes, open until dropped. Their locks stay until the transaction
/// ends, as those of a query do.
struct Relations {
    table: pg_sys::Relation,
    index: pg_sys::Relation,
}

impl Relations {
    fn open(table: &CStr, index: &CStr) -> Result<Self> {
        const LOCK: pg_sys::LOCKMODE = pg_sys::AccessShareLock as _;
        let gone = || {
            Error::undefined("the tables of crm_ai are not there")
                .hint("the extension was dropped: CREATE EXTENSION crm_ai")
        };
        // SAFETY: look-ups by NUL-terminated names; what is not there gives InvalidOid, and a
        // table that is dropped meanwhile gives NULL. Under its lock the index stays.
        unsafe {
            let schema = pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true);
            let name = pg_sys::get_relname_relid(table.as_ptr(), schema);
            let table = pg_sys::try_table_open(name, LOCK);
            if table.is_null() {
                return Err(gone());
            }
            let name = pg_sys::get_relname_relid(index.as_ptr(), schema);
            let index = pg_sys::try_index_open(name, LOCK);
            if index.is_null() {
                pg_sys::table_close(table, pg_sys::NoLock as _);
                return Err(gone());
            }
            Ok(Self { table, index })
        }
    }

    fn condition(&self, key: &Key<'_>) -> pg_sys::ScanKeyData {
        let (column, collation, equals, value) = match key {
            Key::Text(column, text) => {
                (column, pg_sys::DEFAULT_COLLATION_OID, pg_sys::F_TEXTEQ, text.into_datum())
            }
            Key::Int(column, number) => {
                (column, pg_sys::InvalidOid, pg_sys::F_INT4EQ, number.into_datum())
            }
        };
        let mut condition = pg_sys::ScanKeyData::default();
        // SAFETY: the table is open; the operator is equality on the column's type.
        unsafe {
            let number = pg_sys::get_attnum((*self.table).rd_id, column.as_ptr());
            pg_sys::ScanKeyEntryInitialize(
                &raw mut condition,
                0,
                number,
                pg_sys::BTEqualStrategyNumber as _,
                pg_sys::InvalidOid,
                collation,
                equals.into(),
                value.unwrap_or(pg_sys::Datum::from(0)),
            );
        }
        condition
    }
}

impl Drop for Relations {
    fn drop(&mut self) {
        // While an ERROR passes through, the abort closes them, and calling into the server is
        // not safe.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: closes what `open` opened.
        unsafe {
            pg_sys::index_close(self.index, pg_sys::NoLock as _);
            pg_sys::table_close(self.table, pg_sys::NoLock as _);
        }
    }
}
