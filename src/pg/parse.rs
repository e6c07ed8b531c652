//! Parsing of a text as SQL, before anything of it is run.

use super::majors;
use crate::error::{Error, Result};
use crate::pg::transaction::caught;
use pgrx::prelude::*;
use std::ffi::{CString, c_void};

/// Constructs that a query may not contain.
#[derive(Default)]
struct Found {
    change: bool,
    lock: bool,
    into: bool,
}

/// The one query that `sql` is, without what stands around it, such as a semicolon. 42601 where it
/// does not parse, 22023 where it is not exactly one SELECT, VALUES, TABLE or WITH that only reads.
pub fn single_query(sql: &str) -> Result<String> {
    let text = CString::new(sql).map_err(|_| Error::invalid_argument("source holds a NUL"))?;
    // The server would point at a place in the caller's statement, which this text is not.
    let parsed = caught(|| {
        // SAFETY: parsing has no effects; the tree lives until the statement ends.
        unsafe { Ok(pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT)) }
    });
    let list = parsed.map_err(|error| error.inside("source is not valid SQL"))?;
    // SAFETY: the parser's list holds RawStmt nodes alone; NULL is the empty list.
    unsafe {
        if list.is_null() || (*list).length != 1 {
            return Err(not_one());
        }
        let raw = &*pg_sys::list_nth(list, 0).cast::<pg_sys::RawStmt>();
        if (*raw.stmt).type_ != pg_sys::NodeTag::T_SelectStmt {
            return Err(not_one());
        }
        let mut found = Found::default();
        look(raw.stmt, (&raw mut found).cast());
        check(&found)?;
        let start = usize::try_from(raw.stmt_location).unwrap_or(0);
        let length = usize::try_from(raw.stmt_len).unwrap_or(0);
        let end = if length == 0 { sql.len() } else { start + length };
        Ok(sql.get(start..end).unwrap_or(sql).trim().to_owned())
    }
}

fn check(found: &Found) -> Result<()> {
    if found.change {
        return Err(Error::invalid_argument("source changes data")
            .hint("a source is one query that only reads"));
    }
    if found.lock {
        return Err(Error::invalid_argument("source locks rows")
            .hint("leave out FOR UPDATE, FOR SHARE and their kin: a source only reads"));
    }
    if found.into {
        return Err(Error::invalid_argument("source makes a table")
            .hint("leave out INTO: a source only reads"));
    }
    Ok(())
}

fn not_one() -> Error {
    Error::invalid_argument("source is not exactly one query")
        .hint("give a table's name, or one SELECT, VALUES, TABLE or WITH query")
}

/// Looks at a node and all below it; never ends the walk early.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the walker hands over valid nodes, whose tag tells their type, and the pointer to
    // `Found` that it was given.
    unsafe {
        let found = &mut *context.cast::<Found>();
        match (*node).type_ {
            pg_sys::NodeTag::T_InsertStmt
            | pg_sys::NodeTag::T_UpdateStmt
            | pg_sys::NodeTag::T_DeleteStmt
            | pg_sys::NodeTag::T_MergeStmt => found.change = true,
            pg_sys::NodeTag::T_SelectStmt => {
                let select = &*node.cast::<pg_sys::SelectStmt>();
                found.lock |= !select.lockingClause.is_null();
                found.into |= !select.intoClause.is_null();
            }
            _ => {}
        }
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            majors::raw_expression_tree_walker(node, look, context)
        })
    }
}
