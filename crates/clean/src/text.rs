//! Free text: one normal form for what people, web forms and broken exports leave in a field.

use unicode_normalization::UnicodeNormalization;

/// The normal form of `raw`.
pub fn clean(raw: &str) -> String {
    let text: String = raw.nfc().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
