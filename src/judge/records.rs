//! Records for models over columns: as the engine reads them, and what it says of them.

use super::answers::argmax;
use super::texts::check_length;
use crate::error::{Error, Result};
use crate::pg::json::JsonText;
use serde_json::{Map, Number, Value};

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
