//! Databases registered for a scheduler: those that have `crm_ai.scheduler = on` as a setting of
//! theirs, in a catalogue that all databases share.

use super::{Lock, registry, sql};
use crate::error::Result;
use crate::pg::board;
use crate::settings;
use pgrx::pg_sys::Oid;

/// The setting as the catalogue writes it.
const REGISTERED: &str = "crm_ai.scheduler=on";

/// All of them.
pub fn registered_databases() -> Result<Vec<Oid>> {
    let sql = "SELECT setdatabase FROM pg_catalog.pg_db_role_setting
               WHERE setdatabase OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
                   AND setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid
                   AND setconfig OPERATOR(pg_catalog.@>) ARRAY[$1]::pg_catalog.text[]";
    let databases = registry::rows(sql, &[REGISTERED.into()], |row| row.get::<Oid>(1))?;
    Ok(databases.into_iter().flatten().collect())
}

/// True if this database will have a scheduler after a restart, too: it is registered, or listed in
/// `crm_ai.databases`.
pub fn is_lasting() -> Result<bool> {
    if !board::is_preloaded() {
        return Ok(false);
    }
    let sql = "SELECT current_database()::text = ANY ($1) OR EXISTS (
                   SELECT FROM pg_db_role_setting
                   WHERE setdatabase = (SELECT oid FROM pg_database
                                        WHERE datname = current_database())
                       AND setrole = 0 AND setconfig @> ARRAY[$2])";
    registry::is_true(sql, &[settings::databases().into(), REGISTERED.into()])
}

/// Registers this database, if it is not yet, with the rights of the extension's owner.
pub fn register_database() -> Result<()> {
    let sql = "SELECT EXISTS (
                   SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                   WHERE d.datname = current_database() AND s.setrole = 0
                       AND s.setconfig @> ARRAY[$1])";
    if registry::is_true(sql, &[REGISTERED.into()])? {
        return Ok(());
    }
    // Two sessions that change one row of the catalogue at once would fail.
    Lock::Registration.take()?;
    let name = registry::value::<String>("SELECT current_database()::text", &[])?;
    let name = sql::identifier(&name.unwrap_or_default());
    registry::change(&format!("ALTER DATABASE {name} SET crm_ai.scheduler = 'on'"), &[])?;
    Ok(())
}
