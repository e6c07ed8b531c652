//! Rows that a batch node holds, and values on their way in and out.

use crate::error::{Error, Result};
use crate::judge::questions::{AnswerPlace, Answers, Asked};
use crate::judge::records::text_of;
use crate::judge::sentiment::detail_row;
use crate::pg::json::JsonText;
use crate::plan::functions::Value;
use pgrx::prelude::*;
use pgrx::{JsonB, pg_sys};

/// Memory of the server's for the rows of one batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Memory(pg_sys::MemoryContext);

impl Memory {
    /// New memory that ends with `parent`.
    ///
    /// # Safety
    /// `parent` must be alive, and outlive all use of this.
    pub unsafe fn within(parent: pg_sys::MemoryContext) -> Self {
        // SAFETY: as the caller promises; the name is a constant.
        Self(unsafe {
            pg_sys::AllocSetContextCreateInternal(
                parent,
                c"crm_ai batch".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        })
    }

    /// Frees all that it holds.
    pub fn reset(self) {
        // SAFETY: alive, as promised when it was made.
        unsafe { pg_sys::MemoryContextReset(self.0) }
    }

    /// A copy of a slot's row.
    ///
    /// # Safety
    /// The slot must hold a row.
    pub unsafe fn copy_row(self, slot: *mut pg_sys::TupleTableSlot) -> pg_sys::MinimalTuple {
        // SAFETY: as the caller promises.
        in_memory(self.0, || unsafe { pg_sys::ExecCopySlotMinimalTuple(slot) })
    }
}

/// Runs `work`, what it allocates going into `memory`.
pub fn in_memory<T>(memory: pg_sys::MemoryContext, work: impl FnOnce() -> T) -> T {
    // SAFETY: a live context is made the current one; an ERROR sets another anyway.
    let before = unsafe { pg_sys::MemoryContextSwitchTo(memory) };
    let value = work();
    // SAFETY: as above.
    unsafe { pg_sys::MemoryContextSwitchTo(before) };
    value
}

/// Rows that were gathered together.
pub struct Batch {
    pub memory: Memory,
    pub rows: Vec<pg_sys::MinimalTuple>,
    /// For each row and call where its answer is; `None` where it is NULL or not wanted.
    pub places: Vec<Option<AnswerPlace>>,
    pub asked: Asked,
    pub answers: Answers,
    /// The row that is handed out next.
    pub next: usize,
}

impl Batch {
    /// An empty one.
    pub fn new(memory: Memory) -> Self {
        memory.reset();
        Self {
            memory,
            rows: Vec::new(),
            places: Vec::new(),
            asked: Asked::default(),
            answers: Answers::default(),
            next: 0,
        }
    }
}

/// A text value, readable until the current memory is reset.
///
/// # Safety
/// The datum must be a text, not NULL.
pub unsafe fn text<'a>(datum: pg_sys::Datum) -> Result<&'a str> {
    // SAFETY: as the caller promises; what is detoasted goes into the current memory.
    unsafe {
        let value = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
        pgrx::varlena::text_to_rust_str(value)
            .map_err(|_| Error::internal("a text is not valid in UTF-8"))
    }
}

/// A record as text.
///
/// # Safety
/// The datum must be a `jsonb`, not NULL.
pub unsafe fn record(datum: pg_sys::Datum) -> Result<String> {
    // SAFETY: as the caller promises.
    let record = unsafe { JsonText::from_datum(datum, false) };
    record.map_or_else(|| Err(Error::internal("a record is missing")), |record| text_of(&record))
}

/// A result in the current memory; `row_type` is the call's declared type.
pub fn datum(value: Value, row_type: pg_sys::Oid) -> Result<Option<pg_sys::Datum>> {
    Ok(match value {
        Value::Text(text) => text.into_datum(),
        Value::Real(number) => number.into_datum(),
        Value::Small(number) => number.into_datum(),
        Value::Vector(vector) => vector.into_datum(),
        Value::Json(json) => JsonB(json).into_datum(),
        Value::Detail(version, sentiment) => {
            detail_row(row_type, &version, &sentiment)?.into_datum()
        }
    })
}
