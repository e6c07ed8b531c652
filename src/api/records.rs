//! Records in, classes out: models over columns.

use crate::error::Result;
use crate::judge::records::text_of;
use crate::judge::texts::ask;
use crate::pg::json::JsonText;
use crm_ai_wire::Task;
use pgrx::JsonB;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;

/// The answer of a model over columns for a record: its label, and the probability of each.
#[pg_extern(stable, strict, parallel_safe, cost = 1000)]
fn crm_predict(model: &str, record: JsonText) -> std::result::Result<JsonB, ErrorReport> {
    let record = text_of(&record)?;
    Ok(predict(model, &[record])?.pop().map(JsonB).unwrap_or(JsonB(Value::Null)))
}

/// The same for an array: in order, NULL for NULL.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
fn crm_predict_batch(
    model: &str,
    records: Array<'_, JsonText>,
) -> std::result::Result<Vec<Option<JsonB>>, ErrorReport> {
    let texts: Vec<Option<String>> = records
        .iter()
        .map(|record| record.map(|record| text_of(&record)).transpose())
        .collect::<Result<_>>()?;
    let present: Vec<&String> = texts.iter().flatten().collect();
    let mut answers =
        if present.is_empty() { Vec::new() } else { predict(model, &present)? }.into_iter();
    let answer = |text: &Option<String>| text.as_ref().and_then(|_| answers.next()).map(JsonB);
    Ok(texts.iter().map(answer).collect())
}

fn predict(model: &str, records: &[impl AsRef<str>]) -> Result<Vec<Value>> {
    let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
    let (_, answers) = ask(model, Task::Predict, &records)?;
    let each =
        answers.iter().flat_map(|answer| (0..answer.len()).map(|row| answer.prediction(row)));
    Ok(each.collect())
}
