//! Single records: who in the table is this, and why two rows are one person or not.

use crate::error::{Error, Result};
use crate::store::linkage::{self, Lookup, Registered};
use crm_ai_linkage::stored::{Compared, Record, Stored, evidence, to_json};
use pgrx::JsonB;
use std::cell::RefCell;
use std::rc::Rc;

/// Least probability of a row that is told.
const LEAST: f64 = 0.05;

/// A row that may be a record's person.
#[derive(Debug)]
pub struct Hit {
    /// Its key.
    pub key: String,
    /// The probability that it is.
    pub probability: f64,
    /// The evidence, a column each.
    pub evidence: JsonB,
}

/// One line of a pair's evidence.
#[derive(Debug)]
pub struct Explained {
    /// The column; `prior`, `swapped names` or `relatives`.
    pub column: String,
    /// The values of both rows.
    pub values: (Option<String>, Option<String>),
    /// Level of their agreement.
    pub level: Option<String>,
    /// The weight in bits.
    pub weight: f64,
    /// The weights so far.
    pub total: f64,
}

thread_local! {
    /// The model that was asked last, with its search's [`Registered::id`].
    static LAST: RefCell<Option<(String, Rc<Stored>)>> = const { RefCell::new(None) };
}

fn stored(registered: &Registered) -> Result<Rc<Stored>> {
    let known = LAST.with_borrow(|last| last.clone().filter(|(id, _)| *id == registered.id));
    if let Some((_, stored)) = known {
        return Ok(stored);
    }
    let model = registered.model.as_deref().ok_or_else(|| {
        Error::wrong_state(format!("the search {} learned nothing", registered.target.shown()))
            .hint("its table had fewer than two rows, or no column whose values differ")
    })?;
    let stored: Stored = serde_json::from_str(model).map_err(|_| {
        Error::wrong_state(format!("the model of {} cannot be read", registered.target.shown()))
            .hint("search again: crm_ai.dedupe makes it anew")
    })?;
    let stored = Rc::new(stored);
    LAST.set(Some((registered.id.clone(), Rc::clone(&stored))));
    Ok(stored)
}

/// The rows of a search's table that are most probably a record's person, best first.
pub fn find(target: &str, record: &serde_json::Value, rows_max: usize) -> Result<Vec<Hit>> {
    let registered = linkage::registered(target)?;
    let stored = stored(&registered)?;
    let own = values(record, &stored.headers)?;
    let key = record.get(&registered.key).and_then(text);
    let table = stored.table(std::slice::from_ref(&own));
    let hashes = stored.hashes(&table).of(&table, 0);
    let lookup = Lookup { hashes, without: key.as_deref() };
    let keys = linkage::look_up(&registered, &lookup)?;
    let source = registered.right_table()?;
    let found = linkage::records_of(&source, &registered.key, &stored.headers, &keys)?;
    let (keys, rows): (Vec<String>, Vec<Record>) = found.into_iter().unzip();
    let records: Vec<Record> = std::iter::once(own).chain(rows).collect();
    let mut compared: Vec<Compared> = stored.compare(&records);
    compared.retain(|compared| compared.probability() >= LEAST);
    compared.sort_by(|a, b| {
        b.weight.total_cmp(&a.weight).then_with(|| keys[a.place - 1].cmp(&keys[b.place - 1]))
    });
    compared.truncate(rows_max);
    let hit = |compared: Compared| Hit {
        key: keys[compared.place - 1].clone(),
        probability: compared.probability(),
        evidence: JsonB(to_json(&evidence(stored.columns(), &compared.weighed))),
    };
    Ok(compared.into_iter().map(hit).collect())
}

/// The values of a record in a model's columns; others are left alone.
fn values(record: &serde_json::Value, headers: &[String]) -> Result<Record> {
    if !record.is_object() {
        return Err(Error::invalid_argument("the record is not a JSON object")
            .hint("give values by column, as in '{\"name\": \"Ann Lee\"}', or to_jsonb(row)"));
    }
    Ok(headers.iter().map(|header| record.get(header).and_then(text)).collect())
}

/// A JSON value as the text that a column of it would have.
fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The evidence of two rows of a search's tables, line by line.
pub fn explain(target: &str, left_key: &str, right_key: &str) -> Result<Vec<Explained>> {
    let registered = linkage::registered(target)?;
    let stored = stored(&registered)?;
    let row = |table: crate::store::table::Table, key: &str| -> Result<Record> {
        let keys = [key.to_owned()];
        let rows = linkage::records_of(&table, &registered.key, &stored.headers, &keys)?;
        let missing = || {
            Error::not_found("no row that you may read has this key")
                .hint("give keys of the table that was searched, as text")
        };
        rows.into_iter().next().map(|(_, record)| record).ok_or_else(missing)
    };
    let records =
        vec![row(registered.table()?, left_key)?, row(registered.right_table()?, right_key)?];
    let compared = stored.compare(&records).into_iter().next();
    let compared = compared.ok_or_else(|| Error::internal("nothing was compared"))?;
    let place = |name: &str| stored.columns().position(|(column, _)| column == name);
    let value = |record: &Record, name: &str| {
        let header = stored.source(place(name)?);
        let column = stored.headers.iter().position(|known| known == header)?;
        record[column].clone()
    };
    let mut total = stored.prior();
    let mut lines = vec![Explained {
        column: "prior".to_owned(),
        values: (None, None),
        level: None,
        weight: total,
        total,
    }];
    for (name, level, weight) in evidence(stored.columns(), &compared.weighed) {
        total += weight;
        lines.push(Explained {
            column: name.to_owned(),
            values: (value(&records[0], name), value(&records[1], name)),
            level: level.map(str::to_owned),
            weight,
            total,
        });
    }
    Ok(lines)
}
