//! The server's databases, as a worker sees them that is connected to none.

use crate::error::Result;
use pgrx::prelude::*;
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::io;
use std::path::Path;

/// One database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its identity.
    pub oid: pg_sys::Oid,
    /// Its name.
    pub name: String,
    /// True if connections to it are allowed.
    pub is_open: bool,
}

/// The name of the connected database. Inside a transaction.
pub fn own_name() -> String {
    // SAFETY: a catalogue look-up; the name is palloc'd and NUL-terminated, or NULL.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        if name.is_null() {
            return String::new();
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// All of them. Inside a transaction.
pub fn list() -> Result<Vec<Database>> {
    let mut databases = Vec::new();
    // SAFETY: `pg_database` can be read without a database, for the server does so at each
    // connection; each row is read before the scan goes on.
    unsafe {
        let mode = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::table_open(pg_sys::DatabaseRelationId, mode);
        let scan = pg_sys::table_beginscan_catalog(relation, 0, std::ptr::null_mut());
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let row = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
            databases.push(Database {
                oid: row.oid,
                name: CStr::from_ptr(row.datname.data.as_ptr()).to_string_lossy().into_owned(),
                // The limit is below -1 where a DROP DATABASE has failed half-way.
                is_open: row.datallowconn && row.datconnlimit >= -1,
            });
        }
        pg_sys::table_endscan(scan);
        pg_sys::table_close(relation, mode);
    }
    Ok(databases)
}

/// OIDs of the databases that have a folder in any tablespace. Needs no connection and works on a
/// standby. Fails rather than leave one out.
pub fn on_disk() -> io::Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    add_numbered(Path::new("base"), &mut found)?;
    for tablespace in std::fs::read_dir("pg_tblspc")? {
        for version in std::fs::read_dir(tablespace?.path())? {
            add_numbered(&version?.path(), &mut found)?;
        }
    }
    Ok(found)
}

fn add_numbered(folder: &Path, found: &mut BTreeSet<u32>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(())
}
