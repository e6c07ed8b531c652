//! Text in, classes or vectors out.

use crate::error::Result;
use crate::judge::answers::Answer;
use crate::judge::texts::ask;
use crate::store::versions;
use crm_ai_wire::Task;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The class that the model's champion, or the version named as `model@version`, finds most
/// probable.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_classify(model: &str, body: &str) -> std::result::Result<String, ErrorReport> {
    Ok(classify(model, &[body])?.pop().unwrap_or_default())
}

/// `crm_classify` by an exact version, `name@version`: for generated columns and indexes.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_classify_at(model_version: &str, body: &str) -> std::result::Result<String, ErrorReport> {
    versions::check_exact(model_version)?;
    Ok(classify(model_version, &[body])?.pop().unwrap_or_default())
}

/// The same for an array: in order, NULL for NULL.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
fn crm_classify_batch(
    model: &str,
    bodies: Array<'_, &str>,
) -> std::result::Result<Vec<Option<String>>, ErrorReport> {
    Ok(for_texts(&bodies, |texts| classify(model, texts))?)
}

/// Every class with its probability, the most probable first.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_classify_detail(
    model: &str,
    body: &str,
) -> std::result::Result<
    TableIterator<'static, (name!(label, String), name!(probability, f32))>,
    ErrorReport,
> {
    let (_, answers) = ask(model, Task::Classify, &[body])?;
    let mut rows: Vec<(String, f32)> = Vec::new();
    for answer in answers {
        rows.extend(answer.labels().iter().cloned().zip(answer.row(0).iter().copied()));
    }
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(TableIterator::new(rows))
}

/// The unit-length sentence vector of a text.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_embed(
    body: &str,
    model: default!(&str, "'minilm'"),
) -> std::result::Result<Vec<f32>, ErrorReport> {
    Ok(embed(model, &[body])?.pop().unwrap_or_default())
}

/// `crm_embed` by an exact version, `name@version`: for generated columns and indexes.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_embed_at(model_version: &str, body: &str) -> std::result::Result<Vec<f32>, ErrorReport> {
    versions::check_exact(model_version)?;
    Ok(embed(model_version, &[body])?.pop().unwrap_or_default())
}

/// The same for an array: a row for each text, in order, NULL for NULL. Rows and not an array of
/// arrays, because that could not hold a NULL vector.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
#[allow(clippy::type_complexity)]
fn crm_embed_batch(
    bodies: Array<'_, &str>,
    model: default!(&str, "'minilm'"),
) -> std::result::Result<
    TableIterator<'static, (name!(position, i32), name!(embedding, Option<Vec<f32>>))>,
    ErrorReport,
> {
    let vectors = for_texts(&bodies, |texts| embed(model, texts))?;
    Ok(TableIterator::new((1..).zip(vectors)))
}

/// The support function of the inference functions: by asking for it, the planner loads this
/// library in a session's first statement already, where nothing preloads it, so that its calls are
/// batched. Nothing is answered.
#[pg_schema]
mod crm_ai {
    use pgrx::prelude::*;

    #[pg_extern(immutable, strict, parallel_safe)]
    fn batching_support(_request: pgrx::Internal) -> pgrx::Internal {
        Some(pg_sys::Datum::from(0_usize)).into()
    }
}

/// The most probable class of each text.
fn classify(reference: &str, texts: &[&str]) -> Result<Vec<String>> {
    let (_, answers) = ask(reference, Task::Classify, texts)?;
    Ok(answers.iter().flat_map(Answer::classes).collect())
}

fn embed(reference: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let (_, answers) = ask(reference, Task::Embed, texts)?;
    Ok(answers.iter().flat_map(Answer::rows).map(<[f32]>::to_vec).collect())
}

/// Runs `judge` over the texts that are not NULL and puts its answers in their places.
pub fn for_texts<T>(
    texts: &Array<'_, &str>,
    judge: impl FnOnce(&[&str]) -> Result<Vec<T>>,
) -> Result<Vec<Option<T>>> {
    let texts: Vec<Option<&str>> = texts.iter().collect();
    let present: Vec<&str> = texts.iter().copied().flatten().collect();
    let mut answers = if present.is_empty() { Vec::new() } else { judge(&present)? }.into_iter();
    Ok(texts.iter().map(|text| text.and_then(|_| answers.next())).collect())
}
