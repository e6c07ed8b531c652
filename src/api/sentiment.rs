//! The functions of sentiment: label, score, level, and all of it in one row.

use super::predict::for_texts;
use crate::error::{Error, Result};
use crate::judge::sentiment::{Sentiment, detail_row};
use crate::judge::texts::ask;
use crate::pg::composite;
use crate::settings;
use crate::store::versions::{self, Version};
use crm_ai_wire::Task;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::rc::Rc;

/// `negative`, `neutral` or `positive`.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment(note: &str) -> std::result::Result<&'static str, ErrorReport> {
    Ok(judge_one(note)?.1.label())
}

/// P(positive) − P(negative), from −1 to 1.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_score(note: &str) -> std::result::Result<f32, ErrorReport> {
    Ok(judge_one(note)?.1.score())
}

/// 1 (very negative) to 5 (very positive).
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_level(note: &str) -> std::result::Result<i16, ErrorReport> {
    Ok(judge_one(note)?.1.level())
}

/// `crm_sentiment` by an exact version, `name@version`: for generated columns and indexes.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_at(version: &str, note: &str) -> std::result::Result<&'static str, ErrorReport> {
    Ok(judge_one_at(version, note)?.label())
}

/// `crm_sentiment_score` by an exact version.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_score_at(version: &str, note: &str) -> std::result::Result<f32, ErrorReport> {
    Ok(judge_one_at(version, note)?.score())
}

/// `crm_sentiment_level` by an exact version.
#[pg_extern(immutable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_level_at(version: &str, note: &str) -> std::result::Result<i16, ErrorReport> {
    Ok(judge_one_at(version, note)?.level())
}

/// All of it in one row, with the version that judged.
#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn crm_sentiment_detail(
    note: &str,
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<pgrx::composite_type!('static, "crm_sentiment_result"), ErrorReport> {
    let (version, sentiment) = judge_one(note)?;
    Ok(detail_row(composite::result_type(fcinfo), &version, &sentiment)?)
}

/// `crm_sentiment` for an array: in order, NULL for NULL.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
fn crm_sentiment_batch(
    notes: Array<'_, &str>,
) -> std::result::Result<Vec<Option<&'static str>>, ErrorReport> {
    Ok(for_texts(&notes, |texts| {
        let (_, sentiments) = judge(&settings::sentiment_model(), texts)?;
        Ok(sentiments.iter().map(Sentiment::label).collect())
    })?)
}

fn judge_one_at(version: &str, note: &str) -> Result<Sentiment> {
    versions::check_exact(version)?;
    Ok(judge_one_by(version, note)?.1)
}

fn judge_one(note: &str) -> Result<(Rc<Version>, Sentiment)> {
    judge_one_by(&settings::sentiment_model(), note)
}

fn judge_one_by(reference: &str, note: &str) -> Result<(Rc<Version>, Sentiment)> {
    let (version, mut sentiments) = judge(reference, &[note])?;
    let sentiment =
        sentiments.pop().ok_or_else(|| Error::internal("the model engine sent no answer"))?;
    Ok((version, sentiment))
}

fn judge(reference: &str, notes: &[&str]) -> Result<(Rc<Version>, Vec<Sentiment>)> {
    let is_blank = |note: &&str| note.trim().is_empty();
    let worded: Vec<&str> = notes.iter().copied().filter(|note| !is_blank(note)).collect();
    let (version, answers) = ask(reference, Task::Classify, &worded)?;
    let mut judged = Vec::with_capacity(worded.len());
    for answer in &answers {
        for row in 0..answer.len() {
            judged.push(answer.sentiment(row)?);
        }
    }
    let mut judged = judged.into_iter();
    let answer = |note: &&str| if is_blank(note) { Some(Sentiment::SILENT) } else { judged.next() };
    let sentiments: Option<Vec<Sentiment>> = notes.iter().map(answer).collect();
    let missing = || Error::internal("the model engine sent too few answers");
    Ok((version, sentiments.ok_or_else(missing)?))
}
