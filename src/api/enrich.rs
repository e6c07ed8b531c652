//! The trigger function `crm_enrich('target=function(column[, literal])', …)`: for each row before
//! it is written, or for a whole statement after it.

use crate::error::{Error, Result as Outcome};
use crate::pg::trigger::{self, Column, NewRow};
use crate::store::enrich::{self, Enrichment};
use pgrx::AllocatedByPostgres;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Fills columns with what our functions make of others.
#[pg_trigger]
fn crm_enrich<'a>(
    trigger: &'a PgTrigger<'a>,
) -> std::result::Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
    // pgrx turns an error of a trigger into XX000; raised here it keeps its SQLSTATE.
    let row = fill(trigger).map_err(ErrorReport::from).unwrap_or_report();
    Ok(row.map(NewRow::into_tuple))
}

fn fill<'a>(trigger: &'a PgTrigger<'a>) -> Outcome<Option<NewRow<'a>>> {
    let arguments = trigger
        .extra_args()
        .map_err(|_| Error::invalid_argument("arguments of crm_enrich must be strings"))?;
    let enrichments = read(arguments)?;
    let written =
        matches!(trigger.op(), Ok(PgTriggerOperation::Insert | PgTriggerOperation::Update));
    let before = matches!(trigger.when(), Ok(PgTriggerWhen::Before));
    match (trigger.level(), before) {
        (PgTriggerLevel::Row, true) if written => fill_row(trigger, &enrichments).map(Some),
        (PgTriggerLevel::Statement, false) if written => {
            fill_statement(trigger, &enrichments).map(|()| None)
        }
        _ => Err(Error::wrong_trigger(
            "crm_enrich is for triggers BEFORE INSERT OR UPDATE FOR EACH ROW, or AFTER INSERT or \
             AFTER UPDATE FOR EACH STATEMENT",
        )),
    }
}

thread_local! {
    /// The arguments that were read last: a statement fires the same trigger for every row.
    static READ: RefCell<Option<Read>> = const { RefCell::new(None) };
}

/// Arguments, and what they say.
type Read = (Vec<String>, Rc<Vec<Enrichment>>);

fn read(arguments: Vec<String>) -> Outcome<Rc<Vec<Enrichment>>> {
    let known = READ.with_borrow(|last| {
        last.as_ref().filter(|(known, _)| *known == arguments).map(|(_, read)| Rc::clone(read))
    });
    if let Some(read) = known {
        return Ok(read);
    }
    let read = Rc::new(enrich::parse(&arguments)?);
    READ.set(Some((arguments, Rc::clone(&read))));
    Ok(read)
}

/// Fills the row that is about to be written, where its text is new.
fn fill_row<'a>(trigger: &'a PgTrigger<'a>, enrichments: &[Enrichment]) -> Outcome<NewRow<'a>> {
    let row = NewRow::of(trigger)
        .ok_or_else(|| Error::wrong_trigger("crm_enrich was called without a row"))?;
    let schema = trigger::function_schema(trigger);
    let mut changes = Vec::new();
    for enrichment in enrichments {
        let target = target(&row, &enrichment.target)?;
        let source = text(&row, &enrichment.column)?;
        if !row.is_changed(source) {
            continue;
        }
        let value = match row.text(source) {
            Some(text) => enrich::value(enrichment, &schema, &text)?,
            None => None,
        };
        changes.push((target, value));
    }
    if changes.is_empty() { Ok(row) } else { row.with(&changes) }
}

fn column(row: &NewRow<'_>, name: &str) -> Outcome<Column> {
    row.column(name).ok_or_else(|| {
        Error::undefined_column(format!("crm_enrich: column \"{name}\" does not exist"))
            .hint("name the trigger's columns exactly as they are stored")
    })
}

fn target(row: &NewRow<'_>, name: &str) -> Outcome<Column> {
    let column = column(row, name)?;
    if column.is_computed {
        return Err(enrich::generated_target(name));
    }
    Ok(column)
}

fn text(row: &NewRow<'_>, name: &str) -> Outcome<Column> {
    let column = column(row, name)?;
    if !column.base().is_text() {
        return Err(enrich::not_text(name));
    }
    if column.is_computed {
        return Err(Error::invalid_argument(format!(
            "crm_enrich: column \"{name}\" is generated, and is computed after this trigger"
        ))
        .hint("use a trigger AFTER INSERT or AFTER UPDATE FOR EACH STATEMENT"));
    }
    Ok(column)
}

/// Fills the rows that the statement has written.
fn fill_statement(trigger: &PgTrigger<'_>, enrichments: &[Enrichment]) -> Outcome<()> {
    let relation = trigger
        .relid()
        .map_err(|_| Error::wrong_trigger("crm_enrich was called without a table"))?;
    let new = trigger.new_transition_table_name().ok().flatten().ok_or_else(|| {
        Error::wrong_trigger("crm_enrich needs the rows that the statement wrote").hint(
            "write REFERENCING NEW TABLE AS new_rows; PostgreSQL allows that for one event, so \
             make one trigger AFTER INSERT and one AFTER UPDATE",
        )
    })?;
    let statement = enrich::Statement {
        relation,
        schema: trigger::function_schema(trigger),
        new,
        old: trigger.old_transition_table_name().ok().flatten(),
        is_update: matches!(trigger.op(), Ok(PgTriggerOperation::Update)),
    };
    let Some(_writing) = Writing::begin(relation) else { return Ok(()) };
    enrich::fill(trigger, &statement, enrichments)
}

thread_local! {
    /// The tables that this function is writing to, each with the depth of triggers at which.
    static WRITING: RefCell<Vec<(pg_sys::Oid, i32)>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, the trigger that our own UPDATE fires is known.
struct Writing;

impl Writing {
    /// `None` where the trigger was fired by what this function writes.
    fn begin(relation: pg_sys::Oid) -> Option<Self> {
        let depth = trigger::depth();
        WRITING.with_borrow_mut(|writing| {
            if writing.last() == Some(&(relation, depth - 1)) {
                return None;
            }
            writing.push((relation, depth));
            Some(Self)
        })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.with_borrow_mut(Vec::pop);
    }
}
