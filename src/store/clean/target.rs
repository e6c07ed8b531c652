//! The tables that cleaning makes: the target and its companions.

use crate::error::{Error, Result};
use crate::pg::roles;
use crate::store::caller::{first, run, value};
use crate::store::sql;
use crate::store::table::Table;
use pgrx::pg_sys;

/// Longest name of a table, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// Suffixes of the companions' names.
const REJECTS: &str = "_rejects";
const CHANGES: &str = "_changes";
/// Prefix of the comments of tables that are made here.
const MADE_BY: &str = "crm_ai.clean_table";
const IN_PLACE: &str = "crm_ai.clean_table in place";

/// A target by its name.
#[derive(Debug, Clone)]
pub struct CleanTarget {
    schema: String,
    name: String,
    /// The table of that name, where there is one.
    pub oid: Option<pg_sys::Oid>,
}

impl CleanTarget {
    /// Reads a name as SQL writes it: `customer_clean`, `public."Clean"`. A name without schema is
    /// that of the table that it means now, or else of a new one in the first schema of the search
    /// path.
    pub fn parse(text: &str) -> Result<Self> {
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
        if name.len() + REJECTS.len().max(CHANGES.len()) > NAME_BYTES_MAX {
            return Err(Error::name_too_long(format!(
                "target \"{name}\" leaves no room for {REJECTS} and {CHANGES} behind it"
            ))
            .hint("give a name of at most 55 bytes"));
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
        sql::qualified(&self.schema, &self.name)
    }

    /// The table of rejected rows.
    pub fn rejects(&self) -> String {
        sql::qualified(&self.schema, &(self.name.clone() + REJECTS))
    }

    /// The table of changed values.
    pub fn changes(&self) -> String {
        sql::qualified(&self.schema, &(self.name.clone() + CHANGES))
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

    fn companions(&self) -> [String; 2] {
        [self.name.clone() + REJECTS, self.name.clone() + CHANGES]
    }

    /// Fails with 42P07 where the target (unless cleaned in place) or a companion exists; removes
    /// them before that where they may be replaced.
    pub fn make_room(&self, source: &Table, in_place: bool, replace: bool) -> Result<()> {
        if self.schema == source.schema && self.companions().contains(&source.name) {
            return Err(Error::invalid_argument(format!(
                "the source \"{}\" has the name of a companion of the target",
                source.name
            ))
            .hint("give the target another name"));
        }
        self.check_schema()?;
        for name in self.companions() {
            self.make_room_for(&name, replace, true)?;
        }
        if !in_place {
            self.make_room_for(&self.name, replace, false)?;
        }
        Ok(())
    }

    /// Fails before the work where the tables could not be made after it: 3F000, 42501.
    fn check_schema(&self) -> Result<()> {
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

    /// A companion is replaced only where it was made here: a table that happens to have its name
    /// is somebody's.
    fn make_room_for(&self, name: &str, replace: bool, is_companion: bool) -> Result<()> {
        let Some((_, oid)) = find(Some(&self.schema), name)? else { return Ok(()) };
        let is_ours = comment(oid)?.is_some_and(|text| text.starts_with(MADE_BY));
        if !replace {
            return Err(Error::duplicate_table(format!("relation \"{name}\" already exists"))
                .hint("give another target, or replace => true to renew it"));
        }
        if is_companion && !is_ours {
            return Err(Error::duplicate_table(format!(
                "relation \"{name}\" already exists and was not made by {MADE_BY}"
            ))
            .hint("rename it, or give another target"));
        }
        run(&format!("DROP TABLE {}", sql::qualified(&self.schema, name)))?;
        Ok(())
    }

    /// Tells in the catalogue what the tables are; undo reads it, and a dump carries it.
    pub fn comment(&self, source: &Table, in_place: bool) -> Result<()> {
        let by = if in_place { IN_PLACE } else { MADE_BY };
        let of = format!("{}.{}", source.schema, source.name);
        let mut tables = vec![
            (self.rejects(), format!("{by}: rejected rows of {of}")),
            (self.changes(), format!("{by}: changed values of {of}")),
        ];
        if !in_place {
            tables.push((self.table(), format!("{by}: clean rows of {of}")));
        }
        for (table, text) in tables {
            let text = text.replace('\'', "''").replace('\\', "\\\\");
            run(&format!("COMMENT ON TABLE {table} IS E'{text}'"))?;
        }
        Ok(())
    }

    /// Fails unless the table was cleaned in place and what was recorded is still there: 55000. The
    /// companions are locked, and then belong to `writer`, who takes from them: whoever owns
    /// another table or view of their names could have code of theirs run by it.
    pub fn take_companions(&self, writer: pg_sys::Oid) -> Result<()> {
        let mut found = Vec::new();
        for name in self.companions() {
            match find(Some(&self.schema), &name)? {
                Some((_, oid)) if is_companion(oid)? => found.push((name, oid)),
                _ => return Err(self.nothing_to_undo()),
            }
        }
        run(&format!(
            "LOCK TABLE {}, {} IN SHARE ROW EXCLUSIVE MODE",
            self.rejects(),
            self.changes()
        ))?;
        for (name, oid) in found {
            // It may have been replaced before it was locked.
            let is_same = find(Some(&self.schema), &name)?.is_some_and(|(_, now)| now == oid);
            if !is_same || !is_companion(oid)? {
                return Err(self.nothing_to_undo());
            }
            let owner = roles::table_owner(oid);
            if owner == Some(writer) {
                continue;
            }
            if owner != Some(roles::current_user()) {
                return Err(Error::not_allowed(format!(
                    "table \"{name}\" belongs to neither you nor the owner of \"{}\"",
                    self.name
                ))
                .hint("have its owner look at it, and drop it or hand it over"));
            }
            let table = sql::qualified(&self.schema, &name);
            let writer = roles::role_name(writer).unwrap_or_default();
            run(&format!("ALTER TABLE {table} OWNER TO {}", sql::identifier(&writer)))?;
        }
        Ok(())
    }

    fn nothing_to_undo(&self) -> Error {
        Error::wrong_state(format!("nothing is recorded to undo for table \"{}\"", self.name)).hint(
            "only a table that clean_table cleaned in place can be undone, from the companions \
             that it left",
        )
    }

    /// Removes the companions.
    pub fn drop_companions(&self) -> Result<()> {
        run(&format!("DROP TABLE {}, {}", self.rejects(), self.changes()))?;
        Ok(())
    }
}

/// The relation of that name with its schema; by the search path where no schema is named.
fn find(schema: Option<&str>, name: &str) -> Result<Option<(String, pg_sys::Oid)>> {
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

/// True if a relation is a plain table, and a companion by its comment.
fn is_companion(oid: pg_sys::Oid) -> Result<bool> {
    let sql = format!(
        "SELECT c.relkind OPERATOR(pg_catalog.=) 'r'::\"char\"
             AND NOT c.relhasrules AND NOT c.relhassubclass
         FROM pg_catalog.pg_class c WHERE c.oid {} $1",
        sql::EQ
    );
    let is_table = value::<bool>(&sql, &[oid.into()])? == Some(true);
    Ok(is_table && comment(oid)?.is_some_and(|text| text.starts_with(IN_PLACE)))
}

fn comment(oid: pg_sys::Oid) -> Result<Option<String>> {
    let sql = format!(
        "SELECT pg_catalog.obj_description({}::pg_catalog.oid, 'pg_class'::pg_catalog.name)",
        oid.to_u32()
    );
    value::<String>(&sql, &[])
}
