//! The digits of a field and nothing else, as exports often want them.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The decimal digits of `raw` in their order, padded on the left with `0` to `width` characters.
/// A longer row of digits stays whole.
///
/// Digit means what Python's `\d` means: every character of Unicode's category Nd, so full-width
/// and Arabic-Indic digits stay, as they are written. This is what pandas gives for
/// `s.str.strip().str.replace(r"\D", "", regex=True).str.pad(width, fillchar="0")`.
pub fn digits(raw: &str, width: usize) -> String {
    let kept: String = raw.chars().filter(|&c| is_decimal_digit(c)).collect();
    let count = if kept.is_ascii() { kept.len() } else { kept.chars().count() };
    if count >= width {
        return kept;
    }
    let mut padded = "0".repeat(width - count);
    padded.push_str(&kept);
    padded
}

/// True if `c` is of Unicode's category Nd.
pub(super) fn is_decimal_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.general_category() == GeneralCategory::DecimalNumber)
}
