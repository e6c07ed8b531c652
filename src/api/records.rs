//! Records in, classes out: models over columns.

use super::predict::{argmax, check_length, target_of};
use crate::client;
use crate::error::{Error, Result};
use crate::pg::json::JsonText;
use crate::store::versions;
use crm_ai_wire::{Reply, Task};
use pgrx::JsonB;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Map, Number, Value};

/// What a model over columns says of a record: its label, and how probable each is.
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

/// A record as the engine reads it. Refuses what is no object, and what is too long.
pub fn text_of(record: &JsonText) -> Result<String> {
    let record = record.read("record")?;
    if !record.is_object() {
        return Err(Error::invalid_argument("the record is not a JSON object")
            .hint("give a row as an object, as in crm_predict('churn', to_jsonb(customer))"));
    }
    let text = record.to_string();
    check_length(&text)?;
    Ok(text)
}

fn predict(model: &str, records: &[impl AsRef<str>]) -> Result<Vec<Value>> {
    let version = versions::resolve(model)?;
    let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
    let mut answers = Vec::with_capacity(records.len());
    for reply in client::infer(target_of(&version, Task::Predict), &records)? {
        let Reply::Scores(scores) = reply else {
            return Err(Error::internal("the model engine answered something else than classes"));
        };
        let rows = (0..scores.rows.len()).map(|index| scores.rows.row(index));
        answers.extend(rows.map(|row| prediction(&scores.labels, row)));
    }
    Ok(answers)
}

/// `{"label", "probability", "probabilities"}`; of equally probable labels the first.
pub fn prediction(labels: &[String], probabilities: &[f32]) -> Value {
    let best = argmax(probabilities);
    let number = |index: usize| probabilities.get(index).map_or(Value::Null, |p| shortest(*p));
    let each = labels.iter().enumerate().map(|(index, label)| (label.clone(), number(index)));
    let mut answer = Map::new();
    answer.insert("label".to_owned(), labels.get(best).map_or(Value::Null, |l| l.as_str().into()));
    answer.insert("probability".to_owned(), number(best));
    answer.insert("probabilities".to_owned(), Value::Object(each.collect()));
    Value::Object(answer)
}

/// The shortest decimal number that is this one in 32-bit floating point, as PostgreSQL writes a
/// `real`.
fn shortest(number: f32) -> Value {
    let number = number.to_string().parse().ok().and_then(Number::from_f64);
    number.map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::prediction;
    use serde_json::json;

    #[test]
    fn a_prediction_names_the_label_and_its_probability() {
        let labels = ["0", "1"].map(str::to_owned);
        let expected = json!({
            "label": "1", "probability": 0.83, "probabilities": {"0": 0.17, "1": 0.83}
        });
        assert_eq!(prediction(&labels, &[0.17, 0.83]), expected);
        assert_eq!(prediction(&labels, &[0.5, 0.5])["label"], "0");
        assert_eq!(prediction(&labels, &[1.0, 1e-9])["probabilities"]["1"], json!(1e-9));
    }
}
