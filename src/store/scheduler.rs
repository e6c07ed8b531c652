//! Which databases are registered for a scheduler: those that have `crm_ai.scheduler = on` as a
//! setting of theirs, in a catalogue that all databases share.

use super::clean::sql;
use crate::error::Result;
use crate::pg::{board, session};
use crate::settings;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

/// The setting as the catalogue writes it.
const REGISTERED: &str = "crm_ai.scheduler=on";

/// All of them.
pub fn registered_databases() -> Result<Vec<Oid>> {
    let sql = "SELECT setdatabase FROM pg_catalog.pg_db_role_setting
               WHERE setdatabase <> 0 AND setrole = 0 AND setconfig @> ARRAY[$1]";
    Ok(Spi::connect(|client| {
        let rows = client.select(sql, None, &[REGISTERED.into()])?;
        rows.filter_map(|row| row.get::<Oid>(1).transpose())
            .collect::<std::result::Result<Vec<_>, pgrx::spi::Error>>()
    })?)
}

/// Whether this database will have a scheduler after a restart, too: it is registered, or listed in
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
    let listed = settings::databases();
    Ok(super::fetch::<bool>(sql, &[listed.into(), REGISTERED.into()])?.unwrap_or(false))
}

/// Registers this database, if it is not yet, with the rights of the extension's owner.
pub fn register_database() -> Result<()> {
    let is_registered = format!(
        "EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                 WHERE d.datname = current_database() AND s.setrole = 0
                     AND s.setconfig @> ARRAY['{REGISTERED}'])"
    );
    session::as_owner(|| {
        Spi::connect_mut(|client| {
            let ask = format!("SELECT {is_registered}, current_database()::text");
            let rows = client.select(&ask, Some(1), &[])?.first();
            let (known, name) = (rows.get::<bool>(1)?, rows.get::<String>(2)?);
            if known == Some(true) {
                return Ok(());
            }
            // Two sessions that change one row of the catalogue at once would fail.
            client.update("SELECT pg_advisory_xact_lock(6517357, 1)", None, &[])?;
            let name = sql::identifier(&name.unwrap_or_default());
            let set = format!("ALTER DATABASE {name} SET crm_ai.scheduler = 'on'");
            client.update(&set, None, &[])?;
            Ok::<_, pgrx::spi::Error>(())
        })
    })?;
    Ok(())
}
