//! The trigger function `crm_clean('column=kind', …, 'on_invalid=keep|null|error')`.

use crate::error::Error;
use crate::pg::trigger::{Column, NewRow};
use crate::store::clean::default_region;
use crm_ai_clean::rows::{self, Kind};
use pgrx::AllocatedByPostgres;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::pg_sys::panic::{ErrorReport, ErrorReportable};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

type Outcome<T> = crate::error::Result<T>;

/// Treatment of a value that its kind cannot read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum OnInvalid {
    /// It is written as it came.
    #[default]
    Keep,
    /// NULL is written.
    Null,
    /// The statement fails.
    Error,
}

/// The arguments of a trigger.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    columns: Vec<(String, Kind)>,
    on_invalid: OnInvalid,
}

/// Cleans columns of each row before it is written.
#[pg_trigger]
fn crm_clean<'a>(
    trigger: &'a PgTrigger<'a>,
) -> std::result::Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, ErrorReport> {
    // pgrx turns an error of a trigger into XX000; raised here it keeps its SQLSTATE.
    let row = clean(trigger).map_err(ErrorReport::from).unwrap_or_report();
    Ok(Some(row.into_tuple()))
}

fn clean<'a>(trigger: &'a PgTrigger<'a>) -> Outcome<NewRow<'a>> {
    let is_before = matches!(trigger.when(), Ok(PgTriggerWhen::Before));
    let Some(row) = NewRow::of(trigger).filter(|_| is_before) else {
        return Err(Error::wrong_trigger(
            "crm_clean is for triggers BEFORE INSERT OR UPDATE FOR EACH ROW alone",
        ));
    };
    let arguments = trigger
        .extra_args()
        .map_err(|_| Error::invalid_argument("arguments of crm_clean must be strings"))?;
    let options = options(arguments)?;
    let mut changes = Vec::new();
    for (name, kind) in &options.columns {
        let column = column(&row, name)?;
        if let Some(raw) = row.text(column)
            && let Some(value) = clean_one(&raw, name, *kind, options.on_invalid)?
        {
            changes.push((column, value));
        }
    }
    if changes.is_empty() { Ok(row) } else { row.with(&changes) }
}

/// The value to write in place of `raw`; none where it stays.
fn clean_one(
    raw: &str,
    name: &str,
    kind: Kind,
    on_invalid: OnInvalid,
) -> Outcome<Option<Option<String>>> {
    let cleaned = rows::clean(raw, kind.in_region(default_region()?));
    if !cleaned.is_invalid() {
        return Ok((cleaned.value.as_deref() != Some(raw)).then_some(cleaned.value));
    }
    match on_invalid {
        OnInvalid::Keep => Ok(None),
        OnInvalid::Null => Ok(Some(None)),
        OnInvalid::Error => {
            let problem = cleaned.problem.unwrap_or_default();
            Err(Error::refused_value(format!(
                "the value for column \"{name}\" is not a valid {}: {problem}",
                kind.name()
            ))
            .hint("correct the value; crm_clean's on_invalid=keep or null would let it pass"))
        }
    }
}

fn column(row: &NewRow<'_>, name: &str) -> Outcome<Column> {
    let column = row.column(name).ok_or_else(|| {
        Error::undefined_column(format!("crm_clean: column \"{name}\" does not exist"))
            .hint("name the trigger's columns exactly as they are stored")
    })?;
    if column.is_computed || !column.base().is_text() {
        return Err(Error::invalid_argument(format!(
            "crm_clean: column \"{name}\" is generated or not of a text type"
        ))
        .hint("clean values are text"));
    }
    Ok(column)
}

thread_local! {
    /// The arguments that were read last: a statement fires the same trigger for every row.
    static OPTIONS: RefCell<Option<(Vec<String>, Rc<Options>)>> = const { RefCell::new(None) };
}

fn options(arguments: Vec<String>) -> Outcome<Rc<Options>> {
    let known = OPTIONS.with_borrow(|last| {
        last.as_ref().filter(|(known, _)| *known == arguments).map(|(_, read)| Rc::clone(read))
    });
    if let Some(options) = known {
        return Ok(options);
    }
    let options = Rc::new(parse(&arguments)?);
    OPTIONS.set(Some((arguments, Rc::clone(&options))));
    Ok(options)
}

fn parse(arguments: &[String]) -> Outcome<Options> {
    const HINT: &str = "write EXECUTE FUNCTION crm_clean('phone=phone:US', 'on_invalid=null')";
    let mut options = Options::default();
    for argument in arguments {
        let Some((name, value)) = argument.rsplit_once('=') else {
            return Err(
                Error::invalid_argument("an argument of crm_clean is not column=kind").hint(HINT)
            );
        };
        if name == "on_invalid" {
            options.on_invalid = match value {
                "keep" => OnInvalid::Keep,
                "null" => OnInvalid::Null,
                "error" => OnInvalid::Error,
                _ => {
                    return Err(Error::invalid_argument(
                        "crm_clean: invalid value for on_invalid; expected keep, null or error",
                    )
                    .hint(HINT));
                }
            };
        } else {
            options.columns.push((name.to_owned(), value.parse::<Kind>()?));
        }
    }
    if options.columns.is_empty() {
        return Err(Error::invalid_argument("crm_clean names no column to clean").hint(HINT));
    }
    Ok(options)
}
