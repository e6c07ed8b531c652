//! HTML character references: `&amp;`, `&#8217;`, `&#x2019;`.
//!
//! Only with their semicolon: the old names that browsers take without it (`&copy`, `&not`) stand
//! in web addresses and plain text too often.

use super::mojibake::cp1252;

/// Longest reference in bytes: `&CounterClockwiseContourIntegral;`.
pub(super) const BYTES_MAX: usize = 33;

/// The value of a reference, up to two characters; none where `reference`, which runs from `&` to
/// `;`, is not one.
pub(super) fn decode(reference: &str) -> Option<(char, Option<char>)> {
    if let Some(number) = reference.strip_prefix("&#") {
        return numeric(number.strip_suffix(';')?).map(|c| (c, None));
    }
    let text = htmlize::ENTITIES.get(reference.as_bytes())?;
    let mut characters = std::str::from_utf8(text).ok()?.chars();
    Some((characters.next()?, characters.next()))
}

/// The character of a numeric reference by the HTML standard: 128 to 159 are Windows' characters.
fn numeric(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok()?;
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some(cp1252(c).unwrap_or(c))
}
