//! JSON as PostgreSQL writes it.

use serde::de::DeserializeOwned;

/// Digits before the point up to which every number is a float.
const DIGITS_MAX: usize = 308;

/// Reads JSON as PostgreSQL writes it. Its numbers may have more digits than a float can hold,
/// which serde_json refuses: such a one becomes 1e308, with its sign.
pub fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|_| serde_json::from_str(&bounded(json)))
}

/// The same JSON without the numbers that are too large.
fn bounded(json: &str) -> String {
    let mut bounded = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(place) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) {
        let (before, from) = rest.split_at(place);
        let (token, after) = from.split_at(token_length(from));
        let digits = token.bytes().take_while(u8::is_ascii_digit).count();
        bounded.push_str(before);
        bounded.push_str(if digits > DIGITS_MAX { "1e308" } else { token });
        rest = after;
    }
    bounded + rest
}

/// Length of the text, or of the number without a sign, that JSON begins with.
fn token_length(json: &str) -> usize {
    if !json.starts_with('"') {
        let is_of_number = |c: char| c.is_ascii_digit() || ['.', 'e', 'E', '+', '-'].contains(&c);
        return json.find(|c| !is_of_number(c)).unwrap_or(json.len());
    }
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::{Value, json};

    #[test]
    fn json_is_read_whose_numbers_no_float_can_hold() {
        let (many, text) = ("9".repeat(400), "1".repeat(400));
        let json =
            format!(r#"{{"a\"9": {many}, "b": -{many}.5, "c": "{text}", "d": [0.{text}, 12]}}"#);
        assert!(serde_json::from_str::<Value>(&json).is_err());
        let value: Value = read(&json).unwrap();
        assert_eq!(value["a\"9"], json!(1e308));
        assert_eq!(value["b"], json!(-1e308));
        assert_eq!(value["c"], json!(text));
        assert_eq!(value["d"][1], json!(12));
        assert!(read::<Value>("{").is_err());
        assert!(read::<Value>(&format!("[{many}")).is_err());
    }
}
