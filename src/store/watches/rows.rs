//! The rows of a watched table, read and written by the role that writes it for the watch's owner.

use super::{Value, Watch, key_columns};
use crate::error::Result;
use crate::pg::{query, session};
use crate::store::caller;
use crate::store::enrich::same_text;
use crate::store::sql;
use crate::store::table::Table;
use pgrx::datum::DatumWithOid;
use std::collections::HashSet;

/// Keys looked at in a table at once to find old rows.
const LOOK_ROWS: usize = 10_000;

/// A watched table and how its rows are found.
pub struct Rows<'a> {
    watch: &'a Watch,
    table: Table,
    key: Vec<usize>,
}

/// A row to write.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its primary key.
    pub key: Vec<String>,
    /// The text that was judged.
    pub text: Option<String>,
    /// The answer in its text form.
    pub value: Option<String>,
}

/// The text of a row.
#[derive(Debug, Clone)]
pub enum Text {
    /// There is no such row any more.
    NoRow,
    /// The column is NULL.
    Null,
    /// It is longer than a model is asked to judge.
    TooLong,
    /// It is this.
    Is(String),
}

/// Old rows to judge.
#[derive(Debug)]
pub struct Old {
    /// Their primary keys.
    pub keys: Vec<Vec<String>>,
    /// The key to go on after; none where the table's end was reached.
    pub after: Option<Vec<String>>,
}

/// Outcome of rows to write, by their places.
#[derive(Debug, Default)]
pub struct Written {
    /// Rows that others have locked: to be tried again.
    pub busy: HashSet<usize>,
    /// Number of rows written.
    pub count: usize,
}

impl<'a> Rows<'a> {
    /// The table as it is now.
    pub fn of(watch: &'a Watch) -> Result<Self> {
        let table = watch.table()?;
        let key = key_columns(&table);
        Ok(Self { watch, table, key })
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    fn text_column(&self) -> Result<String> {
        let column = &self.table.columns[self.table.find(&self.watch.text_column)?];
        Ok(column.as_text(&format!("t.{}", sql::identifier(&column.name))))
    }

    /// `unnest` of the key's columns and others, numbered; and the condition that joins it to the
    /// table.
    fn keys(&self, others: &[(&str, &str)]) -> (String, String) {
        let mut arrays = Vec::new();
        let mut names = Vec::new();
        let mut on = Vec::new();
        for (place, &index) in self.key.iter().enumerate() {
            let column = &self.table.columns[index];
            arrays.push(format!("pg_catalog.unnest(${}::pg_catalog.text[])", place + 1));
            names.push(format!("k{place}"));
            on.push(format!(
                "t.{} {} k.k{place}::{}",
                sql::identifier(&column.name),
                sql::EQ,
                column.base.sql_name()
            ));
        }
        for (name, array) in others {
            arrays.push(format!("pg_catalog.unnest({array})"));
            names.push((*name).to_owned());
        }
        let keys = format!(
            "ROWS FROM ({}) WITH ORDINALITY k({}, n)",
            arrays.join(", "),
            names.join(", "),
        );
        (keys, on.join(" AND "))
    }

    /// The numbered keys joined to the table.
    fn join(&self, others: &[(&str, &str)]) -> String {
        let (keys, on) = self.keys(others);
        format!("{keys} JOIN {} t ON {on}", self.table.sql_name())
    }

    fn key_arrays(&self, keys: &[&[String]]) -> Vec<DatumWithOid<'static>> {
        let column = |place: usize| -> DatumWithOid<'static> {
            let values: Vec<Option<String>> =
                keys.iter().map(|key| key.get(place).cloned()).collect();
            values.into()
        };
        (0..self.key.len()).map(column).collect()
    }

    /// The texts of rows as they are now, none longer than `bytes_max`.
    pub fn texts(&self, keys: &[&[String]], bytes_max: usize) -> Result<Vec<Text>> {
        let text = self.text_column()?;
        let is_long = format!(
            "coalesce(pg_catalog.octet_length({text}) OPERATOR(pg_catalog.>) {bytes_max}, false)"
        );
        let sql = format!(
            "SELECT k.n::pg_catalog.int4, {is_long}, CASE WHEN NOT {is_long} THEN {text} END
             FROM {}",
            self.join(&[])
        );
        let mut texts = vec![Text::NoRow; keys.len()];
        let arguments = self.key_arrays(keys);
        // Not under the transaction's first snapshot, which rows queued since are later than.
        let read = |row: &query::Row| {
            if let Some(found) = texts.get_mut(place(row.int(1)?)) {
                *found = match (row.is_true(2), row.text(3)) {
                    (true, _) => Text::TooLong,
                    (false, None) => Text::Null,
                    (false, Some(text)) => Text::Is(text),
                };
            }
            Ok(true)
        };
        session::seeing_own_writes(|| query::read(&sql, &arguments, read))?;
        Ok(texts)
    }

    /// Writes answers where the text is still the one that was judged. Rows that others have
    /// locked are not waited for.
    pub fn write(&self, answers: &[Answer], value: Value, version: &str) -> Result<Written> {
        let free = self.lock(answers, "FOR NO KEY UPDATE OF t SKIP LOCKED")?;
        let mut written = Written::default();
        if free.len() < answers.len() {
            // What is still as it was judged, and yet was not free, is held by somebody.
            let same = self.lock(answers, "")?;
            written.busy = same.difference(&free).copied().collect();
        }
        let answers: Vec<&Answer> = answers
            .iter()
            .enumerate()
            .filter_map(|(place, answer)| free.contains(&place).then_some(answer))
            .collect();
        if !answers.is_empty() {
            written.count = answers.len();
            self.update(&answers, value, version)?;
        }
        Ok(written)
    }

    /// Places of the answers whose rows have still the text that was judged.
    fn lock(&self, answers: &[Answer], how: &str) -> Result<HashSet<usize>> {
        let text = format!("${}::pg_catalog.text[]", self.key.len() + 1);
        let sql = format!(
            "SELECT k.n::pg_catalog.int4 FROM {} AND {} {how}",
            self.join(&[("judged", &text)]),
            same_text(&self.text_column()?, "k.judged")
        );
        let keys: Vec<&[String]> = answers.iter().map(|answer| answer.key.as_slice()).collect();
        let mut arguments = self.key_arrays(&keys);
        let texts: Vec<Option<String>> = answers.iter().map(|answer| answer.text.clone()).collect();
        arguments.push(texts.into());
        let places = caller::returning(&sql, &arguments, |row| Ok(place(row.get::<i32>(1)?)))?;
        Ok(places.into_iter().collect())
    }

    fn update(&self, answers: &[&Answer], value: Value, version: &str) -> Result<()> {
        let width = self.key.len();
        let values = format!("${}::pg_catalog.text[]", width + 1);
        let answer = format!("k.answer::{}", value.sql_type());
        let mut columns = vec![(self.watch.target_column.as_str(), answer)];
        if let Some(column) = &self.watch.version_column {
            let by = format!("CASE WHEN k.answer IS NOT NULL THEN {} END", sql::literal(version));
            columns.push((column, by));
        }
        let sets: Vec<String> = columns
            .iter()
            .map(|(column, value)| format!("{} = {value}", sql::identifier(column)))
            .collect();
        let (keys, on) = self.keys(&[("answer", &values)]);
        let table = self.table.sql_name();
        // A row that was queued twice is written once.
        let same = self.same_values(&columns)?;
        let sql = format!(
            "UPDATE {table} t SET {} FROM {keys} WHERE {on} AND NOT {same}",
            sets.join(", ")
        );
        let keys: Vec<&[String]> = answers.iter().map(|answer| answer.key.as_slice()).collect();
        let mut arguments = self.key_arrays(&keys);
        let values: Vec<Option<String>> =
            answers.iter().map(|answer| answer.value.clone()).collect();
        arguments.push(values.into());
        let [path, dates, zone] = &self.watch.settings;
        let settings: [(&std::ffi::CStr, &str); 3] =
            [(c"search_path", path), (c"DateStyle", dates), (c"TimeZone", zone)];
        session::with_settings(&settings, || caller::change(&sql, &arguments))?;
        Ok(())
    }

    /// The SQL condition that columns hold these values already.
    fn same_values(&self, columns: &[(&str, String)]) -> Result<String> {
        let mut same = Vec::new();
        for (name, value) in columns {
            let base = self.table.columns[self.table.find(name)?].base.sql_name();
            let column = format!("t.{}", sql::identifier(name));
            same.push(format!(
                "({column} {} ({value})::{base} IS TRUE OR {column} IS NULL AND {value} IS NULL)",
                sql::EQ
            ));
        }
        Ok(format!("({})", same.join(" AND ")))
    }

    /// Rows after `after` that are to be judged, at most `count`: those without an answer, or with
    /// `stale` those that another version judged.
    pub fn old(
        &self,
        after: Option<&[String]>,
        stale: bool,
        version: &str,
        count: usize,
    ) -> Result<Old> {
        let column = |name: &str| format!("t.{}", sql::identifier(name));
        let names: Vec<String> =
            self.key.iter().map(|&index| column(&self.table.columns[index].name)).collect();
        let wanted = match (&self.watch.version_column, stale) {
            (_, false) => format!("{} IS NULL", column(&self.watch.target_column)),
            (Some(by), true) => {
                let by = self.table.columns[self.table.find(by)?].as_text(&column(by));
                let other = format!("{by} OPERATOR(pg_catalog.<>) {}", sql::literal(version));
                format!("({by} IS NULL OR {other})")
            }
            (None, true) => "true".to_owned(),
        };
        let mut arguments: Vec<DatumWithOid<'static>> = Vec::new();
        let mut beyond = "true".to_owned();
        if let Some(after) = after {
            let values = self.key.iter().enumerate().map(|(place, &index)| {
                format!("${}::{}", place + 1, self.table.columns[index].base.sql_name())
            });
            let values: Vec<String> = values.collect();
            beyond = format!(
                "ROW({}) OPERATOR(pg_catalog.>) ROW({})",
                names.join(", "),
                values.join(", ")
            );
            arguments.extend(after.iter().map(|value| DatumWithOid::from(value.clone())));
        }
        let keys: Vec<String> = self
            .key
            .iter()
            .zip(&names)
            .map(|(&index, name)| self.table.columns[index].as_text(name))
            .collect();
        let sql = format!(
            "SELECT ARRAY[{}], {wanted} AND {} IS NOT NULL FROM {} t WHERE {beyond}
             ORDER BY {} LIMIT {LOOK_ROWS}",
            keys.join(", "),
            column(&self.watch.text_column),
            self.table.sql_name(),
            names.join(", ")
        );
        let mut found = Vec::new();
        let mut last = None;
        let mut seen = 0;
        caller::rows(&sql, &arguments, |row| {
            if found.len() == count {
                return Ok(());
            }
            let key = row.get::<Vec<String>>(1)?.unwrap_or_default();
            seen += 1;
            if row.get::<bool>(2)? == Some(true) {
                found.push(key.clone());
            }
            last = Some(key);
            Ok(())
        })?;
        let is_end = seen < LOOK_ROWS && found.len() < count;
        Ok(Old { keys: found, after: last.filter(|_| !is_end) })
    }
}

fn place(number: Option<i32>) -> usize {
    usize::try_from(number.unwrap_or_default() - 1).unwrap_or(usize::MAX)
}
