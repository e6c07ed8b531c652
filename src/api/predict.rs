//! Text in, classes or vectors out.

use crate::client::{self, Reference, Target};
use crate::error::{Error, Result};
use crate::settings;
use crate::store::versions::{self, Version};
use crm_ai_wire::{Reply, Scores, Task, Vectors};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::rc::Rc;

/// The class that the model's champion, or the version named as `model@version`, finds most
/// probable.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_classify(model: &str, body: &str) -> std::result::Result<String, ErrorReport> {
    let (_, scores) = classify(model, &[body])?;
    Ok(winners(&scores).next().unwrap_or_default())
}

/// `crm_classify` by an exact version, `name@version`: for generated columns and indexes.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_classify_at(model_version: &str, body: &str) -> std::result::Result<String, ErrorReport> {
    versions::check_exact(model_version)?;
    let (_, scores) = classify(model_version, &[body])?;
    Ok(winners(&scores).next().unwrap_or_default())
}

/// The same for an array: in order, NULL for NULL.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
fn crm_classify_batch(
    model: &str,
    bodies: Array<'_, &str>,
) -> std::result::Result<Vec<Option<String>>, ErrorReport> {
    Ok(for_texts(&bodies, |texts| {
        let (_, scores) = classify(model, texts)?;
        Ok(winners(&scores).collect())
    })?)
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
    let (_, scores) = classify(model, &[body])?;
    let mut rows: Vec<(String, f32)> = Vec::new();
    for part in scores {
        let probabilities = part.rows.row(0).to_vec();
        rows.extend(part.labels.into_iter().zip(probabilities));
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

/// What PostgreSQL is to know of the inference functions beside their costs: by asking for it,
/// the planner loads this library in a session's first statement already, where nothing preloads
/// it, so that its calls are batched. Nothing is answered.
#[pg_schema]
mod crm_ai {
    use pgrx::prelude::*;

    #[pg_extern(immutable, strict, parallel_safe)]
    fn batching_support(_request: pgrx::Internal) -> pgrx::Internal {
        Some(pg_sys::Datum::from(0_usize)).into()
    }
}

/// Judges texts; the answer names the version that judged.
pub fn classify(reference: &str, texts: &[&str]) -> Result<(Rc<Version>, Vec<Scores>)> {
    let (version, replies) = infer(reference, Task::Classify, texts)?;
    let scores = replies.into_iter().map(|reply| match reply {
        Reply::Scores(scores) => Ok(scores),
        _ => Err(Error::internal("the model engine answered something else than classes")),
    });
    Ok((version, scores.collect::<Result<_>>()?))
}

fn embed(reference: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let (_, replies) = infer(reference, Task::Embed, texts)?;
    let mut vectors = Vec::with_capacity(texts.len());
    for reply in replies {
        let Reply::Vectors(Vectors { rows, .. }) = reply else {
            return Err(Error::internal("the model engine answered something else than vectors"));
        };
        vectors.extend((0..rows.len()).map(|index| rows.row(index).to_vec()));
    }
    Ok(vectors)
}

fn infer(reference: &str, task: Task, texts: &[&str]) -> Result<(Rc<Version>, Vec<Reply>)> {
    for text in texts {
        check_length(text)?;
    }
    let version = versions::resolve(reference)?;
    let replies = client::infer(target_of(&version, task), texts)?;
    Ok((version, replies))
}

/// Refuses a text over `crm_ai.max_text_bytes`.
pub fn check_length(text: &str) -> Result<()> {
    let limit = settings::max_text_bytes();
    if text.len() <= limit { Ok(()) } else { Err(too_long(text.len(), limit)) }
}

/// What a text over `crm_ai.max_text_bytes` fails with.
pub fn too_long(bytes: usize, limit: usize) -> Error {
    Error::over_limit(format!("a text of {bytes} bytes exceeds crm_ai.max_text_bytes ({limit})"))
        .hint("shorten it, as in left(note, 10000): a model reads only the first tokens anyway")
}

/// What the engine is asked of a version.
pub fn target_of(version: &Version, task: Task) -> Target {
    let reference = Reference::new(&version.model, version.number);
    Target { model: version.sha256, precision: version.precision, task, reference }
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

/// The most probable class of each text.
fn winners(scores: &[Scores]) -> impl Iterator<Item = String> {
    scores.iter().flat_map(|part| {
        (0..part.rows.len()).map(|index| winner(&part.labels, part.rows.row(index)))
    })
}

/// The most probable class; of equal ones the first.
pub fn winner(labels: &[String], probabilities: &[f32]) -> String {
    labels.get(argmax(probabilities)).cloned().unwrap_or_default()
}

/// Position of the largest number; of equal ones the first.
pub fn argmax(numbers: &[f32]) -> usize {
    let best =
        |best: usize, index: usize| if numbers[index] > numbers[best] { index } else { best };
    (0..numbers.len()).reduce(best).unwrap_or(0)
}
