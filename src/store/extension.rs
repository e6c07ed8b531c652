//! The extension itself: whether it is there, and locks that order what is done to it.

use super::registry;
use crate::error::{Error, Result};
use crate::pg::catalog::{self, Kept};
use crate::pg::{session, transaction};
use pgrx::pg_sys::Oid;

/// Begins an operation on the registry, named `act` in errors. 25006 on a standby and in a
/// read-only transaction, 55P03 while the extension is being dropped: whoever drops it may wait for
/// what the present transaction has read.
pub fn begin_act(act: &str) -> Result<()> {
    session::prevent_if_read_only(act);
    match catalog::keep_extension(false) {
        Kept::IsDropped => Err(Error::is_locked("extension crm_ai is being dropped")),
        Kept::Yes | Kept::No => Ok(()),
    }
}

/// Runs `work` on the registry in a worker's transaction of its own; 42704 where the extension was
/// dropped.
pub fn in_transaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    transaction::run(|| match is_installed()? {
        true => work(),
        false => Err(Error::undefined("extension crm_ai does not exist any more")),
    })
}

/// True if the extension is in the connected database, in the version of this library. Keeps it
/// from being dropped until the transaction ends: whoever drops it waits here, before it holds
/// anything that others wait for.
pub fn is_usable() -> Result<bool> {
    Ok(is_installed()? && version()?.as_deref() == Some(env!("CARGO_PKG_VERSION")))
}

/// True if the extension is in the connected database, in any version; with the same lock.
pub fn is_installed() -> Result<bool> {
    Ok(catalog::keep_extension(true) == Kept::Yes)
}

/// The version of the extension's objects.
fn version() -> Result<Option<String>> {
    let sql = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'crm_ai'";
    registry::value(sql, &[])
}

/// A lock that orders what the extension's processes do, until the transaction ends. It is of the
/// kind that the server takes on catalogued objects, of tables that nobody else may lock: advisory
/// locks could be held by anyone.
#[derive(Debug, Clone, Copy)]
pub enum Lock {
    /// Taking up runs.
    Runs,
    /// Registering the database for a scheduler.
    Registration,
    /// Adding and removing one artifact, by 48 bits of its digest.
    Artifact([u8; 6]),
}

impl Lock {
    /// Waits for the lock.
    pub fn take(self) -> Result<()> {
        let (table, object, part) = match self {
            Self::Runs => (c"run", 0, 0),
            Self::Registration => (c"watch", 0, 0),
            Self::Artifact([a, b, c, d, e, f]) => {
                let object = u32::from_be_bytes([a, b, c, d]);
                (c"artifact", object, u16::from_be_bytes([e, f]))
            }
        };
        catalog::lock_object(table, Oid::from(object), part)
    }
}
