//! Tables that a call makes: their names, and what is there of them.

use super::caller::{first, value};
use super::sql;
use crate::error::{Error, Result};
use pgrx::pg_sys;

/// Longest name of a table, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// A target by its name.
#[derive(Debug, Clone)]
pub struct TargetName {
    /// Its schema, not quoted.
    pub schema: String,
    /// See `schema`.
    pub name: String,
    /// The table of that name, where there is one.
    pub oid: Option<pg_sys::Oid>,
}

impl TargetName {
    /// Reads a name as SQL writes it: `customer_clean`, `public."Clean"`. A name without schema is
    /// that of the table that it means now, or else of a new one in the first schema of the search
    /// path. 42622 where the name leaves no room for `suffixes` behind it.
    pub fn parse(text: &str, suffixes: &[&str]) -> Result<Self> {
        let parts = format!("SELECT pg_catalog.parse_ident({})", sql::literal(text));
        let parts = value::<Vec<String>>(&parts, &[])?.unwrap_or_default();
        let (schema, name) = match &parts[..] {
            [name] => (None, name.clone()),
            [schema, name] => (Some(schema.clone()), name.clone()),
            _ => {
                return Err(Error::invalid_argument("target is not the name of a table")
                    .hint("give a name, or schema.name"));
            }
        };
        let longest = suffixes.iter().map(|suffix| suffix.len()).max().unwrap_or_default();
        if name.len() + longest > NAME_BYTES_MAX {
            return Err(Error::name_too_long(format!(
                "target \"{name}\" leaves no room for {} behind it",
                suffixes.join(" and ")
            ))
            .hint(format!("give a name of at most {} bytes", NAME_BYTES_MAX - longest)));
        }
        let found = find(schema.as_deref(), &name)?;
        let (schema, oid) = match (found, schema) {
            (Some((schema, oid)), _) => (schema, Some(oid)),
            (None, Some(schema)) => (schema, None),
            (None, None) => (current_schema()?, None),
        };
        Ok(Self { schema, name, oid })
    }

    /// The table itself, in SQL.
    pub fn table(&self) -> String {
        self.beside("")
    }

    /// A table whose name has a suffix, in SQL.
    pub fn beside(&self, suffix: &str) -> String {
        sql::qualified(&self.schema, &format!("{}{suffix}", self.name))
    }

    /// For people to read.
    pub fn shown(&self) -> String {
        let plain = |name: &str| {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
            if begins && name.chars().all(is_plain) {
                name.to_owned()
            } else {
                sql::identifier(name)
            }
        };
        format!("{}.{}", plain(&self.schema), plain(&self.name))
    }

    /// Fails before the work where the tables could not be made after it: 3F000, 42501.
    pub fn check_schema(&self) -> Result<()> {
        // Stands for a schema that is made when it is first used.
        if self.schema == "pg_temp" {
            return Ok(());
        }
        let sql = format!(
            "SELECT pg_catalog.has_schema_privilege({}, 'CREATE'::pg_catalog.text)",
            sql::literal(&self.schema)
        );
        if value::<bool>(&sql, &[])? == Some(true) {
            return Ok(());
        }
        Err(Error::not_allowed(format!("permission denied for schema {}", self.schema))
            .hint("name a target in a schema where you may create tables"))
    }
}

/// The relation of that name with its schema; by the search path where no schema is named.
pub fn find(schema: Option<&str>, name: &str) -> Result<Option<(String, pg_sys::Oid)>> {
    let written = match schema {
        Some(schema) => sql::qualified(schema, name),
        None => sql::identifier(name),
    };
    let eq = sql::EQ;
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.oid
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid {eq} c.relnamespace
         WHERE c.oid {eq} pg_catalog.to_regclass({})::pg_catalog.oid",
        sql::literal(&written)
    );
    let found = first(&sql, &[], |row| Ok((row.get::<String>(1)?, row.get::<pg_sys::Oid>(2)?)))?;
    Ok(found.and_then(|(schema, oid)| schema.zip(oid)))
}

fn current_schema() -> Result<String> {
    let sql = "SELECT pg_catalog.current_schema()::pg_catalog.text";
    value::<String>(sql, &[])?.ok_or_else(|| {
        Error::undefined_schema("no schema has been selected to create the target in")
            .hint("name the target with its schema, or set search_path")
    })
}

/// The comment on a relation, by which the tables that are made here are known.
pub fn comment(oid: pg_sys::Oid) -> Result<Option<String>> {
    let sql = format!(
        "SELECT pg_catalog.obj_description({}::pg_catalog.oid, 'pg_class'::pg_catalog.name)",
        oid.to_u32()
    );
    value::<String>(&sql, &[])
}

/// Comments on a table.
pub fn set_comment(table: &str, text: &str) -> Result<()> {
    let text = text.replace('\'', "''").replace('\\', "\\\\");
    super::caller::run(&format!("COMMENT ON TABLE {table} IS E'{text}'"))?;
    Ok(())
}
