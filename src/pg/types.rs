//! Data types of the server.

use pgrx::prelude::*;
use std::ffi::CStr;

/// A type behind all domains, with the modifier that its values have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The type.
    pub oid: pg_sys::Oid,
    /// Its modifier; -1 for none.
    pub modifier: i32,
}

impl Base {
    /// The type behind a column's type.
    pub fn of(oid: pg_sys::Oid, modifier: i32) -> Self {
        let mut modifier = modifier;
        // SAFETY: a catalogue look-up; an unknown type raises an ERROR.
        let oid = unsafe { pg_sys::getBaseTypeAndTypmod(oid, &raw mut modifier) };
        Self { oid, modifier }
    }

    /// True if values are character strings: `text`, `varchar`, `char`, `name`, `citext`.
    pub fn is_text(self) -> bool {
        let (mut category, mut is_preferred) = (0, false);
        // SAFETY: fills both, or raises an ERROR.
        unsafe {
            pg_sys::get_type_category_preferred(self.oid, &raw mut category, &raw mut is_preferred);
        }
        category == pg_sys::TYPCATEGORY_STRING.cast_signed()
    }

    /// True if it is one of the server's own types, and holds nothing of other types: of these,
    /// nobody but a superuser can make casts.
    pub fn is_builtin(self) -> bool {
        let is_own = self.oid.to_u32() < pg_sys::FirstNormalObjectId;
        is_own && ![pg_sys::RECORDOID, pg_sys::RECORDARRAYOID].contains(&self.oid)
    }

    /// True if values are arrays.
    pub fn is_array(self) -> bool {
        // SAFETY: a catalogue look-up; a type that is no array has no such element.
        let element = unsafe { pg_sys::get_element_type(self.oid) };
        element != pg_sys::InvalidOid
    }

    /// True if values are padded with blanks to their limit: `char(n)`.
    pub fn is_padded(self) -> bool {
        self.oid == pg_sys::BPCHAROID
    }

    /// Most characters of a value, where the type has a limit.
    pub fn chars_max(self) -> Option<usize> {
        let has_limit = matches!(self.oid, pg_sys::VARCHAROID | pg_sys::BPCHAROID);
        usize::try_from(self.modifier).ok()?.checked_sub(pg_sys::VARHDRSZ).filter(|_| has_limit)
    }

    /// Its name with its schema, as SQL reads it back under any search path.
    pub fn sql_name(self) -> String {
        // `character` alone would be one of one character.
        if self.is_padded() {
            return "pg_catalog.bpchar".to_owned();
        }
        // SAFETY: gives a palloc'd NUL-terminated name, or raises an ERROR.
        unsafe {
            let flags = pg_sys::FORMAT_TYPE_FORCE_QUALIFY as u16;
            CStr::from_ptr(pg_sys::format_type_extended(self.oid, -1, flags))
                .to_string_lossy()
                .into_owned()
        }
    }
}

/// True if values can be hashed and sorted, so that equal ones can be found.
pub fn is_comparable(oid: pg_sys::Oid) -> bool {
    let wanted = pg_sys::TYPECACHE_CMP_PROC | pg_sys::TYPECACHE_HASH_EXTENDED_PROC;
    // SAFETY: the cache's entries live as long as the backend.
    unsafe {
        let entry = &*pg_sys::lookup_type_cache(oid, wanted as i32);
        entry.cmp_proc != pg_sys::InvalidOid && entry.hash_extended_proc != pg_sys::InvalidOid
    }
}
