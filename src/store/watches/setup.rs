//! Beginning and ending a watch.

use super::{Value, Watch, key_columns, queue};
use crate::error::{Error, Result};
use crate::pg::{board, roles, session, transaction};
use crate::store::sql;
use crate::store::table::Table;
use crate::store::{caller, registry};
use pgrx::{notice, pg_sys};

/// Arguments of `crm_ai.watch`.
#[derive(Debug)]
pub struct Request<'a> {
    /// The table.
    pub source: pg_sys::Oid,
    /// The column with the text.
    pub text_column: &'a str,
    /// The model, or a version.
    pub model: &'a str,
    /// The column for the answer.
    pub target_column: &'a str,
    /// The column for the version that gave it.
    pub version_column: Option<&'a str>,
    /// `keep` or `rescore`.
    pub on_promotion: &'a str,
    /// Old rows queued in a second; 0 for none.
    pub backfill_rate: i32,
}

/// The form of answers in a column, by its type; 42804 if it cannot hold any.
pub fn value_for(table: &Table, target: &str, labels: &[String], judges: bool) -> Result<Value> {
    let column = &table.columns[table.find(target)?];
    let among = |oids: &[pg_sys::Oid]| oids.contains(&column.base.oid);
    let wanted = if column.base.is_text() {
        if judges { Value::Label } else { Value::Class }
    } else if among(&[pg_sys::INT2OID, pg_sys::INT4OID, pg_sys::INT8OID]) {
        Value::Level
    } else if among(&[pg_sys::FLOAT4OID, pg_sys::FLOAT8OID, pg_sys::NUMERICOID]) {
        Value::Score
    } else if among(&[pg_sys::FLOAT4ARRAYOID, pg_sys::FLOAT8ARRAYOID]) {
        Value::Vector
    } else {
        return Err(Error::wrong_type(format!(
            "column \"{target}\" has a type that no model's answer is written as"
        ))
        .hint(
            "use text for a label, smallint for a level, real for a score, real[] for a vector",
        ));
    };
    let is_encoder = labels.is_empty();
    let problem = match wanted {
        Value::Vector if !is_encoder => "a vector comes from an encoder alone, such as minilm",
        Value::Label | Value::Class if is_encoder => "an encoder gives vectors: use real[]",
        Value::Level | Value::Score if !judges => {
            "levels and scores come from a model that judges sentiment"
        }
        _ => return Ok(wanted),
    };
    Err(Error::invalid_argument(format!("the model does not answer what \"{target}\" can hold"))
        .hint(problem))
}

/// Fails where the columns cannot serve.
pub fn check(table: &Table, request: &Request<'_>) -> Result<()> {
    if !table.is_own_table() {
        return Err(Error::wrong_object(format!(
            "\"{}\" is not a table that can be watched",
            table.name
        ))
        .hint("watch a table, or a partitioned one, to which nothing inherits"));
    }
    let text = table.find(request.text_column)?;
    if !table.columns[text].base.is_text() {
        let column = request.text_column;
        return Err(Error::wrong_type(format!("column \"{column}\" is not of a text type"))
            .hint("a model reads text"));
    }
    if table.primary_key.is_empty() {
        return Err(super::no_key(&table.name));
    }
    let target = table.find(request.target_column)?;
    let by = request.version_column.map(|name| table.find(name)).transpose()?;
    for written in std::iter::once(target).chain(by) {
        let column = &table.columns[written];
        let problem = if column.is_computed || column.is_numbered {
            "is generated"
        } else if table.primary_key.contains(&written) {
            "is part of the primary key"
        } else if written == text {
            "holds the text itself"
        } else if by == Some(target) {
            "cannot hold both the answer and its version"
        } else {
            continue;
        };
        return Err(Error::invalid_argument(format!("column \"{}\" {problem}", column.name))
            .hint("name a column of its own for what is written"));
    }
    if let Some(by) = by.filter(|&by| !table.columns[by].base.is_text()) {
        let column = &table.columns[by].name;
        return Err(Error::wrong_type(format!("column \"{column}\" cannot hold a version"))
            .hint("a version is text, such as 'sentiment@1'"));
    }
    let temporary = "SELECT relpersistence OPERATOR(pg_catalog.=) 't'::\"char\"
                     FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) $1";
    if caller::value::<bool>(temporary, &[table.oid.into()])? == Some(true) {
        return Err(Error::wrong_object(format!("\"{}\" is a temporary table", table.name))
            .hint("the worker that fills it cannot see it: watch a table that stays"));
    }
    check_rights(table, request)
}

/// Fails unless the caller may do all that the watch does on its behalf.
fn check_rights(table: &Table, request: &Request<'_>) -> Result<()> {
    let key = table.primary_key.iter().map(|&index| table.columns[index].name.as_str());
    let read = key.chain([request.text_column, request.target_column]);
    let written = std::iter::once(request.target_column).chain(request.version_column);
    let needed = read
        .map(|column| (column, "SELECT"))
        .chain(request.version_column.map(|column| (column, "SELECT")))
        .chain(written.map(|column| (column, "UPDATE")));
    for (column, right) in needed {
        let sql = "SELECT pg_catalog.has_column_privilege($1::pg_catalog.oid, $2, $3)";
        let arguments = [table.oid.into(), column.into(), right.into()];
        if caller::value::<bool>(sql, &arguments)? != Some(true) {
            return Err(Error::not_allowed(format!(
                "permission denied for column \"{column}\" of table \"{}\"",
                table.name
            ))
            .hint(format!("a watch needs {right} on it")));
        }
    }
    let sql = "SELECT pg_catalog.has_table_privilege($1::pg_catalog.oid, 'TRIGGER')";
    if caller::value::<bool>(sql, &[table.oid.into()])? != Some(true) {
        return Err(Error::not_allowed(format!("permission denied for table \"{}\"", table.name))
            .hint("a watch needs TRIGGER on it"));
    }
    Ok(())
}

/// Writes the watch down and makes its triggers. Gives its number.
pub fn begin(table: &Table, request: &Request<'_>, version: &str) -> Result<i32> {
    let sql = "SELECT pg_catalog.current_setting('search_path'),
                   pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('TimeZone')";
    let settings = caller::first(sql, &[], |row| {
        let setting = |place| row.get::<String>(place).map(Option::unwrap_or_default);
        Ok([setting(1)?, setting(2)?, setting(3)?])
    })?;
    let settings = settings.unwrap_or_default();
    let id = insert(table, request, version, settings)?;
    let key: Vec<String> =
        key_columns(table).into_iter().map(|index| differs(table, index)).collect();
    let text = sql::plain_literal(request.text_column);
    let table_name = table.sql_name();
    // With the owner's rights, since the function is granted to nobody: whoever could name it could
    // queue keys for the watches of others. `check` has asked for the caller's.
    let text_changed = differs(table, table.find(request.text_column)?);
    let changed = format!("WHEN ({text_changed} OR {})", key.join(" OR "));
    // A condition costs each statement the time to prepare it: the function looks for NULL itself.
    for (event, when) in [("INSERT", ""), ("UPDATE", changed.as_str())] {
        let create = format!(
            "CREATE TRIGGER {} AFTER {event} ON {table_name} FOR EACH ROW {when}
             EXECUTE FUNCTION crm_ai.watch_queue('{id}', {text})",
            trigger_name(id, event)
        );
        registry::change(&create, &[])?;
    }
    Ok(id)
}

/// The SQL condition that a column has another value in the new row. It calls nobody's code: it is
/// run by whoever writes the table.
fn differs(table: &Table, index: usize) -> String {
    let column = &table.columns[index];
    let of = |row: &str| column.as_text(&format!("{row}.{}", sql::identifier(&column.name)));
    format!("{} IS DISTINCT FROM {}", of("OLD"), of("NEW"))
}

fn trigger_name(id: i32, event: &str) -> String {
    sql::identifier(&format!("crm_ai_watch_{id}_{}", event.to_lowercase()))
}

fn insert(
    table: &Table,
    request: &Request<'_>,
    version: &str,
    [path, dates, zone]: [String; 3],
) -> Result<i32> {
    let user = roles::current_user();
    let sql = "INSERT INTO crm_ai.watch (owner, source, text_column, model, target_column,
                   version_column, on_promotion, backfill_rate, search_path, date_style, time_zone)
               VALUES ($1::oid, $2::oid, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               ON CONFLICT (source, target_column) DO NOTHING RETURNING id";
    let state = "INSERT INTO crm_ai.watch_state (watch, version, backfill) VALUES ($1, $2, $3)";
    let arguments = [
        user.into(),
        table.oid.into(),
        request.text_column.into(),
        request.model.into(),
        request.target_column.into(),
        request.version_column.into(),
        request.on_promotion.into(),
        request.backfill_rate.into(),
        path.into(),
        dates.into(),
        zone.into(),
    ];
    let backfill = (request.backfill_rate > 0).then_some("missing");
    let id = registry::returning_value::<i32>(sql, &arguments)?;
    if let Some(id) = id {
        registry::change(state, &[id.into(), version.into(), backfill.into()])?;
    }
    id.ok_or_else(|| {
        Error::duplicate(format!(
            "column \"{}\" of table \"{}\" is filled by a watch already",
            request.target_column, table.name
        ))
        .hint("end that one with crm_ai.unwatch")
    })
}

/// Ends a watch: gives up the batch that is under way, and removes the watch with its triggers and
/// what waits for it. What others hold locked for long is left to the scheduler.
pub fn end(watch: &Watch) -> Result<()> {
    queue::delete(watch.id)?;
    board::interrupt_watch(watch.id);
    if drop_triggers(watch.id)? {
        queue::clear(watch.id)?;
    } else {
        notice!("the triggers of the watch are dropped when the table is free");
    }
    Ok(())
}

/// Removes what ended watches have left; tells whether all of it is gone.
pub fn remove_remains() -> Result<bool> {
    let mut all = true;
    for watch in queue::ended()? {
        all &= drop_triggers(watch)? && queue::clear(watch)?;
    }
    Ok(all)
}

/// Longest wait for the lock of the triggers' table, in milliseconds: longer than it takes to end a
/// batch.
const LOCK_WAIT: &str = "5000";

/// Drops the triggers of a watch; `false` where somebody holds their table.
fn drop_triggers(watch: i32) -> Result<bool> {
    // A trigger's arguments are kept one after the other, each with a zero byte behind it.
    let sql = "SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
               FROM pg_trigger t, convert_to($1::text || ' ', 'UTF8') first(argument)
               WHERE t.tgfoid = 'crm_ai.watch_queue()'::regprocedure AND t.tgparentid = 0
                   AND octet_length(t.tgargs) >= octet_length(first.argument)
                   AND substring(t.tgargs FROM 1 FOR octet_length(first.argument))
                       = set_byte(first.argument, octet_length(first.argument) - 1, 0)";
    let drops = registry::rows(sql, &[watch.into()], |row| row.get::<String>(1))?;
    for drop in drops.into_iter().flatten() {
        let dropped = transaction::subtransaction(|| {
            session::with_settings(&[(c"lock_timeout", LOCK_WAIT)], || registry::change(&drop, &[]))
        });
        match dropped {
            Ok(_) => {}
            Err(error) if error.state() == "55P03" => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
