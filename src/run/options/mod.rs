//! The options of a run: as SQL gives them, checked.

mod table;
#[cfg(test)]
mod tests;
mod values;

use crate::error::{Error, Result};
use crm_ai_metrics::{Minimums, Promote};
use crm_ai_wire::training::{Method, Pooling, TableTask, TextTask};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use table::Spec;

/// The base that stands for the champion.
pub const CONTINUE: &str = "continue";
/// The key that holds options besides those with arguments of their own.
const KEYS: &str = "options";
/// Characters of an unknown name that a message shows.
const SHOWN_CHARS: usize = 63;

/// Kind of model that is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A classifier of texts.
    Text,
    /// A classifier of records.
    Table,
}

impl Kind {
    /// By its name in SQL.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "text" => Ok(Self::Text),
            "table" => Ok(Self::Table),
            _ => Err(Error::invalid_argument("kind is neither text nor table")
                .hint("call crm_ai.train or crm_ai.train_table")),
        }
    }

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
        }
    }

    /// The names of the columns that a call names.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["text_column", "label_column"],
            Self::Table => &["target_column"],
        }
    }
}

/// All that a run is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Task and columns.
    pub what: What,
    /// The options of every run.
    pub common: Common,
}

/// The options of every run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Common {
    /// Share of the rows that is held out.
    pub test_size: f64,
    /// Decides the split and every draw.
    pub seed: i64,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Condition for the promotion of the new version.
    pub promote: Promote,
    /// Lowest figures for the promotion of the new version.
    #[serde(flatten)]
    pub minimums: Minimums,
}

/// Task of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The class of a text.
    Text(Box<TextOptions>),
    /// The class of a record.
    Table(TableOptions),
}

/// Columns of a source that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns<'a> {
    /// Of a text classifier.
    Text {
        /// Column of the texts.
        text: &'a str,
        /// Column of the labels.
        label: &'a str,
        /// Column of the rows' weights.
        weight: Option<&'a str>,
    },
    /// All columns, of which one is the class.
    Table {
        /// Column of the classes.
        target: &'a str,
    },
}

impl What {
    /// The columns that it reads.
    pub fn columns(&self) -> Columns<'_> {
        match self {
            Self::Text(text) => Columns::Text {
                text: &text.text_column,
                label: &text.label_column,
                weight: text.weight_column.as_deref(),
            },
            Self::Table(table) => Columns::Table { target: &table.target_column },
        }
    }
}

/// Of a text classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct TextOptions {
    /// Column of the texts.
    pub text_column: String,
    /// Column of the labels.
    pub label_column: String,
    /// Column of the rows' weights.
    pub weight_column: Option<String>,
    /// The model to begin with, `continue` for the champion; `None` for the built-in encoder.
    pub base: Option<String>,
    /// The rest, whose folder the worker fills in.
    pub task: TextTask,
}

/// Of a classifier of records.
#[derive(Debug, Clone, PartialEq)]
pub struct TableOptions {
    /// Column of the classes.
    pub target_column: String,
    /// The rest.
    pub task: TableTask,
}

impl Options {
    /// The arguments of a call and the keys of its `options` as one object. 22023 for an option
    /// that is given as both.
    pub fn merge(kind: Kind, arguments: Value) -> Result<Value> {
        let Value::Object(mut merged) = arguments else { return Err(no_object()) };
        let keys = match merged.remove(KEYS) {
            None => return Ok(Value::Object(merged)),
            Some(Value::Object(keys)) => keys,
            Some(_) => return Err(no_object()),
        };
        for (name, value) in keys {
            let spec = table::find(kind, &name).ok_or_else(|| unknown(kind, &name))?;
            let argument = merged.get(&name);
            if argument.is_some_and(|argument| !are_equal(argument, &spec.default())) {
                return Err(Error::invalid_argument(format!(
                    "{name} is given both as an argument and in options"
                ))
                .hint("give it as one of the two"));
            }
            merged.insert(name, value);
        }
        Ok(Value::Object(merged))
    }

    /// Reads and checks merged options. 22023 names what is wrong.
    pub fn read(kind: Kind, merged: &Value) -> Result<Self> {
        let given = merged.as_object().ok_or_else(no_object)?;
        let is_known =
            |name: &str| kind.columns().contains(&name) || table::find(kind, name).is_some();
        if let Some(name) = given.keys().find(|name| !is_known(name)) {
            return Err(unknown(kind, name));
        }
        let mut checked = Map::new();
        for spec in table::of(kind) {
            let value = given.get(spec.name).cloned().unwrap_or_else(|| spec.default());
            checked.insert(spec.name.to_owned(), check(spec, &value)?);
        }
        let what = match kind {
            Kind::Text => What::Text(Box::new(TextOptions::read(given, &mut checked)?)),
            Kind::Table => What::Table(TableOptions::read(given, &checked)?),
        };
        Ok(Self { what, common: parse(&checked)? })
    }
}

/// True if two JSON values are the same, numbers by their value.
fn are_equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The value of an option as the trainer is told it. NULL is valid where it is the default.
fn check(spec: &Spec, value: &Value) -> Result<Value> {
    if let Some(read) = spec.values.read(value) {
        return Ok(read);
    }
    if value.is_null() && spec.default().is_null() {
        return Ok(Value::Null);
    }
    let plain = |markdown: &str| markdown.replace('`', "");
    Err(Error::invalid_argument(format!(
        "invalid value for {}; expected {}",
        spec.name,
        plain(&spec.values.describe())
    ))
    .hint(format!("{}: {}; the default is {}", spec.name, plain(spec.help), spec.default)))
}

fn parse<T: DeserializeOwned>(checked: &Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(checked.clone()))
        .map_err(|error| Error::internal(format!("options of a run: {error}")))
}

fn no_object() -> Error {
    Error::invalid_argument("options must be a JSON object")
        .hint("write them as in '{\"min_accuracy\": 0.8}'")
}

fn unknown(kind: Kind, name: &str) -> Error {
    let shown: String = name.chars().take(SHOWN_CHARS).collect();
    let known: Vec<&str> = table::of(kind).map(|spec| spec.name).collect();
    Error::invalid_argument(format!("unrecognized option \"{shown}\""))
        .hint(format!("the options are {}", known.join(", ")))
}

/// The name of a column.
fn column(given: &Map<String, Value>, name: &str) -> Result<String> {
    let column = given.get(name).and_then(Value::as_str).filter(|column| !column.is_empty());
    column.map(str::to_owned).ok_or_else(|| {
        Error::invalid_argument(format!("{name} names no column"))
            .hint("give the column's name exactly as it is stored")
    })
}

/// A string that may be NULL.
fn string(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

impl TextOptions {
    fn read(given: &Map<String, Value>, checked: &mut Map<String, Value>) -> Result<Self> {
        let mut take = |name: &str| checked.remove(name).and_then(string);
        // A model's name here; the trainer is told its folder.
        let (base, weight_column) = (take("base"), take("weight_column"));
        let task: TextTask = parse(checked)?;
        check_head(&task)?;
        if task.pooling.is_some() && base.as_deref() == Some(CONTINUE) {
            return Err(Error::invalid_argument("pooling of a champion stays as it is")
                .hint("leave pooling out, or choose another base"));
        }
        Ok(Self {
            text_column: column(given, "text_column")?,
            label_column: column(given, "label_column")?,
            weight_column,
            base,
            task,
        })
    }
}

/// Options that a head would pass over in silence.
fn check_head(task: &TextTask) -> Result<()> {
    if task.method != Method::Head {
        return Ok(());
    }
    for (name, given) in
        [("label_smoothing", task.label_smoothing), ("base_share", task.base_share)]
    {
        if given > 0.0 {
            return Err(Error::invalid_argument(format!("{name} does not apply to a head"))
                .hint("leave it out, or choose method => 'fine_tune'"));
        }
    }
    if task.pooling == Some(Pooling::Cls) {
        return Err(Error::invalid_argument("pooling of a head is the mean")
            .hint("leave pooling out, or choose method => 'fine_tune'"));
    }
    Ok(())
}

impl TableOptions {
    fn read(given: &Map<String, Value>, checked: &Map<String, Value>) -> Result<Self> {
        Ok(Self { target_column: column(given, "target_column")?, task: parse(checked)? })
    }
}
