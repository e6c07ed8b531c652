//! Duplicates: searches, single records, golden records, similarities of texts.

use crate::error::{Error, Result};
use crate::link::{self, Explained, Hit, Report, Request};
use crate::pg::{composite, memory};
use crm_ai_linkage::similarity::{CHARS_MAX, Similarity};
use pgrx::JsonB;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use crate::pg::json::JsonText;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Finds duplicates in a table.
    #[pg_extern(volatile, parallel_unsafe)]
    fn dedupe(
        source: Option<pg_sys::Oid>,
        key: Option<String>,
        columns: Option<JsonText>,
        target: Option<String>,
        threshold: Option<f64>,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_dedupe_report")> {
        let request = super::request(source, None, key, columns, (target, threshold, false))?;
        Ok(super::row_of(fcinfo, link::link(&request)?)?)
    }

    /// Finds rows of two tables that are one person.
    #[pg_extern(volatile, parallel_unsafe)]
    #[allow(clippy::too_many_arguments)] // The contract's.
    fn link(
        left_source: Option<pg_sys::Oid>,
        right_source: Option<pg_sys::Oid>,
        key: Option<String>,
        columns: Option<JsonText>,
        target: Option<String>,
        threshold: Option<f64>,
        one_to_one: Option<bool>,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_dedupe_report")> {
        let right = right_source.ok_or_else(super::null_source)?;
        let terms = (target, threshold, one_to_one.unwrap_or(false));
        let request = super::request(left_source, Some(right), key, columns, terms)?;
        Ok(super::row_of(fcinfo, crate::link::link(&request)?)?)
    }

    /// The rows of a searched table that are most probably a record's person.
    #[pg_extern(stable, strict, parallel_unsafe, cost = 10000)]
    #[allow(clippy::type_complexity)] // The columns of the result, as pgrx wants them.
    fn find_duplicates(
        target: &str,
        record: JsonText,
        max_rows: i32,
    ) -> Result<
        TableIterator<
            'static,
            (name!(key, String), name!(probability, f64), name!(evidence, JsonB)),
        >,
    > {
        let hits = super::find(target, &record, max_rows)?;
        Ok(TableIterator::new(hits.into_iter().map(|hit| (hit.key, hit.probability, hit.evidence))))
    }

    /// The evidence that two rows are one person, line by line.
    #[pg_extern(stable, strict, parallel_unsafe, cost = 10000)]
    #[allow(clippy::type_complexity)] // The columns of the result, as pgrx wants them.
    fn explain_pair(
        target: &str,
        left_key: &str,
        right_key: &str,
    ) -> Result<
        TableIterator<
            'static,
            (
                name!(column_name, String),
                name!(left_value, Option<String>),
                name!(right_value, Option<String>),
                name!(level, Option<String>),
                name!(weight, f64),
                name!(total, f64),
            ),
        >,
    > {
        let lines = crate::link::explain(target, left_key, right_key)?;
        let row = |line: Explained| {
            let (left, right) = line.values;
            (line.column, left, right, line.level, line.weight, line.total)
        };
        Ok(TableIterator::new(lines.into_iter().map(row)))
    }

    /// One best row of each cluster of a search.
    #[pg_extern(stable, parallel_unsafe, cost = 10000)]
    fn golden(
        target: Option<&str>,
        rules: Option<JsonText>,
    ) -> Result<SetOfIterator<'static, JsonB>> {
        let target = target.ok_or_else(|| Error::null_argument("target must not be NULL"))?;
        let rules = rules.map(|rules| rules.read("rules")).transpose()?;
        let golden = crate::link::golden(target, rules.as_ref())?;
        Ok(SetOfIterator::new(golden.into_iter().map(JsonB)))
    }
}

/// The similarity of two texts by a named measure, 0 to 1.
#[pg_extern(immutable, strict, parallel_safe, cost = 10)]
fn crm_similarity(
    a: &str,
    b: &str,
    kind: &str,
) -> std::result::Result<f64, pgrx::pg_sys::panic::ErrorReport> {
    Ok(similarity(a, b, kind)?)
}

fn similarity(a: &str, b: &str, kind: &str) -> Result<f64> {
    let similarity = Similarity::named(kind).ok_or_else(|| {
        let names = Similarity::ALL.map(|(_, name)| name).join(", ");
        Error::invalid_argument("unknown kind of similarity").hint(format!("kinds are {names}"))
    })?;
    for text in [a, b] {
        if text.chars().nth(CHARS_MAX).is_some() {
            return Err(Error::over_limit(format!(
                "a text of more than {CHARS_MAX} characters cannot be compared"
            ))
            .hint("compare a part of it, as left(text, 4096) gives"));
        }
    }
    Ok(similarity.of(a, b))
}

fn null_source() -> Error {
    Error::null_argument("source and key must not be NULL")
        .hint("key names the column that identifies a row, as in crm_ai.dedupe('customer', 'id')")
}

fn request(
    source: Option<pg_sys::Oid>,
    right_source: Option<pg_sys::Oid>,
    key: Option<String>,
    columns: Option<crate::pg::json::JsonText>,
    (target, threshold, one_to_one): (Option<String>, Option<f64>, bool),
) -> Result<Request> {
    let (source, key) = source.zip(key).ok_or_else(null_source)?;
    let columns = columns.map(|columns| columns.read("columns")).transpose()?;
    let columns: Option<BTreeMap<String, String>> =
        columns.map(serde_json::from_value).transpose().map_err(|_| {
            Error::invalid_argument("columns is not a JSON object of kinds by column")
                .hint("as in '{\"name\": \"name\", \"email\": \"auto\"}'; auto has a kind guessed")
        })?;
    let threshold = threshold.ok_or_else(|| Error::null_argument("threshold must not be NULL"))?;
    Ok(Request { source, right_source, key, columns, target, threshold, one_to_one })
}

fn find(target: &str, record: &crate::pg::json::JsonText, max_rows: i32) -> Result<Vec<Hit>> {
    let rows = usize::try_from(max_rows).ok().filter(|rows| *rows > 0).ok_or_else(|| {
        Error::invalid_argument(format!("max_rows {max_rows} is not a positive number"))
            .hint("5 is the default")
    })?;
    let record = record.read("the record")?;
    memory::check_room(1 << 20, "a look-up")?;
    link::find(target, &record, rows)
}

fn row_of(
    fcinfo: pg_sys::FunctionCallInfo,
    report: Report,
) -> Result<pgrx::composite_type!('static, "crm_dedupe_report")> {
    let outcome = report.outcome;
    let count = u64::cast_signed;
    let json = |value: serde_json::Result<serde_json::Value>| {
        value.map(JsonB).map_err(|error| Error::internal(error.to_string()))
    };
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "target", report.target)?;
    composite::set(&mut row, "rows", count(outcome.rows))?;
    composite::set(&mut row, "clusters", count(outcome.clusters))?;
    composite::set(&mut row, "duplicates", count(outcome.rows - outcome.clusters))?;
    composite::set(&mut row, "largest_cluster", count(outcome.largest_cluster))?;
    composite::set(&mut row, "pairs", count(outcome.pairs))?;
    composite::set(&mut row, "compared", count(outcome.compared))?;
    composite::set(&mut row, "expected_pairs", outcome.expected_pairs)?;
    composite::set(&mut row, "kinds", json(serde_json::to_value(&outcome.kinds))?)?;
    composite::set(&mut row, "blocking", json(serde_json::to_value(&outcome.keys))?)?;
    Ok(row)
}
