//! Keys of changed rows put into `crm_ai.pending`, at next to no cost: no query is run, and the
//! table has no index.
//!
//! An insert that waits for little else feels each microsecond here, so the server's functions are
//! called as they are, many under one guard, where pgrx would guard each call.

use super::majors;
use crate::error::{Error, Result};
use crate::pg::session;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};

/// Columns of `crm_ai.pending`: watch, key, queued_at, attempts, not_before.
const COLUMNS: usize = 5;
/// Most columns of a primary key.
const KEY_MAX: usize = pg_sys::INDEX_MAX_KEYS as usize;

// The server's functions without pgrx's guards: to be called inside one, from frames that own
// nothing, since an ERROR leaves them by a jump.
unsafe extern "C-unwind" {
    fn RelationGetIndexAttrBitmap(
        relation: pg_sys::Relation,
        kind: pg_sys::IndexAttrBitmapKind::Type,
    ) -> *mut pg_sys::Bitmapset;
    fn bms_next_member(set: *const pg_sys::Bitmapset, previous: c_int) -> c_int;
    fn heap_attisnull(
        row: pg_sys::HeapTuple,
        number: c_int,
        description: pg_sys::TupleDesc,
    ) -> bool;
    fn SPI_getbinval(
        row: pg_sys::HeapTuple,
        description: pg_sys::TupleDesc,
        number: c_int,
        is_null: *mut bool,
    ) -> pg_sys::Datum;
    fn SPI_getvalue(
        row: pg_sys::HeapTuple,
        description: pg_sys::TupleDesc,
        number: c_int,
    ) -> *mut c_char;
    fn pg_lltoa(number: i64, digits: *mut c_char) -> c_int;
    fn cstring_to_text(string: *const c_char) -> *mut pg_sys::text;
    fn cstring_to_text_with_len(string: *const c_char, length: c_int) -> *mut pg_sys::text;
    fn construct_array(
        elements: *mut pg_sys::Datum,
        count: c_int,
        element_type: pg_sys::Oid,
        length: c_int,
        by_value: bool,
        alignment: c_char,
    ) -> *mut pg_sys::ArrayType;
    fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> pg_sys::Oid;
    fn get_relname_relid(name: *const c_char, schema: pg_sys::Oid) -> pg_sys::Oid;
    fn try_table_open(table: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> pg_sys::Relation;
    fn table_close(relation: pg_sys::Relation, lock: pg_sys::LOCKMODE);
    fn heap_form_tuple(
        description: pg_sys::TupleDesc,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    ) -> pg_sys::HeapTuple;
    fn simple_heap_insert(relation: pg_sys::Relation, row: pg_sys::HeapTuple);
    fn GetCurrentTransactionStartTimestamp() -> pg_sys::TimestampTz;
}

thread_local! {
    /// The queue as it was found last; whether it still is there, is seen when it is opened.
    static PENDING: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

/// Places of the primary key's columns in the order of their names: a partition may have them at
/// other places than its parent.
#[derive(Clone, Copy)]
struct Key {
    numbers: [c_int; KEY_MAX],
    count: usize,
    /// True if the values' text forms depend on no setting.
    is_plain: bool,
}

/// Outcome of a row.
enum Outcome {
    Queued,
    /// It is new and has no text.
    NoText,
    /// The table has no primary key.
    NoKey,
    /// The extension's table is not there.
    NoQueue,
    /// Its key has still to be read, under settings that give it one form for all.
    InPlainForms(Key),
}

/// Queues the row that the trigger was fired for, but not a new one without a text. The trigger's
/// arguments are the watch's number and the name of the text's column. Tells whether it did.
pub fn add(trigger: &PgTrigger<'_>) -> Result<bool> {
    let (watch, text_column) = arguments(trigger)?;
    let data = trigger.trigger_data();
    let is_insert = data.tg_newtuple.is_null();
    let row = if is_insert { data.tg_trigtuple } else { data.tg_newtuple };
    if row.is_null() {
        return Err(Error::wrong_trigger("crm_ai.watch_queue is for triggers FOR EACH ROW"));
    }
    let relation = data.tg_relation;
    // SAFETY: the relation is open while its trigger runs, and the row is one of its own; what the
    // guard holds owns nothing.
    let mut outcome = unsafe {
        pg_guard_ffi_boundary(|| {
            if is_insert && is_null(relation, row, text_column) {
                return Outcome::NoText;
            }
            let key = primary_key(relation);
            match key.count {
                0 => Outcome::NoKey,
                _ if !key.is_plain => Outcome::InPlainForms(key),
                _ => insert(watch, values(relation, row, &key)),
            }
        })
    };
    if let Outcome::InPlainForms(key) = outcome {
        // SAFETY: as above; the key stays in the trigger's memory.
        let read = || unsafe { pg_guard_ffi_boundary(|| values(relation, row, &key)) };
        let key = session::in_plain_forms(read);
        // SAFETY: as above.
        outcome = unsafe { pg_guard_ffi_boundary(|| insert(watch, key)) };
    }
    match outcome {
        Outcome::Queued => Ok(true),
        Outcome::NoText => Ok(false),
        Outcome::NoKey => Err(Error::wrong_state("the watched table has no primary key any more")
            .hint("add a primary key, or end the watch with crm_ai.unwatch")),
        Outcome::NoQueue | Outcome::InPlainForms(_) => {
            Err(Error::undefined("the tables of crm_ai are not there")
                .hint("the extension was dropped: CREATE EXTENSION crm_ai"))
        }
    }
}

/// The arguments that `crm_ai.watch` gives its triggers.
fn arguments<'a>(trigger: &'a PgTrigger<'_>) -> Result<(i32, &'a CStr)> {
    let not_ours =
        || Error::wrong_trigger("crm_ai.watch_queue is for triggers that crm_ai.watch makes");
    let trigger = trigger.trigger();
    if trigger.tgnargs != 2 {
        return Err(not_ours());
    }
    // SAFETY: a trigger has as many NUL-terminated arguments as it says.
    let (watch, text_column) =
        unsafe { (CStr::from_ptr(*trigger.tgargs), CStr::from_ptr(*trigger.tgargs.add(1))) };
    let watch = watch.to_str().ok().and_then(|watch| watch.parse().ok()).ok_or_else(not_ours)?;
    Ok((watch, text_column))
}

/// A column of a table by its number, from 1 on.
///
/// # Safety
/// The relation is open, and has the column.
unsafe fn attribute<'a>(
    relation: pg_sys::Relation,
    number: c_int,
) -> &'a pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's promise.
    unsafe { &*majors::attribute((*relation).rd_att, number as usize - 1) }
}

/// # Safety
/// As [`attribute`].
unsafe fn name<'a>(relation: pg_sys::Relation, number: c_int) -> &'a CStr {
    // SAFETY: the caller's promise; names are NUL-terminated.
    unsafe { CStr::from_ptr(attribute(relation, number).attname.data.as_ptr()) }
}

/// True if a column is NULL; one that is not there is not, so that the row is not lost.
///
/// # Safety
/// The relation is open, and the row is one of its own. Under a guard.
unsafe fn is_null(relation: pg_sys::Relation, row: pg_sys::HeapTuple, column: &CStr) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let description = (*relation).rd_att;
        (1..=(*description).natts)
            .find(|&number| name(relation, number) == column)
            .is_some_and(|number| heap_attisnull(row, number, description))
    }
}

/// # Safety
/// The relation is open. Under a guard.
unsafe fn primary_key(relation: pg_sys::Relation) -> Key {
    let mut key = Key { numbers: [0; KEY_MAX], count: 0, is_plain: true };
    // SAFETY: the caller's promise; each member of the set, which is a copy of the cache's, is a
    // column's number plus an offset.
    unsafe {
        let wanted = pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY;
        let set = RelationGetIndexAttrBitmap(relation, wanted);
        let mut member = bms_next_member(set, -1);
        while member >= 0 && key.count < KEY_MAX {
            let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
            if number > 0 {
                key.numbers[key.count] = number;
                key.count += 1;
                key.is_plain &= is_plain_type(attribute(relation, number).atttypid);
            }
            member = bms_next_member(set, member);
        }
        if key.count > 1 {
            key.numbers[..key.count]
                .sort_unstable_by(|&a, &b| name(relation, a).cmp(name(relation, b)));
        }
    }
    key
}

/// True if the text form of a type's values depends on no setting.
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

/// The key's values in their text forms, an array.
///
/// # Safety
/// The relation is open, the row is one of its own, and so is the key. Under a guard.
unsafe fn values(relation: pg_sys::Relation, row: pg_sys::HeapTuple, key: &Key) -> pg_sys::Datum {
    let mut texts = [pg_sys::Datum::from(0); KEY_MAX];
    // SAFETY: the caller's promise; the array has as many elements as is said, of type text, which
    // is of no fixed length and aligned as an integer.
    unsafe {
        for (text, &number) in texts.iter_mut().zip(&key.numbers[..key.count]) {
            *text = value(relation, row, number).into();
        }
        let alignment = pg_sys::TYPALIGN_INT as c_char;
        let count = key.count as c_int;
        construct_array(texts.as_mut_ptr(), count, pg_sys::TEXTOID, -1, false, alignment).into()
    }
}

/// # Safety
/// As [`values`].
unsafe fn value(
    relation: pg_sys::Relation,
    row: pg_sys::HeapTuple,
    number: c_int,
) -> *mut pg_sys::text {
    // SAFETY: the caller's promise; a value of an integer type is that integer.
    unsafe {
        let description = (*relation).rd_att;
        let mut is_null = false;
        let mut integer = || SPI_getbinval(row, description, number, &raw mut is_null).value();
        let integer = match attribute(relation, number).atttypid {
            pg_sys::INT8OID => integer() as i64,
            pg_sys::INT4OID => i64::from(integer() as i32),
            pg_sys::INT2OID => i64::from(integer() as i16),
            _ => {
                let text = SPI_getvalue(row, description, number);
                // Of a primary key, never NULL.
                return cstring_to_text(if text.is_null() { c"".as_ptr() } else { text });
            }
        };
        let mut digits = [0; 21]; // -2^63 and a NUL
        let length = pg_lltoa(integer, digits.as_mut_ptr());
        cstring_to_text_with_len(digits.as_ptr(), length)
    }
}

/// Puts a key into the queue.
///
/// # Safety
/// The key is an array of text. Under a guard.
unsafe fn insert(watch: i32, key: pg_sys::Datum) -> Outcome {
    // SAFETY: the caller's promise; the arrays have as many elements as the table has columns, as
    // `open` has checked, of their types; without an index there is nothing else to write. The
    // lock stays until the transaction ends.
    unsafe {
        let Some(pending) = open() else { return Outcome::NoQueue };
        let mut values = [
            pg_sys::Datum::from(watch),
            key,
            GetCurrentTransactionStartTimestamp().into(),
            pg_sys::Datum::from(0_i32),
            pg_sys::Datum::from(0),
        ];
        let mut nulls = [false, false, false, false, true];
        let row = heap_form_tuple((*pending).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        simple_heap_insert(pending, row);
        table_close(pending, pg_sys::NoLock as _);
        Outcome::Queued
    }
}

/// The queue, open.
///
/// # Safety
/// Under a guard.
unsafe fn open() -> Option<pg_sys::Relation> {
    // SAFETY: the caller's promise; look-ups by NUL-terminated names give InvalidOid for what is
    // not there.
    unsafe {
        open_as_queue(PENDING.get()).or_else(|| {
            let schema = get_namespace_oid(c"crm_ai".as_ptr(), true);
            PENDING.set(get_relname_relid(c"pending".as_ptr(), schema));
            open_as_queue(PENDING.get())
        })
    }
}

/// The table with this OID, open, if it is there and the queue.
///
/// # Safety
/// Under a guard.
unsafe fn open_as_queue(table: pg_sys::Oid) -> Option<pg_sys::Relation> {
    if table == pg_sys::InvalidOid {
        return None;
    }
    let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
    // SAFETY: the caller's promise; a table that is not there any more gives NULL.
    unsafe {
        let relation = try_table_open(table, lock);
        if is_pending(relation) {
            return Some(relation);
        }
        if !relation.is_null() {
            table_close(relation, lock);
        }
        None
    }
}

/// True if it is the queue, as we know it.
///
/// # Safety
/// The relation is open, or NULL.
unsafe fn is_pending(relation: pg_sys::Relation) -> bool {
    // SAFETY: the caller's promise; names are NUL-terminated.
    unsafe {
        !relation.is_null()
            && usize::try_from((*(*relation).rd_att).natts) == Ok(COLUMNS)
            && CStr::from_ptr((*(*relation).rd_rel).relname.data.as_ptr()) == c"pending"
    }
}
