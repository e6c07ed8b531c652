//! Keys of changed rows put into `crm_ai.pending`, at next to no cost: no query is run, and the
//! table has no index.

use crate::error::{Error, Result};
use crate::pg::session;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

/// Columns of `crm_ai.pending`: watch, key, queued_at, attempts, not_before.
const COLUMNS: usize = 5;

/// Queues the row that the trigger was fired for, but not a new one without a text. Tells whether
/// it did.
pub fn add(trigger: &PgTrigger<'_>, watch: i32, text_column: &str) -> Result<bool> {
    let data = trigger.trigger_data();
    let is_insert = data.tg_newtuple.is_null();
    let row = if is_insert { data.tg_trigtuple } else { data.tg_newtuple };
    if row.is_null() {
        return Err(Error::wrong_trigger("crm_ai.watch_queue is for triggers FOR EACH ROW"));
    }
    if is_insert && is_null(data.tg_relation, row, text_column) {
        return Ok(false);
    }
    let key = key(data.tg_relation, row)?;
    let table = Pending::open()?;
    let mut values = [pg_sys::Datum::from(0); COLUMNS];
    let mut nulls = [false; COLUMNS];
    values[0] = pg_sys::Datum::from(watch);
    nulls[1] = true;
    if let Some(key) = key.into_datum() {
        (values[1], nulls[1]) = (key, false);
    }
    // SAFETY: the statement's transaction has a start.
    values[2] = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() }.into();
    values[3] = pg_sys::Datum::from(0_i32);
    nulls[4] = true;
    // SAFETY: the arrays have as many elements as the table has columns, as `open` has checked,
    // of their types; without an index there is nothing else to write.
    unsafe {
        let tuple = pg_sys::heap_form_tuple(
            (*table.relation).rd_att,
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
        );
        pg_sys::simple_heap_insert(table.relation, tuple);
        pg_sys::heap_freetuple(tuple);
    }
    Ok(true)
}

/// Whether a column is NULL; one that is not there is not, so that the row is not lost.
fn is_null(relation: pg_sys::Relation, row: pg_sys::HeapTuple, column: &str) -> bool {
    let Ok(column) = CString::new(column) else { return false };
    // SAFETY: the relation is open while its trigger runs, and the row is one of its own.
    unsafe {
        let number = pg_sys::get_attnum((*relation).rd_id, column.as_ptr());
        number > 0 && pg_sys::heap_attisnull(row, number.into(), (*relation).rd_att)
    }
}

/// The values of the primary key as text, by the names of their columns: a partition may have them
/// at other places than its parent.
fn key(relation: pg_sys::Relation, row: pg_sys::HeapTuple) -> Result<Vec<String>> {
    let mut columns: Vec<(String, i32)> = Vec::new();
    let mut is_plain = true;
    // SAFETY: the relation is open while its trigger runs; the set is a copy of the cache's, and
    // each member is a column's number plus an offset.
    let description = unsafe {
        let description = (*relation).rd_att;
        let wanted = pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY;
        let set = pg_sys::RelationGetIndexAttrBitmap(relation, wanted);
        let mut member = pg_sys::bms_next_member(set, -1);
        while member >= 0 {
            let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
            if number > 0 {
                let attribute = &*(*description).attrs.as_ptr().add(number as usize - 1);
                let name = CStr::from_ptr(attribute.attname.data.as_ptr());
                columns.push((name.to_string_lossy().into_owned(), number));
                is_plain &= is_plain_type(attribute.atttypid);
            }
            member = pg_sys::bms_next_member(set, member);
        }
        pg_sys::bms_free(set);
        description
    };
    if columns.is_empty() {
        return Err(Error::wrong_state("the watched table has no primary key any more")
            .hint("add a primary key, or end the watch with crm_ai.unwatch"));
    }
    columns.sort_unstable();
    let read = || {
        let values = columns.iter().map(|&(_, number)| {
            // SAFETY: row and description belong together; the value is palloc'd or NULL.
            unsafe {
                let value = pg_sys::SPI_getvalue(row, description, number);
                if value.is_null() {
                    return String::new(); // of a primary key, never
                }
                let text = CStr::from_ptr(value).to_string_lossy().into_owned();
                pg_sys::pfree(value.cast());
                text
            }
        });
        values.collect()
    };
    Ok(if is_plain { read() } else { session::in_plain_forms(read) })
}

/// Whether the text form of a type's values depends on no setting.
fn is_plain_type(oid: pg_sys::Oid) -> bool {
    let plain = [
        pg_sys::INT2OID,
        pg_sys::INT4OID,
        pg_sys::INT8OID,
        pg_sys::UUIDOID,
        pg_sys::TEXTOID,
        pg_sys::VARCHAROID,
        pg_sys::BPCHAROID,
        pg_sys::NUMERICOID,
    ];
    plain.contains(&oid)
}

/// The table, open until dropped.
struct Pending {
    relation: pg_sys::Relation,
}

impl Pending {
    fn open() -> Result<Self> {
        let gone = || {
            Error::undefined("the tables of crm_ai are not there")
                .hint("the extension was dropped: CREATE EXTENSION crm_ai")
        };
        // SAFETY: look-ups by NUL-terminated names; what is not there gives InvalidOid, and a
        // table that is dropped meanwhile gives NULL.
        unsafe {
            let schema = pg_sys::get_namespace_oid(c"crm_ai".as_ptr(), true);
            let table = pg_sys::get_relname_relid(c"pending".as_ptr(), schema);
            let relation = pg_sys::try_table_open(table, pg_sys::RowExclusiveLock as _);
            if relation.is_null() {
                return Err(gone());
            }
            let table = Self { relation };
            let columns = (*(*relation).rd_att).natts;
            if usize::try_from(columns) == Ok(COLUMNS) { Ok(table) } else { Err(gone()) }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // While an ERROR passes through, the abort closes it, and calling into the server is not
        // safe.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: closes what `open` opened; the lock stays until the transaction ends.
        unsafe { pg_sys::table_close(self.relation, pg_sys::NoLock as _) };
    }
}
