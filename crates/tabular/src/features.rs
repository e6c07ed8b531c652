//! Features of a record: `features.json`, and the row of numbers made by it.

use crate::Calibration;
use crate::error::Error;
use crate::values::{self, Moment, number_of};
use crm_ai_wire::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The form of `features.json` that is written and read.
const FORMAT: u32 = 1;
/// Most features of a model: bounds what a batch of records takes.
pub(crate) const FEATURES_MAX: usize = 20_000;
/// Most classes of a model.
pub(crate) const LABELS_MAX: usize = 1000;

/// Columns, classes, and what is known of the model beside its trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// The file's form.
    format: u32,
    /// Class names in the order of the answers.
    pub labels: Vec<String>,
    /// The columns in the order of their features.
    pub columns: Vec<Column>,
    /// Calibration of the trees' sums; absent from a file that somebody else made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Share of each column in the gain of all splits, largest first; sums to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub importances: Vec<(String, f64)>,
}

/// One column and what it is taken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The column's exact name.
    pub name: String,
    /// Kind of the column.
    #[serde(flatten)]
    pub kind: Kind,
}

/// Kind of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// One feature: the number, also out of a text that holds one.
    Number,
    /// One feature: 1 or 0.
    Boolean,
    /// A feature for each value: 1 where the record has it, else 0.
    Category {
        /// The values, the most frequent first. Others are 0 everywhere.
        values: Vec<String>,
    },
    /// Too many values for a feature each: what share of the classes each value has had.
    Rates {
        /// The shares of a value that is not listed.
        prior: Vec<f32>,
        /// For each value the share of the second class, or of every class where there are more
        /// than two; drawn towards the prior where rows are few.
        values: BTreeMap<String, Vec<f32>>,
    },
    /// Four features: days since 1970-01-01, month, day of the month, weekday (1 is Monday).
    Date,
    /// Those of a date, in UTC, and the hour.
    Timestamp,
    /// No feature.
    Ignored {
        /// The reason.
        reason: String,
    },
}

impl Kind {
    /// Number of features.
    pub fn width(&self) -> usize {
        match self {
            Self::Number | Self::Boolean => 1,
            Self::Category { values } => values.len(),
            Self::Rates { prior, .. } => prior.len(),
            Self::Date => 4,
            Self::Timestamp => 5,
            Self::Ignored { .. } => 0,
        }
    }

    /// Appends a value's features; a missing value, or one that is not of this kind, gives NaNs.
    pub(crate) fn put(&self, value: &Value, row: &mut Vec<f32>) {
        let missing = |row: &mut Vec<f32>| row.resize(row.len() + self.width(), f32::NAN);
        match self {
            Self::Ignored { .. } => {}
            Self::Number => row.push(number_of(value).unwrap_or(f32::NAN)),
            Self::Boolean => row.push(truth_of(value)),
            Self::Date | Self::Timestamp => match values::text_of(value).and_then(Moment::of) {
                None => missing(row),
                Some(moment) => {
                    let [month, day, weekday, hour] = moment.parts();
                    row.extend([moment.days as f32, month, day, weekday]);
                    if matches!(self, Self::Timestamp) {
                        row.push(hour);
                    }
                }
            },
            Self::Category { values } => match category_of(value) {
                None => missing(row),
                Some(found) => {
                    row.extend(values.iter().map(|known| f32::from(u8::from(*known == found))));
                }
            },
            Self::Rates { prior, values } => match category_of(value) {
                None => missing(row),
                Some(found) => row.extend(values.get(&found).unwrap_or(prior)),
            },
        }
    }
}

/// A value as a category's name; `None` for a missing value and for lists and objects.
pub(crate) fn category_of(value: &Value) -> Option<String> {
    match value {
        Value::String(_) => values::text_of(value).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// 1, 0 or NaN; texts as PostgreSQL writes truth values.
fn truth_of(value: &Value) -> f32 {
    match value {
        Value::Bool(truth) => f32::from(u8::from(*truth)),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => 1.0,
            Some(0.0) => 0.0,
            _ => f32::NAN,
        },
        Value::String(text) => match text.trim() {
            "true" | "t" => 1.0,
            "false" | "f" => 0.0,
            _ => f32::NAN,
        },
        _ => f32::NAN,
    }
}

impl Features {
    /// Features of columns, without anything that is known after the training.
    pub(crate) fn new(labels: Vec<String>, columns: Vec<Column>) -> Self {
        Self { format: FORMAT, labels, columns, calibration: None, importances: Vec::new() }
    }

    /// Reads `features.json`, a stranger's file.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let malformed = |reason: &str| Error::Malformed(reason.to_owned());
        let features: Self =
            serde_json::from_slice(json).map_err(|error| Error::Malformed(error.to_string()))?;
        if features.format != FORMAT {
            return Err(malformed("its format is not 1"));
        }
        let labels: BTreeSet<&String> = features.labels.iter().collect();
        if labels.len() != features.labels.len() || !(2..=LABELS_MAX).contains(&labels.len()) {
            return Err(malformed("its labels are not between 2 and 1000 different ones"));
        }
        let names: BTreeSet<&String> = features.columns.iter().map(|column| &column.name).collect();
        if names.len() != features.columns.len() {
            return Err(malformed("a column comes twice"));
        }
        if !(1..=FEATURES_MAX).contains(&features.width()) {
            return Err(malformed("it has no feature or more than 20000"));
        }
        let even = |column: &Column| match &column.kind {
            Kind::Rates { prior, values } => values.values().all(|row| row.len() == prior.len()),
            _ => true,
        };
        if !features.columns.iter().all(even) {
            return Err(malformed("rates of one column have several lengths"));
        }
        Ok(features)
    }

    /// The file's content.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.kind.width()).sum()
    }

    /// A record's features: [`width`](Self::width) numbers, NaN where a value is missing. Columns
    /// that the record lacks are missing values; columns that the model does not know are ignored.
    pub fn row(&self, record: &Map<String, Value>) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.width());
        for column in &self.columns {
            column.kind.put(record.get(&column.name).unwrap_or(&Value::Null), &mut row);
        }
        row
    }

    /// The same of a record's JSON text.
    pub fn row_of_json(&self, record: &str) -> Result<Vec<f32>, Error> {
        let record: Map<String, Value> = json::read(record).map_err(|_| Error::Record)?;
        Ok(self.row(&record))
    }

    /// The features of each category column.
    pub(crate) fn categories(&self) -> Vec<Range<usize>> {
        let mut first = 0;
        let ranges = self.columns.iter().map(|column| {
            let range = first..first + column.kind.width();
            first = range.end;
            (matches!(column.kind, Kind::Category { .. }) && !range.is_empty()).then_some(range)
        });
        ranges.flatten().collect()
    }

    /// For each feature the position of its column.
    pub(crate) fn owners(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        columns.flat_map(|(index, column)| vec![index; column.kind.width()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn features() -> Features {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let values = ["red", "blue"].map(str::to_owned).to_vec();
        let rates = BTreeMap::from([("Bern".to_owned(), vec![0.25])]);
        Features::new(
            vec!["no".to_owned(), "yes".to_owned()],
            vec![
                column("age", Kind::Number),
                column("colour", Kind::Category { values }),
                column("note", Kind::Ignored { reason: "free text".to_owned() }),
                column("city", Kind::Rates { prior: vec![0.5], values: rates }),
                column("since", Kind::Date),
                column("seen", Kind::Timestamp),
                column("active", Kind::Boolean),
            ],
        )
    }

    /// NaN is written as −1 to compare.
    fn row(record: Value) -> Vec<f32> {
        let row = features().row(record.as_object().unwrap());
        row.into_iter().map(|number| if number.is_nan() { -1.0 } else { number }).collect()
    }

    #[test]
    fn a_record_becomes_numbers() {
        let record = json!({
            "age": " 41 ", "colour": "blue", "note": "hello", "city": "Bern",
            "since": "1970-01-05", "seen": "1970-01-01T12:30:00+00:00", "active": true,
            "unknown": [1, 2]
        });
        let seen = [12.5 / 24.0, 1.0, 1.0, 4.0, 12.0];
        let expected = [&[41.0, 0.0, 1.0, 0.25, 4.0, 1.0, 5.0, 1.0][..], &seen, &[1.0]].concat();
        assert_eq!(row(record), expected);
    }

    #[test]
    fn what_is_missing_stays_missing_and_what_is_unknown_is_no_value_of_the_list() {
        assert_eq!(row(json!({})), [-1.0; 14]);
        let odd = json!({
            "age": "old", "colour": " ", "city": {"a": 1}, "since": "soon", "active": "maybe"
        });
        assert_eq!(row(odd), [-1.0; 14]);
        let unknown = row(json!({ "colour": "green", "city": "Rom" }));
        assert_eq!(unknown[..4], [-1.0, 0.0, 0.0, 0.5]);
    }

    #[test]
    fn the_file_comes_back_and_a_bent_one_is_refused() {
        let json = features().to_json();
        assert_eq!(Features::from_json(&json), Ok(features()));
        let bent = |change: &dyn Fn(&mut Value)| {
            let mut value: Value = serde_json::from_slice(&json).unwrap();
            change(&mut value);
            Features::from_json(value.to_string().as_bytes())
        };
        assert!(bent(&|_| {}).is_ok());
        assert!(bent(&|value| value["format"] = json!(2)).is_err());
        assert!(bent(&|value| value["labels"] = json!(["one"])).is_err());
        assert!(bent(&|value| value["labels"] = json!(["a", "a"])).is_err());
        assert!(bent(&|value| value["columns"] = json!([])).is_err());
        assert!(bent(&|value| value["columns"][1]["name"] = json!("age")).is_err());
        assert!(bent(&|value| value["columns"][0]["kind"] = json!("magic")).is_err());
        assert!(bent(&|value| value["columns"][3]["values"]["x"] = json!([1, 2])).is_err());
        assert!(Features::from_json(b"{").is_err());
        assert_eq!(features().row_of_json("[1]"), Err(Error::Record));
    }
}
