//! The tables that cleaning makes: the target and its companions.

use crate::error::{Error, Result};
use crate::pg::roles;
use crate::store::caller::{run, value};
use crate::store::sql;
use crate::store::table::Table;
use crate::store::target::{TargetName, comment, find, set_comment};
use pgrx::pg_sys;

/// Suffixes of the companions' names.
const REJECTS: &str = "_rejects";
const CHANGES: &str = "_changes";
/// Prefix of the comments of tables that are made here.
const MADE_BY: &str = "crm_ai.clean_table";
const IN_PLACE: &str = "crm_ai.clean_table in place";

/// A target of cleaning.
#[derive(Debug, Clone)]
pub struct CleanTarget(TargetName);

impl CleanTarget {
    /// Reads a name as SQL writes it; see [`TargetName::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        TargetName::parse(text, &[REJECTS, CHANGES]).map(Self)
    }

    /// The table of that name, where there is one.
    pub fn oid(&self) -> Option<pg_sys::Oid> {
        self.0.oid
    }

    /// The table itself, in SQL.
    pub fn table(&self) -> String {
        self.0.table()
    }

    /// The table of rejected rows.
    pub fn rejects(&self) -> String {
        self.0.beside(REJECTS)
    }

    /// The table of changed values.
    pub fn changes(&self) -> String {
        self.0.beside(CHANGES)
    }

    /// For people to read.
    pub fn shown(&self) -> String {
        self.0.shown()
    }

    fn companions(&self) -> [String; 2] {
        [self.0.name.clone() + REJECTS, self.0.name.clone() + CHANGES]
    }

    /// Fails with 42P07 where the target (unless cleaned in place) or a companion exists; removes
    /// them before that where they may be replaced.
    pub fn make_room(&self, source: &Table, in_place: bool, replace: bool) -> Result<()> {
        if self.0.schema == source.schema && self.companions().contains(&source.name) {
            return Err(Error::invalid_argument(format!(
                "the source \"{}\" has the name of a companion of the target",
                source.name
            ))
            .hint("give the target another name"));
        }
        self.0.check_schema()?;
        for name in self.companions() {
            self.make_room_for(&name, replace, true)?;
        }
        if !in_place {
            self.make_room_for(&self.0.name, replace, false)?;
        }
        Ok(())
    }

    /// A companion is replaced only where it was made here: a table that happens to have its name
    /// is somebody's.
    fn make_room_for(&self, name: &str, replace: bool, is_companion: bool) -> Result<()> {
        let Some((_, oid)) = find(Some(&self.0.schema), name)? else { return Ok(()) };
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
        run(&format!("DROP TABLE {}", sql::qualified(&self.0.schema, name)))?;
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
            set_comment(&table, &text)?;
        }
        Ok(())
    }

    /// Fails unless the table was cleaned in place and what was recorded is still there: 55000. The
    /// companions are locked, and then belong to `writer`, who takes from them: whoever owns
    /// another table or view of their names could have code of theirs run by it.
    pub fn take_companions(&self, writer: pg_sys::Oid) -> Result<()> {
        let mut found = Vec::new();
        for name in self.companions() {
            match find(Some(&self.0.schema), &name)? {
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
            let is_same = find(Some(&self.0.schema), &name)?.is_some_and(|(_, now)| now == oid);
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
                    self.0.name
                ))
                .hint("have its owner look at it, and drop it or hand it over"));
            }
            let table = sql::qualified(&self.0.schema, &name);
            let writer = roles::role_name(writer).unwrap_or_default();
            run(&format!("ALTER TABLE {table} OWNER TO {}", sql::identifier(&writer)))?;
        }
        Ok(())
    }

    fn nothing_to_undo(&self) -> Error {
        Error::wrong_state(format!("nothing is recorded to undo for table \"{}\"", self.0.name))
            .hint(
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
