//! A record, as a JSON object, cleaned by its columns' kinds.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

use super::guess::{guess, part_of_name};
use super::kind::{Kind, KindError};
use super::value::clean;
use crate::pause;
use crate::phone::Region;

/// Reason why a record cannot be cleaned at all. Contains nothing of its values.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not a JSON object.
    #[error("a record is a JSON object, column by column")]
    NotAnObject,
    /// The kinds are not a JSON object of texts.
    #[error("columns is a JSON object that maps each column's name to its kind")]
    NotAMap,
    /// One of the kinds.
    #[error("column \"{column}\": {error}")]
    Kind {
        /// The column.
        column: String,
        /// The problem of its kind.
        error: KindError,
    },
}

/// Reads `{"column": "kind", …}`.
pub fn kinds_of(columns: &str) -> Result<BTreeMap<String, Kind>, RecordError> {
    let texts: BTreeMap<String, String> =
        serde_json::from_str(columns).map_err(|_| RecordError::NotAMap)?;
    texts
        .into_iter()
        .map(|(column, kind)| match kind.parse() {
            // A column of first or last names is no whole name, whoever calls it one.
            Ok(Kind::Name) => {
                let kind = part_of_name(&column).unwrap_or(Kind::Name);
                Ok((column, kind))
            }
            Ok(kind) => Ok((column, kind)),
            Err(error) => Err(RecordError::Kind { column, error }),
        })
        .collect()
}

/// The record `{"row": …, "problems": [{"column", "value_kind", "problem"}], "ok": …}` of the JSON
/// object `record`. `ok` is false where a value could not be read, and became null.
///
/// `kinds` says what the columns hold, and other columns stay as they are; where it is none, kinds
/// are guessed from names and values. Numbers are read as they are written; booleans, arrays and
/// objects are not cleaned (`not_a_text`, where a kind was given).
pub fn clean_record(
    record: &str,
    kinds: Option<&BTreeMap<String, Kind>>,
    region: Region,
) -> Result<String, RecordError> {
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(record).map_err(|_| RecordError::NotAnObject)?;
    let mut row: BTreeMap<&str, Value> = BTreeMap::new();
    let mut kept: BTreeMap<&str, &RawValue> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut ok = true;
    for (column, raw) in &fields {
        pause::now();
        let (kind, field) = (kind_of(column, raw, kinds, region), field(raw));
        let mut tell = |problem: &str| {
            problems.push(json!({"column": column, "value_kind": kind.name(), "problem": problem}));
        };
        match field {
            _ if kind == Kind::Keep => _ = kept.insert(column, raw),
            Field::Null => _ = kept.insert(column, raw),
            Field::Boolean if matches!(kind, Kind::Boolean) => _ = kept.insert(column, raw),
            Field::Boolean | Field::Nested => {
                tell("not_a_text");
                ok = false;
                kept.insert(column, raw);
            }
            Field::Text(text) => {
                let cleaned = clean(&text, kind.in_region(region));
                ok &= !cleaned.is_invalid();
                if let Some(problem) = cleaned.problem {
                    tell(problem);
                }
                row.insert(column, json_of(cleaned.value, kind));
            }
        }
    }
    Ok(assemble(&row, &kept, &problems, ok))
}

/// Truth values become JSON's own, all else is text.
fn json_of(value: Option<String>, kind: Kind) -> Value {
    match (value, kind) {
        (Some(value), Kind::Boolean) => Value::Bool(value == "true"),
        (Some(value), _) => Value::String(value),
        (None, _) => Value::Null,
    }
}

/// Content of a field, as far as cleaning cares.
enum Field {
    Null,
    Boolean,
    Nested,
    Text(String),
}

fn field(raw: &RawValue) -> Field {
    match raw.get().as_bytes().first() {
        Some(b'"') => Field::Text(serde_json::from_str(raw.get()).unwrap_or_default()),
        Some(b'n') => Field::Null,
        Some(b't' | b'f') => Field::Boolean,
        Some(b'{' | b'[') => Field::Nested,
        _ => Field::Text(raw.get().to_owned()),
    }
}

fn kind_of(
    column: &str,
    raw: &RawValue,
    kinds: Option<&BTreeMap<String, Kind>>,
    region: Region,
) -> Kind {
    if let Some(kinds) = kinds {
        return kinds.get(column).copied().unwrap_or_default();
    }
    // A number is what it is, but for a phone that lost its quotes.
    match (field(raw), raw.get().starts_with('"')) {
        (Field::Text(text), true) => guess(column, &[&text], region),
        (Field::Text(text), false) => match guess(column, &[&text], region) {
            kind @ Kind::Phone(_) => kind,
            _ => Kind::Keep,
        },
        _ => Kind::Keep,
    }
}

/// Puts the parts together; what was kept goes through letter by letter, so that no number loses a
/// digit.
fn assemble(
    row: &BTreeMap<&str, Value>,
    kept: &BTreeMap<&str, &RawValue>,
    problems: &[Value],
    ok: bool,
) -> String {
    let name = |column: &str| Value::String(column.to_owned()).to_string();
    let cleaned = row.iter().map(|(column, value)| format!("{}:{value}", name(column)));
    let kept = kept.iter().map(|(column, raw)| format!("{}:{}", name(column), raw.get()));
    let row = cleaned.chain(kept).collect::<Vec<_>>().join(",");
    format!("{{\"row\":{{{row}}},\"problems\":{},\"ok\":{ok}}}", Value::from(problems.to_vec()))
}
