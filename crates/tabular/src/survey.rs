//! Looks through labelled records and decides what each column is.

use crate::error::Error;
use crate::features::{Column, FEATURES_MAX, Features, Kind, LABELS_MAX, category_of};
use crate::values::{self, Moment};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Share of a column's values that must be of a kind; the others then count as missing.
const SHARE_OF_KIND: f64 = 0.98;
/// Categories that get a feature each; a column with more is one of rates.
const VALUES_MAX: usize = 24;
/// Values of which rates are kept, the most frequent.
const RATES_MAX: usize = 10_000;
/// Classes of which rates are kept, each its own feature.
const RATE_CLASSES_MAX: usize = 12;
/// A column of texts with more different values than this share of its rows names single rows.
const DISTINCT_SHARE_MAX: f64 = 0.5;
/// Mean length above which texts are sentences, not names of categories.
const CATEGORY_CHARS_MAX: usize = 64;
/// Rows from which on a column of whole numbers without a gap or repetition is taken for a key.
const KEY_ROWS_MIN: usize = 100;
/// Rows that the prior counts for in a value's rates.
const PRIOR_ROWS: f64 = 10.0;
/// Parts of which each gets the rates of the others' rows.
const FOLDS: usize = 5;

/// The records' labels as positions in the list of classes.
pub(crate) struct Classes {
    /// Class names, in order of the alphabet.
    pub labels: Vec<String>,
    /// Each row's class.
    pub of_rows: Vec<usize>,
}

impl Classes {
    /// Numbers the labels.
    pub fn of<'a>(labels: impl Iterator<Item = &'a str> + Clone) -> Result<Self, Error> {
        let names: BTreeSet<&str> = labels.clone().collect();
        if names.len() < 2 {
            return Err(Error::Data("all rows have the same label".to_owned()));
        }
        if names.len() > LABELS_MAX {
            return Err(Error::Limit(format!("{} classes exceed {LABELS_MAX}", names.len())));
        }
        let places: HashMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let of_rows = labels.filter_map(|label| places.get(label).copied()).collect();
        Ok(Self { labels: names.into_iter().map(str::to_owned).collect(), of_rows })
    }

    /// Rows of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        self.of_rows.iter().for_each(|&class| counts[class] += 1);
        counts
    }

    /// The classes whose rates are features of a column: the second class alone, or every class.
    fn rated(&self) -> std::ops::Range<usize> {
        if self.labels.len() == 2 { 1..2 } else { 0..self.labels.len() }
    }
}

/// Decides what each column of the records is.
pub(crate) fn survey(
    records: &[&Map<String, Value>],
    classes: &Classes,
) -> Result<Features, Error> {
    let mut names: BTreeSet<&String> = BTreeSet::new();
    for record in records {
        names.extend(record.keys());
    }
    let columns: Vec<Column> = names
        .into_iter()
        .map(|name| {
            let values = records.iter().map(|record| record.get(name).unwrap_or(&Value::Null));
            let kind = match kind_of(&values.clone().collect::<Vec<_>>(), classes) {
                Kind::Number if is_called_key(name) && is_key(values) => {
                    Kind::Ignored { reason: "it numbers the rows".to_owned() }
                }
                kind => kind,
            };
            Column { name: name.clone(), kind }
        })
        .collect();
    let features = Features::new(classes.labels.clone(), columns);
    match features.width() {
        0 => Err(Error::Data("no column can be learnt from".to_owned())),
        width if width > FEATURES_MAX => {
            Err(Error::Limit(format!("{width} features exceed {FEATURES_MAX}")))
        }
        _ => Ok(features),
    }
}

/// The kind of a column, by the values of all rows in their order.
fn kind_of(values: &[&Value], classes: &Classes) -> Kind {
    let present: Vec<&Value> =
        values.iter().copied().filter(|value| !values::is_missing(value)).collect();
    let share = |is_of_kind: &dyn Fn(&Value) -> bool| {
        present.iter().filter(|value| is_of_kind(value)).count() as f64 / present.len() as f64
    };
    let ignored = |reason: &str| Kind::Ignored { reason: reason.to_owned() };
    if present.is_empty() {
        return ignored("it has no values");
    }
    if share(&|value| value.is_array() || value.is_object()) > 0.5 {
        return ignored("its values are lists or objects");
    }
    if present.iter().all(|value| **value == *present[0]) && present.len() == values.len() {
        return ignored("it has the same value in every row");
    }
    if share(&Value::is_boolean) >= SHARE_OF_KIND {
        return Kind::Boolean;
    }
    let has_codes = present.iter().any(|v| values::text_of(v).is_some_and(values::is_code));
    let is_number = |value: &Value| values::number_of(value).is_some();
    let may_be_number = |value: &Value| is_number(value) || values::is_nan(value);
    let has_numbers = present.iter().any(|value| is_number(value));
    if !has_codes && has_numbers && share(&may_be_number) >= SHARE_OF_KIND {
        return Kind::Number;
    }
    let moment = |value: &Value| values::text_of(value).and_then(Moment::of);
    if share(&|value| moment(value).is_some()) >= SHARE_OF_KIND {
        let has_time = present.iter().any(|value| moment(value).is_some_and(|m| m.has_time));
        return if has_time { Kind::Timestamp } else { Kind::Date };
    }
    category(values, present.len(), classes)
}

/// True if a column has a key's name.
fn is_called_key(name: &str) -> bool {
    let name = name.to_lowercase();
    ["id", "key", "nr", "number"].iter().any(|end| name.ends_with(end))
}

/// True if numbers are those of a sequence, in any order.
fn is_key<'a>(values: impl Iterator<Item = &'a Value>) -> bool {
    let mut rows = 0;
    let whole: Option<BTreeSet<i64>> =
        values.inspect(|_| rows += 1).map(|value| value.as_i64()).collect();
    whole.is_some_and(|whole| match (whole.first(), whole.last()) {
        (Some(&first), Some(&last)) => {
            let range = last.abs_diff(first) as f64 + 1.0;
            rows >= KEY_ROWS_MIN && whole.len() == rows && range < 1.5 * rows as f64
        }
        _ => false,
    })
}

fn category(values: &[&Value], present: usize, classes: &Classes) -> Kind {
    let mut rows: HashMap<String, usize> = HashMap::new();
    let mut chars = 0;
    for name in values.iter().filter_map(|value| category_of(value)) {
        chars += name.chars().count();
        *rows.entry(name).or_default() += 1;
    }
    if chars > CATEGORY_CHARS_MAX * present {
        return Kind::Ignored { reason: "its values are free text".to_owned() };
    }
    if rows.len() > 2 && rows.len() as f64 > DISTINCT_SHARE_MAX * present as f64 {
        return Kind::Ignored { reason: "most of its values occur once".to_owned() };
    }
    let mut names: Vec<(usize, String)> = rows.into_iter().map(|(name, n)| (n, name)).collect();
    names.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let is_many = names.len() > VALUES_MAX && classes.labels.len() <= RATE_CLASSES_MAX;
    if !is_many {
        let values = names.into_iter().take(VALUES_MAX).map(|(_, name)| name).collect();
        return Kind::Category { values };
    }
    let all = Counts::of(values, classes, &|_| true);
    let prior = all.prior(classes);
    let kept = names.into_iter().take(RATES_MAX);
    let values = kept.map(|(_, name)| (name.clone(), all.rates(&name, &prior, classes))).collect();
    Kind::Rates { prior, values }
}

/// Number of rows of each value and class.
struct Counts {
    total: Vec<f64>,
    values: HashMap<String, Vec<f64>>,
}

impl Counts {
    fn of(values: &[&Value], classes: &Classes, counts: &dyn Fn(usize) -> bool) -> Self {
        let mut all = Self { total: vec![0.0; classes.labels.len()], values: HashMap::new() };
        for (row, value) in values.iter().enumerate().filter(|(row, _)| counts(*row)) {
            let class = classes.of_rows[row];
            all.total[class] += 1.0;
            if let Some(name) = category_of(value) {
                all.values.entry(name).or_insert_with(|| vec![0.0; classes.labels.len()])[class] +=
                    1.0;
            }
        }
        all
    }

    fn prior(&self, classes: &Classes) -> Vec<f32> {
        let rows: f64 = self.total.iter().sum();
        classes.rated().map(|class| (self.total[class] / rows.max(1.0)) as f32).collect()
    }

    /// A value's shares of the classes, drawn towards the prior as if it had been seen
    /// [`PRIOR_ROWS`] times with it (Micci-Barreca 2001, "A Preprocessing Scheme for
    /// High-Cardinality Categorical Attributes").
    fn rates(&self, name: &str, prior: &[f32], classes: &Classes) -> Vec<f32> {
        let Some(counts) = self.values.get(name) else { return prior.to_vec() };
        let rows: f64 = counts.iter().sum();
        let rate = |(class, &prior): (usize, &f32)| {
            ((counts[class] + PRIOR_ROWS * f64::from(prior)) / (rows + PRIOR_ROWS)) as f32
        };
        classes.rated().zip(prior).map(rate).collect()
    }
}

/// The rows' features to learn from: [rows, features], row-major. They are those that
/// [`Features::row`] gives, but for rates: a row's own label must not be in its features, so its
/// rates are those of the other parts' rows.
pub(crate) fn training_rows(
    features: &Features,
    records: &[&Map<String, Value>],
    classes: &Classes,
    seed: u64,
) -> Vec<f32> {
    let width = features.width();
    let mut matrix = Vec::with_capacity(records.len() * width);
    records.iter().for_each(|record| matrix.extend(features.row(record)));
    let mut draws = fastrand::Rng::with_seed(seed);
    let folds: Vec<usize> = records.iter().map(|_| draws.usize(..FOLDS)).collect();
    let mut first = 0;
    for column in &features.columns {
        if let Kind::Rates { prior, values: known } = &column.kind {
            let values: Vec<&Value> = records
                .iter()
                .map(|record| record.get(&column.name).unwrap_or(&Value::Null))
                .collect();
            for fold in 0..FOLDS {
                let others = Counts::of(&values, classes, &|row| folds[row] != fold);
                put_rates(&mut matrix, (width, first), (&values, known, prior), |row| {
                    (folds[row] == fold).then_some((&others, classes))
                });
            }
        }
        first += column.kind.width();
    }
    matrix
}

/// Overwrites the rates of some rows in a matrix of that width, from that feature on.
fn put_rates<'a>(
    matrix: &mut [f32],
    (width, first): (usize, usize),
    (values, known, prior): (&[&Value], &BTreeMap<String, Vec<f32>>, &[f32]),
    counts_for: impl Fn(usize) -> Option<(&'a Counts, &'a Classes)>,
) {
    for (row, value) in values.iter().enumerate() {
        let name = category_of(value).filter(|name| known.contains_key(name));
        if let (Some(name), Some((counts, classes))) = (name, counts_for(row)) {
            let rates = counts.rates(&name, prior, classes);
            let place = row * width + first;
            matrix[place..place + rates.len()].copy_from_slice(&rates);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn surveyed(column: impl Fn(usize) -> Value, rows: usize) -> Kind {
        let labels: Vec<String> = (0..rows).map(|row| (row % 2).to_string()).collect();
        let classes = Classes::of(labels.iter().map(String::as_str)).unwrap();
        let values: Vec<Value> = (0..rows).map(column).collect();
        kind_of(&values.iter().collect::<Vec<_>>(), &classes)
    }

    fn is_ignored(kind: &Kind) -> bool {
        matches!(kind, Kind::Ignored { .. })
    }

    #[test]
    fn columns_are_what_their_values_are() {
        assert_eq!(surveyed(|row| json!(row as f64 / 3.0), 50), Kind::Number);
        assert_eq!(surveyed(|row| json!(format!("{row}.50")), 50), Kind::Number);
        // One blank and one word among two hundred numbers.
        let mostly =
            |row: usize| if row == 7 { json!("n/a") } else { json!((row % 40).to_string()) };
        assert_eq!(surveyed(mostly, 200), Kind::Number);
        assert_eq!(surveyed(|row| json!(row % 3 == 0), 50), Kind::Boolean);
        assert_eq!(surveyed(|row| json!(format!("2026-01-{:02}", row % 28 + 1)), 50), Kind::Date);
        let time = |row| json!(format!("2026-01-01T{:02}:00:00+00:00", row % 24));
        assert_eq!(surveyed(time, 50), Kind::Timestamp);
        let values = ["b", "a"].map(str::to_owned).to_vec();
        let letters = |row| json!(if row % 3 == 0 { "a" } else { "b" });
        assert_eq!(surveyed(letters, 50), Kind::Category { values });
        // A third of a kind's values may be at infinity, or no number.
        let wild = |row: usize| json!(["NaN", "Infinity", "7.5"][row % 3]);
        assert_eq!(surveyed(wild, 50), Kind::Number);
        let open = |row: usize| match row % 3 {
            0 => json!("infinity"),
            _ => json!(format!("2026-01-{:02}", row % 28 + 1)),
        };
        assert_eq!(surveyed(open, 50), Kind::Date);
        let nobody = |row: usize| if row == 0 { Value::Null } else { json!("NaN") };
        assert!(matches!(surveyed(nobody, 50), Kind::Category { .. }));
        // Postcodes only look like numbers.
        let codes = surveyed(|row| json!(format!("0{}", 1000 + row % 4)), 50);
        assert!(matches!(codes, Kind::Category { .. }), "{codes:?}");
        let cities = surveyed(|row| json!(format!("city {}", row % 50)), 500);
        assert!(matches!(cities, Kind::Rates { .. }), "{cities:?}");
    }

    #[test]
    fn what_tells_nothing_or_names_single_rows_is_ignored() {
        assert!(is_ignored(&surveyed(|_| Value::Null, 50)));
        assert!(is_ignored(&surveyed(|_| json!(1), 50)));
        assert!(is_ignored(&surveyed(|row| json!([row]), 50)));
        assert!(is_ignored(&surveyed(|row| json!(format!("C-{row}")), 50)));
        let letter = |row| json!(format!("{} {}", "word ".repeat(20), row % 3));
        assert!(is_ignored(&surveyed(letter, 50)));
        // One value and missing ones do tell something.
        let there = |row| if row % 2 == 0 { Value::Null } else { json!("yes") };
        assert!(matches!(surveyed(there, 50), Kind::Category { .. }));
    }

    #[test]
    fn a_key_is_told_by_its_name_and_its_values() {
        let kind = |name: &str, step: usize| {
            let labels: Vec<String> = (0..300).map(|row| (row % 2).to_string()).collect();
            let classes = Classes::of(labels.iter().map(String::as_str)).unwrap();
            let record = |row: usize| json!({ name: row * step, "other": row % 7 });
            let records: Vec<_> = (0..300).map(record).collect();
            let records: Vec<_> = records.iter().filter_map(Value::as_object).collect();
            survey(&records, &classes).unwrap().columns[0].kind.clone()
        };
        assert!(is_ignored(&kind("customer_id", 1)));
        assert_eq!(kind("customer_id", 3), Kind::Number);
        assert_eq!(kind("months", 1), Kind::Number);
    }

    /// A column that names the rows' pairs: with its own label in its rates a row would be known.
    #[test]
    fn a_rows_own_label_is_not_in_its_rates() {
        let rows = 400;
        let labels: Vec<String> = (0..rows).map(|row| (row % 2).to_string()).collect();
        let classes = Classes::of(labels.iter().map(String::as_str)).unwrap();
        let records: Vec<Map<String, Value>> = (0..rows)
            .map(|row| {
                let city = format!("city {}", (row * 7 / 2) % 200);
                json!({ "city": city, "n": row % 5 }).as_object().unwrap().clone()
            })
            .collect();
        let records: Vec<&Map<String, Value>> = records.iter().collect();
        let features = survey(&records, &classes).unwrap();
        assert!(matches!(features.columns[0].kind, Kind::Rates { .. }), "{features:?}");
        let matrix = training_rows(&features, &records, &classes, 1);
        let told = (0..rows).filter(|row| {
            let rate = matrix[row * features.width()];
            let served = features.row(records[*row])[0];
            (served > 0.5) == (row % 2 == 1) && served != 0.5 && rate == served
        });
        assert_eq!(told.count(), 0);
    }
}
