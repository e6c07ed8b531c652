//! Results made of the staged rows: the clean table, the rejects, the changes, and the counts.

use super::job::{CleaningJob, Looked};
use super::report::Report;
use super::staging::{STAGING, Staged, field};
use super::target::CleanTarget;
use crate::error::Result;
use crate::store::caller::{first, run};
use crate::store::sql::{self, EQ};
use crate::store::table;
use crm_ai_clean::rows::Kind;
use pgrx::JsonB;

/// Examples of changes, and of rejected rows, that a dry run shows.
const EXAMPLES: usize = 10;

/// The columns that are looked at, by name; those that `wanted` does not want are NULL.
fn names(job: &CleaningJob, wanted: impl Fn(&Looked) -> bool) -> String {
    let name = |looked: &Looked| wanted(looked).then(|| job.column(looked).name.as_str());
    sql::text_array(job.looked.iter().map(name))
}

/// The list of problems in a staged row's `clean`.
fn problems(job: &CleaningJob) -> String {
    let count = job.looked.len();
    format!("st.clean[{}:{}]", count + 1, 2 * count)
}

/// Makes the table of clean rows.
pub fn make_target(job: &CleaningJob, target: &CleanTarget) -> Result<u64> {
    let columns: Vec<String> = job.keep.iter().map(|&index| clean_column(job, index)).collect();
    run(&format!(
        "CREATE TABLE {} AS SELECT {} FROM {STAGING} st WHERE st.reason IS NULL",
        target.table(),
        columns.join(", ")
    ))
}

/// A column of the result. Clean values of text columns keep the type, without its limit; of other
/// columns they are text, and dates and truth values become what they are.
fn clean_column(job: &CleaningJob, index: usize) -> String {
    let column = &job.source.columns[index];
    let name = sql::identifier(&column.name);
    let Some(place) = job.cleaned(index) else {
        return format!("{} AS {name}", field("st", column));
    };
    let looked = &job.looked[place - 1];
    let kind = looked.step.kind;
    let (type_name, collation) = match kind {
        Kind::Date(_) | Kind::Boolean if looked.is_mixed => {
            ("pg_catalog.text".to_owned(), column.collation.as_ref())
        }
        Kind::Date(_) => ("pg_catalog.date".to_owned(), None),
        Kind::Boolean => ("pg_catalog.bool".to_owned(), None),
        _ if column.base.is_text() && !column.base.is_padded() => {
            (column.base.sql_name(), column.collation.as_ref())
        }
        _ => ("pg_catalog.text".to_owned(), column.collation.as_ref()),
    };
    let collation = collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
    format!("st.clean[{place}]::{type_name}{collation} AS {name}")
}

/// The key of a staged row.
fn key(job: &CleaningJob) -> String {
    table::key_of(&job.source, "(st.record)")
}

/// The query of rejected rows, with their reasons.
fn rejects(job: &CleaningJob, staged: &str) -> String {
    let kinds = job.looked.iter().map(|looked| Some(looked.step.kind.name()));
    format!(
        "SELECT st.source_row, {key} AS key, {record} AS record, st.reason,
             st.duplicate_of, CASE WHEN st.told THEN (
                 SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                     'column', p.column_name, 'value_kind', p.kind, 'problem', p.problem))
                 FROM ROWS FROM (pg_catalog.unnest({names}), pg_catalog.unnest({kinds}),
                     pg_catalog.unnest({problems})) p(column_name, kind, problem)
                 WHERE p.problem IS NOT NULL) END AS problems
         FROM {staged} st WHERE st.reason IS NOT NULL ORDER BY st.source_row",
        key = key(job),
        record = table::record_of(&job.source, "(st.record)"),
        names = names(job, |_| true),
        kinds = sql::text_array(kinds),
        problems = problems(job),
    )
}

/// The query of values that were changed in kept rows.
fn changes(job: &CleaningJob, staged: &str) -> String {
    let is_cleaned = |looked: &Looked| looked.step.kind != Kind::Keep;
    let before: Vec<String> = job
        .looked
        .iter()
        .map(|looked| match is_cleaned(looked) {
            true => job.column(looked).as_text(&field("st", job.column(looked))),
            false => "NULL".to_owned(),
        })
        .collect();
    let count = job.looked.len();
    format!(
        "SELECT st.source_row, {key} AS key, c.column_name, c.before, c.after, c.problem
         FROM {staged} st, ROWS FROM (pg_catalog.unnest({names}), pg_catalog.unnest({before}),
             pg_catalog.unnest(st.clean[1:{count}]), pg_catalog.unnest({problems}),
             pg_catalog.unnest(st.clean[{changed}:{end}]))
             c(column_name, before, after, problem, changed)
         WHERE st.reason IS NULL AND st.repaired AND c.changed IS NOT NULL",
        key = key(job),
        names = names(job, is_cleaned),
        before = sql::array(&before),
        problems = problems(job),
        changed = 2 * count + 1,
        end = 3 * count,
    )
}

/// Makes the companions of the target: rejected rows and changed values.
pub fn make_companions(job: &CleaningJob, target: &CleanTarget) -> Result<()> {
    run(&format!("CREATE TABLE {} AS {}", target.rejects(), rejects(job, STAGING)))?;
    run(&format!("CREATE TABLE {} AS {}", target.changes(), changes(job, STAGING)))?;
    Ok(())
}

/// Counts the staged rows and their problems; of rows in a query it shows examples too.
pub fn count(job: &CleaningJob, target: &CleanTarget, staged: Staged) -> Result<Report> {
    let examples = match staged {
        Staged::Table => "NULL::pg_catalog.jsonb".to_owned(),
        Staged::Query => examples(job, staged.name()),
    };
    let sql = format!(
        "{}SELECT c.*, ({}), {examples} FROM ({}) c",
        staged.with(job),
        problem_counts(job, staged.name()),
        row_counts(staged.name())
    );
    let found = first(&sql, &[], |row| {
        let mut counts = [0_i64; 6];
        for (count, place) in counts.iter_mut().zip(1..) {
            *count = row.get::<i64>(place)?.unwrap_or_default();
        }
        Ok((counts, row.get::<JsonB>(7)?, row.get::<JsonB>(8)?))
    })?;
    let (counts, problems, examples) = found.unwrap_or_default();
    let [read, kept, repaired, duplicate, missing, invalid] = counts;
    let kinds = job.keep.iter().map(|&index| {
        let kind = job.cleaned(index).map_or(Kind::Keep, |place| job.looked[place - 1].step.kind);
        (job.source.columns[index].name.clone(), kind.to_string().into())
    });
    Ok(Report {
        target: target.shown(),
        read: Some(read),
        kept: Some(kept),
        rejected: Some(read - kept),
        repaired: Some(repaired),
        duplicate: Some(duplicate),
        missing: Some(missing),
        invalid: Some(invalid),
        kinds: Some(JsonB(serde_json::Value::Object(kinds.collect()))),
        problems,
        examples,
        ..Report::default()
    })
}

/// The query of the numbers of rows: read, kept, repaired, and rejected by reason.
fn row_counts(staged: &str) -> String {
    let reason = |name: &str| {
        format!("pg_catalog.count(*) FILTER (WHERE st.reason {EQ} {})", sql::literal(name))
    };
    format!(
        "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE st.reason IS NULL),
             pg_catalog.count(*) FILTER (WHERE st.reason IS NULL AND st.repaired),
             {}, {}, {}
         FROM {staged} st",
        reason("duplicate"),
        reason("missing"),
        reason("invalid")
    )
}

/// The query of the number of each problem in each column.
fn problem_counts(job: &CleaningJob, staged: &str) -> String {
    format!(
        "SELECT coalesce(pg_catalog.jsonb_object_agg(y.column_name, y.problems), '{{}}')
         FROM (
             SELECT x.column_name, pg_catalog.jsonb_object_agg(x.problem, x.rows) AS problems
             FROM (
                 SELECT p.column_name, p.problem, pg_catalog.count(*) AS rows
                 FROM {staged} st, ROWS FROM (pg_catalog.unnest({}), pg_catalog.unnest({}))
                     p(column_name, problem)
                 WHERE st.told AND p.problem IS NOT NULL
                 GROUP BY p.column_name, p.problem) x
             GROUP BY x.column_name) y",
        names(job, |_| true),
        problems(job)
    )
}

/// The first changes and rejected rows, as a dry run shows them.
fn examples(job: &CleaningJob, staged: &str) -> String {
    let list = |query: String, shortened: &str| {
        format!(
            "(SELECT coalesce(pg_catalog.jsonb_agg(
                  pg_catalog.to_jsonb(e) OPERATOR(pg_catalog.||) {shortened}), '[]')
              FROM ({query} LIMIT {EXAMPLES}) e)"
        )
    };
    let values = format!(
        "pg_catalog.jsonb_build_object('before', {}, 'after', {})",
        sql::shortened("e.before"),
        sql::shortened("e.after")
    );
    let record = format!(
        "pg_catalog.jsonb_build_object('record', (
             SELECT pg_catalog.jsonb_object_agg(f.key, CASE
                 WHEN pg_catalog.length(f.value::pg_catalog.text) OPERATOR(pg_catalog.>) {max}
                 THEN pg_catalog.to_jsonb({}) ELSE f.value END)
             FROM pg_catalog.jsonb_each(e.record) f))",
        sql::shortened("(f.value OPERATOR(pg_catalog.#>>) '{}'::pg_catalog.text[])"),
        max = sql::SHOWN_CHARS_MAX,
    );
    format!(
        "pg_catalog.jsonb_build_object('changes', {}, 'rejects', {})",
        list(changes(job, staged), &values),
        list(rejects(job, staged), &record)
    )
}
