//! The values that an option takes.

use serde_json::{Map, Value, json};

/// Most tokens that a run adds to its base's vocabulary, and the length of each.
const NEW_TOKENS_MAX: usize = 1000;
const NEW_TOKEN_BYTES_MAX: usize = 100;
/// The most that a class may weigh: beyond it the others are nothing in 32 bits.
const CLASS_WEIGHT_MAX: f64 = 1e6;

/// Valid values of an option, and their conversion.
#[derive(Clone, Copy)]
pub enum Values {
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number for which the function holds, and that range in words.
    Number(fn(f64) -> bool, &'static str),
    /// Any string.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A form of its own.
    Form {
        /// Its type in SQL.
        #[cfg_attr(not(test), expect(dead_code, reason = "a test holds SQL to it"))]
        sql_type: &'static str,
        /// The form in words, as Markdown.
        form: &'static str,
        /// Reads it into what the trainer is told; `None` where it is not of the form.
        read: fn(&Value) -> Option<Value>,
    },
}

/// A learning rate.
pub const RATE: Values = Values::Number(|n| n > 0.0 && n <= 1.0, "above 0 and at most 1");
/// A share that may be nothing, but not all.
pub const DECAY: Values = Values::Number(|n| (0.0..1.0).contains(&n), "at least 0 and below 1");
/// A share that is neither nothing nor all.
pub const SHARE: Values = Values::Number(|n| n > 0.0 && n < 1.0, "above 0 and below 1");
/// A figure of a classifier.
pub const FIGURE: Values = Values::Number(|n| (0.0..=1.0).contains(&n), "from 0 to 1");
/// `cuda:N` beside words.
pub const DEVICE: Values =
    Values::Form { sql_type: "text", form: "`auto`, `cpu`, `cuda` or `cuda:N`", read: device };
/// A boolean, false where it is NULL.
pub const FLAG: Values = Values::Form { sql_type: "boolean", form: "true or false", read: flag };
/// A share as [`DECAY`], 0 where it is NULL.
pub const BASE_SHARE: Values = Values::Form {
    sql_type: "double precision",
    form: "a number at least 0 and below 1",
    read: base_share,
};
/// Lists of classes by label.
pub const LABEL_SETS: Values = Values::Form {
    sql_type: "jsonb",
    form: "labels with lists of classes, as in `{\"positive\": [\"4\", \"5\"]}`",
    read: label_sets,
};
/// A word, or weights by class.
pub const CLASS_WEIGHTS: Values = Values::Form {
    sql_type: "jsonb",
    form: "`\"balanced\"`, or classes with numbers above 0 and at most 1000000, as in \
           `{\"refund\": 3}`",
    read: class_weights,
};
/// Words by token.
pub const NEW_TOKENS: Values = Values::Form {
    sql_type: "jsonb",
    form: "at most 1000 tokens without spaces, each with words or `\"\"`, as in \
           `{\"😡\": \"angry\", \"SKU-7\": \"\"}`",
    read: new_tokens,
};
/// Recalls by class.
pub const MIN_RECALL: Values = Values::Form {
    sql_type: "jsonb",
    form: "classes with numbers from 0 to 1, as in `{\"refund\": 0.8}`",
    read: min_recall,
};

impl Values {
    /// The value for the trainer; `None` if it is not valid.
    pub fn read(self, value: &Value) -> Option<Value> {
        let is_valid = match self {
            Self::Integer(least, most) => {
                value.as_i64().is_some_and(|number| (least..=most).contains(&number))
            }
            Self::Number(suits, _) => value.as_f64().is_some_and(suits),
            Self::Text => value.is_string(),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Form { read, .. } => return read(value),
        };
        is_valid.then(|| value.clone())
    }

    /// The values in words, as Markdown.
    pub fn describe(self) -> String {
        match self {
            Self::Integer(least, _) if least == i64::from(i32::MIN) => "an integer".to_owned(),
            Self::Integer(least, most) if most == i64::from(i32::MAX) => {
                format!("an integer from {least} on")
            }
            Self::Integer(least, most) => format!("an integer from {least} to {most}"),
            Self::Number(_, range) => format!("a number {range}"),
            Self::Text => "a string".to_owned(),
            Self::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                match quoted.split_last() {
                    Some((last, others)) => format!("{} or {last}", others.join(", ")),
                    None => String::new(),
                }
            }
            Self::Form { form, .. } => form.to_owned(),
        }
    }
}

fn device(value: &Value) -> Option<Value> {
    let device = value.as_str()?;
    let number = device.strip_prefix("cuda:").map(str::parse::<u16>);
    let is_known = matches!(device, "auto" | "cpu" | "cuda") || matches!(number, Some(Ok(_)));
    is_known.then(|| value.clone())
}

fn flag(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Bool(false)),
        Value::Bool(_) => Some(value.clone()),
        _ => None,
    }
}

fn base_share(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(json!(0.0)),
        _ => DECAY.read(value),
    }
}

/// An object whose values all suit; empty for NULL.
fn object(value: &Value, suits: impl Fn(&str, &Value) -> bool) -> Option<Value> {
    let object = match value {
        Value::Null => Map::new(),
        Value::Object(object) => object.clone(),
        _ => return None,
    };
    object.iter().all(|(key, value)| suits(key, value)).then_some(Value::Object(object))
}

fn label_sets(value: &Value) -> Option<Value> {
    object(value, |_, classes| {
        classes
            .as_array()
            .is_some_and(|classes| !classes.is_empty() && classes.iter().all(Value::is_string))
    })
}

fn class_weights(value: &Value) -> Option<Value> {
    let suits = |weight: &Value| weight.as_f64().is_some_and(|n| n > 0.0 && n <= CLASS_WEIGHT_MAX);
    match value {
        Value::Null => Some(json!("equal")),
        Value::String(word) => (word == "balanced").then(|| value.clone()),
        _ => object(value, |_, weight| suits(weight)).map(|weights| json!({ "given": weights })),
    }
}

fn new_tokens(value: &Value) -> Option<Value> {
    let suits = |token: &str, words: &Value| {
        !token.is_empty()
            && token.len() <= NEW_TOKEN_BYTES_MAX
            && !token.contains(char::is_whitespace)
            && words.is_string()
    };
    let tokens = object(value, suits)?;
    (tokens.as_object()?.len() <= NEW_TOKENS_MAX).then_some(tokens)
}

fn min_recall(value: &Value) -> Option<Value> {
    object(value, |_, recall| FIGURE.read(recall).is_some())
}
