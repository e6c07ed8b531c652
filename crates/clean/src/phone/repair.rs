//! Traces of spreadsheets and of several numbers in one field.
//!
//! Asked only where libphonenumber finds no valid number, so a valid answer of libphonenumber is
//! never changed. Each rule wants proof in the text itself; what it mends must be valid.

use rlibphonenumber::{PhoneNumber, PhoneNumberUtil};

use super::digits::is_decimal_digit;
use super::{Problem, Region, find, is_valid, parse};

/// Longest field, in bytes, that is looked at.
const BYTES_MAX: usize = 2000;
/// Most parts that one field is split into; a field with more is no list of phone numbers.
const PARTS_MAX: usize = 8;
/// Fewest digits of a number that is looked for among words.
const NUMBER_DIGITS_MIN: usize = 7;

/// The number that `raw` was before a spreadsheet or a list-maker had it, with what was mended;
/// no number but a problem where digits are lost; none where no rule applies.
pub(super) fn repair(
    util: &PhoneNumberUtil,
    raw: &str,
    region: Region,
) -> Option<(Option<PhoneNumber>, Problem)> {
    let raw = raw.trim();
    if raw.len() > BYTES_MAX {
        return None;
    }
    let valid = |text: &str| parse(util, text, region).ok().filter(|n| is_valid(util, n));
    if let Some(whole) = without_decimals(raw) {
        let number = valid(whole)?;
        return Some((Some(number), Problem::TrailingDecimal));
    }
    match scientific(raw) {
        Some(Scientific::Exact(digits)) => {
            let number = valid(&digits).or_else(|| valid(&format!("+{digits}")))?;
            return Some((Some(number), Problem::ScientificNotation));
        }
        Some(Scientific::Rounded) => return Some((None, Problem::DigitsLost)),
        None => {}
    }
    if let Some(parts) = parts(raw) {
        let mut numbers = parts.into_iter().map(valid);
        if let Some(first) = numbers.next()?
            && numbers.all(|number| number.is_some())
        {
            return Some((Some(first), Problem::SeveralNumbers));
        }
    }
    let (first, problem) = among_words(raw, region)?;
    valid(&first).map(|number| (Some(number), problem))
}

/// The first number of a field in which words or white space stand between or beside numbers:
/// `home 650-253-0000 work 650-253-0001`, `650-253-0000 (cell)`. Every digit must belong to a valid
/// number; where one is left over, nobody knows to which it belongs.
fn among_words(raw: &str, region: Region) -> Option<(String, Problem)> {
    let digits = raw.chars().filter(|&c| is_decimal_digit(c)).count();
    let has_words = raw.chars().any(char::is_alphabetic);
    if digits < NUMBER_DIGITS_MIN || !(has_words || raw.contains(char::is_whitespace)) {
        return None;
    }
    let found = find(raw, region);
    let first = found.first()?;
    let taken = |text: &str| text.chars().filter(|&c| is_decimal_digit(c)).count();
    let all: usize = found.iter().map(|number| taken(&number.raw)).sum();
    let problem = match found.len() {
        1 if has_words => Problem::WordsAround,
        1 => return None,
        _ => Problem::SeveralNumbers,
    };
    (all == digits).then(|| (first.raw.clone(), problem))
}

/// `6502530000` of `6502530000.0`: what becomes of a number column that once held a NULL.
fn without_decimals(raw: &str) -> Option<&str> {
    let (whole, decimals) = raw.split_once('.')?;
    let digits = whole.strip_prefix('+').unwrap_or(whole);
    let is_number = digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_zero = !decimals.is_empty() && decimals.bytes().all(|byte| byte == b'0');
    (is_number && is_zero).then_some(whole)
}

enum Scientific {
    Exact(String),
    Rounded,
}

/// Reads `1.3800138000E+10` (also with a comma): exact while the mantissa has as many decimals as
/// the exponent counts. Anything shorter was rounded for display.
fn scientific(raw: &str) -> Option<Scientific> {
    let (mantissa, exponent) = raw.split_once(['E', 'e'])?;
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(exponent) || exponent.len() > 2 {
        return None;
    }
    let exponent: usize = exponent.parse().ok()?;
    let (lead, decimals) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_mantissa =
        lead.len() == 1 && all_digits(lead) && (decimals.is_empty() || all_digits(decimals));
    // Shorter powers are no phone numbers, longer ones exceed E.164's fifteen digits.
    if !is_mantissa || !(5..15).contains(&exponent) {
        return None;
    }
    if decimals.len() == exponent {
        return Some(Scientific::Exact(format!("{lead}{decimals}")));
    }
    Some(Scientific::Rounded)
}

/// The parts of a field that lists numbers, at least two; none where nothing separates them.
fn parts(raw: &str) -> Option<Vec<&str>> {
    let separator = |c: char| {
        matches!(c, '/' | '\\' | ';' | ',' | '|' | '&' | '\n' | '、' | '；' | '／' | '，')
    };
    let mut parts = Vec::new();
    for piece in raw.split(separator) {
        for word in piece.split(" or ").flat_map(|piece| piece.split(" and ")) {
            if word.trim().is_empty() {
                continue;
            }
            if parts.len() == PARTS_MAX {
                return None;
            }
            parts.push(word.trim());
        }
    }
    (parts.len() > 1).then_some(parts)
}
