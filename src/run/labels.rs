//! Labels of rows: their bounds, and the labels of a text that may have several.

use crate::error::{Error, Result};
use serde_json::Value;

/// Most different labels of a source, as many as a model can be trained on.
const LABELS_MAX: usize = 10_000;
/// Bytes of a label, at most.
const LABEL_BYTES_MAX: usize = 1024;

/// Fails with 54000 for a label that is too long, and for one too many where `known` others have
/// come before it.
pub fn check_new_label(label: &str, known: usize) -> Result<()> {
    let message = if label.len() > LABEL_BYTES_MAX {
        format!("a label of {} bytes exceeds {LABEL_BYTES_MAX}", label.len())
    } else if known >= LABELS_MAX {
        format!("the source has more than {LABELS_MAX} different labels")
    } else {
        return Ok(());
    };
    Err(Error::over_limit(message).hint("name the column that holds the classes"))
}

/// The labels in a JSON array, in order and without repetitions; NULLs are none, numbers and truth
/// values are labels by their text. 22023 for anything else.
pub fn label_set(json: &str) -> Result<Vec<String>> {
    let Ok(Value::Array(values)) = serde_json::from_str(json) else { return Err(no_labels()) };
    let mut labels = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Null => {}
            Value::String(label) => labels.push(label),
            Value::Number(_) | Value::Bool(_) => labels.push(value.to_string()),
            Value::Array(_) | Value::Object(_) => return Err(no_labels()),
        }
    }
    labels.sort_unstable();
    labels.dedup();
    Ok(labels)
}

fn no_labels() -> Error {
    Error::invalid_argument("invalid list of labels in label_column")
        .hint("give text, or text[] or a jsonb array of strings for several labels a row")
}

#[cfg(test)]
mod tests {
    use super::label_set;

    #[test]
    fn labels_are_read_in_order_and_once() {
        assert_eq!(label_set(r#"["b", null, "a", "b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(label_set("[2, 1, true]").unwrap(), ["1", "2", "true"]);
        assert!(label_set("[]").unwrap().is_empty());
        for wrong in ["\"a\"", "[[1]]", "{}", "null"] {
            assert_eq!(label_set(wrong).unwrap_err().state(), "22023", "{wrong}");
        }
    }
}
