//! Enrichment by `crm_enrich`. All of it runs as whoever fired the trigger, whose right to call the
//! functions, to use the model and to write the table is checked as in their own SQL.

mod arguments;

pub use arguments::{Enrichment, parse};

use super::caller::{self, Plan};
use super::sql;
use super::table::Table;
use crate::error::{Error, Result};
use crate::pg::{catalog, trigger};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Most rows of a statement that is filled by a kept plan: more are worth one of their own, which
/// knows how many they are.
const KEPT_ROWS_MAX: i64 = 100;
/// Most uses of a plan: a table that has grown meanwhile may need another.
const KEPT_USES_MAX: u32 = 100;
/// Most plans kept for single rows; beyond them all are made anew.
const VALUES_MAX: usize = 64;

/// The value of a call for one text, in its text form.
pub fn value(enrichment: &Enrichment, schema: &str, text: &str) -> Result<Option<String>> {
    let schema = sql::identifier(schema);
    let call = enrichment.call(&schema, "$1", sql::literal);
    let query = format!("SELECT ({call})::pg_catalog.text");
    let known = VALUES.with_borrow(|plans| plans.get(&query).map(Rc::clone));
    let plan = match known {
        Some(plan) => plan,
        None => keep_value(query)?,
    };
    plan.value(&[text.into()])
}

/// Plans the query that gives the value for one text, and keeps the plan.
fn keep_value(query: String) -> Result<Rc<Plan>> {
    let plan = Rc::new(Plan::new(&query, &[PgOid::from(pg_sys::TEXTOID)])?);
    VALUES.with_borrow_mut(|plans| {
        if plans.len() >= VALUES_MAX {
            plans.drain().for_each(|(_, plan)| free(Some(plan)));
        }
        free(plans.insert(query, Rc::clone(&plan)));
    });
    Ok(plan)
}

/// A statement whose rows are filled after it.
pub struct Statement<'a> {
    /// The table.
    pub relation: pg_sys::Oid,
    /// The schema of the functions.
    pub schema: String,
    /// The name of the table of new rows.
    pub new: &'a str,
    /// And of old rows, where the trigger names one.
    pub old: Option<&'a str>,
    /// True if it was an UPDATE.
    pub is_update: bool,
}

/// Plans that fill the rows of a trigger's statements.
struct Kept {
    schema: String,
    sql: Rc<str>,
    plan: Option<Rc<Plan>>,
    uses: u32,
}

thread_local! {
    /// By the triggers' OIDs, as long as no table has changed: the number of changes stands first.
    static KEPT: RefCell<(u64, HashMap<u32, Kept>)> = RefCell::default();
    /// Plans that give the value for one text, by their queries, which name all in full.
    static VALUES: RefCell<HashMap<String, Rc<Plan>>> = RefCell::default();
}

/// Frees a plan that no call further out is using.
fn free(plan: Option<Rc<Plan>>) {
    if let Some(Ok(plan)) = plan.map(Rc::try_unwrap) {
        plan.free();
    }
}

/// Writes the values into the rows, by primary key, where the texts are still those that were
/// judged. The plan of the statement gathers the texts of many rows into each request. Reading the
/// catalogue and planning take longer than filling one row, so they are done once for many small
/// statements.
pub fn fill(
    trigger: &PgTrigger<'_>,
    statement: &Statement<'_>,
    enrichments: &[Enrichment],
) -> Result<()> {
    let id = trigger.trigger().tgoid.to_u32();
    let changes = catalog::table_changes();
    let known = KEPT.with_borrow_mut(|(then, kept)| {
        if std::mem::replace(then, changes) != changes {
            kept.drain().for_each(|(_, kept)| free(kept.plan));
        }
        let kept = kept.get_mut(&id).filter(|kept| kept.schema == statement.schema)?;
        kept.uses += 1;
        if kept.uses > KEPT_USES_MAX {
            kept.uses = 0;
            free(kept.plan.take());
        }
        Some((Rc::clone(&kept.sql), kept.plan.clone()))
    });
    let (sql, plan) = match known {
        Some(known) => known,
        None => (write(id, statement, enrichments)?, None),
    };
    let rows = trigger::new_rows(trigger);
    if rows == 0 {
        return Ok(());
    }
    if rows > KEPT_ROWS_MAX {
        return caller::run_in_trigger(&sql, trigger);
    }
    let plan = match plan {
        Some(plan) => plan,
        None => keep(id, Plan::for_trigger(&sql, trigger)?),
    };
    plan.run_in_trigger(trigger)
}

/// Writes the statement that fills the rows, and keeps it.
fn write(id: u32, statement: &Statement<'_>, enrichments: &[Enrichment]) -> Result<Rc<str>> {
    let source = Table::read(statement.relation)?;
    check(&source, enrichments)?;
    let sql: Rc<str> = update(&source, statement, enrichments)?.into();
    let schema = statement.schema.clone();
    let kept = Kept { schema, sql: Rc::clone(&sql), plan: None, uses: 0 };
    let last = KEPT.with_borrow_mut(|(_, all)| all.insert(id, kept));
    free(last.and_then(|last| last.plan));
    Ok(sql)
}

/// Keeps a plan for the trigger's next statements.
fn keep(id: u32, plan: Plan) -> Rc<Plan> {
    let plan = Rc::new(plan);
    KEPT.with_borrow_mut(|(_, all)| {
        if let Some(kept) = all.get_mut(&id) {
            free(kept.plan.replace(Rc::clone(&plan)));
        }
    });
    plan
}

fn check(source: &Table, enrichments: &[Enrichment]) -> Result<()> {
    for enrichment in enrichments {
        if source.columns[source.find(&enrichment.target)?].is_computed {
            return Err(generated_target(&enrichment.target));
        }
        if !source.columns[source.find(&enrichment.column)?].base.is_text() {
            return Err(not_text(&enrichment.column));
        }
    }
    if source.primary_key.is_empty() {
        return Err(Error::wrong_state(format!(
            "table \"{}\" has no primary key, by which crm_enrich writes after a statement",
            source.name
        ))
        .hint("add a primary key, or use a trigger BEFORE INSERT OR UPDATE FOR EACH ROW"));
    }
    Ok(())
}

/// 22023: a value cannot be written there.
pub fn generated_target(name: &str) -> Error {
    Error::invalid_argument(format!("crm_enrich: column \"{name}\" is generated"))
        .hint("fill a plain column; a generated one can call crm_sentiment_at by itself")
}

/// 22023: there is no text to judge.
pub fn not_text(name: &str) -> Error {
    Error::invalid_argument(format!("crm_enrich: column \"{name}\" is not of a text type"))
        .hint("our functions read text")
}

fn update(source: &Table, statement: &Statement<'_>, enrichments: &[Enrichment]) -> Result<String> {
    let schema = sql::identifier(&statement.schema);
    let key: Vec<String> = source
        .primary_key
        .iter()
        .map(|&index| sql::identifier(&source.columns[index].name))
        .collect();
    let mut columns: Vec<String> = key.iter().map(|name| format!("n.{name}")).collect();
    let mut sets = Vec::new();
    let mut same = same_values("t", "q", &key);
    let mut is_new = Vec::new();
    let mut differs = Vec::new();
    for (place, enrichment) in enrichments.iter().enumerate() {
        let target = sql::identifier(&enrichment.target);
        let described = &source.columns[source.find(&enrichment.column)?];
        let column = sql::identifier(&enrichment.column);
        let text = |row: &str| described.as_text(&format!("{row}.{column}"));
        let call = enrichment.call(&schema, &text("n"), sql::literal);
        columns.push(format!("{} AS text{place}", text("n")));
        columns.push(format!("{call} AS value{place}"));
        sets.push(format!("{target} = q.value{place}"));
        same.push(same_text(&text("t"), &format!("q.text{place}")));
        is_new.push(if statement.old.is_some() {
            format!("NOT {}", same_text(&text("o"), &text("n")))
        } else {
            format!("{} IS NOT NULL", text("n"))
        });
        differs.push(format!("t.{target} IS NOT NULL OR q.value{place} IS NOT NULL"));
    }
    let mut rows = format!("{} n", sql::identifier(statement.new));
    let is_computed = |enrichment: &Enrichment| {
        source.columns.iter().any(|column| column.name == enrichment.column && column.is_computed)
    };
    if enrichments.iter().any(is_computed) {
        // Of rows that went into a partition, PostgreSQL shows generated columns only as they were
        // before: NULL. So the rows themselves are read.
        let on = same_values("n", "k", &key).join(" AND ");
        let new = sql::identifier(statement.new);
        rows = format!("{new} k JOIN {} n ON {on}", source.sql_name());
    }
    let mut filter = is_new.join(" OR ");
    if let Some(old) = statement.old {
        let on = same_values("o", "n", &key).join(" AND ");
        rows = format!("{rows} LEFT JOIN {} o ON {on}", sql::identifier(old));
        filter = format!("o.{} IS NULL OR {filter}", key[0]);
    } else if statement.is_update {
        // A text that became NULL takes its value with it.
        filter = "true".to_owned();
    }
    same.push(format!("({})", differs.join(" OR ")));
    Ok(format!(
        "UPDATE {} t SET {} FROM (SELECT {} FROM {rows} WHERE {filter}) q WHERE {}",
        source.sql_name(),
        sets.join(", "),
        columns.join(", "),
        same.join(" AND "),
    ))
}

fn same_values(left: &str, right: &str, names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("{left}.{name} {} {right}.{name}", sql::EQ)).collect()
}

/// The SQL condition that two texts are the same to the byte, or both NULL.
pub fn same_text(left: &str, right: &str) -> String {
    let exactly = |text: &str| format!("({text}) COLLATE pg_catalog.\"C\"");
    format!(
        "({} {} {} OR ({left}) IS NULL AND ({right}) IS NULL)",
        exactly(left),
        sql::EQ,
        exactly(right)
    )
}
