//! Traces of spreadsheets and of several numbers in one field.
//!
//! `repair` is asked where libphonenumber finds no valid number, or one that `doubt` has refused.
//! Each rule wants proof in the text itself; what it mends must be valid.

use rlibphonenumber::{PhoneNumber, PhoneNumberUtil};

use super::digits::is_decimal_digit;
use super::{Problem, Region, find, is_valid, letters, parse, prefixes};

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
    if let Some(number) = listed(util, raw, region) {
        return Some((Some(number), Problem::SeveralNumbers));
    }
    if let Some((first, problem)) = among_words(raw, region)
        && let Some(number) = valid(&first)
    {
        return Some((Some(number), problem));
    }
    if let Some(number) = zeros_for_letters(raw).and_then(|text| valid(&text)) {
        return Some((Some(number), Problem::LetterForDigit));
    }
    if let Some((number, problem)) = prefixes::read(util, raw, region) {
        return Some((Some(number), problem));
    }
    if let Some(number) = without_separators(raw).and_then(|text| valid(&text)) {
        return Some((Some(number), Problem::Separators));
    }
    if !letters::holds_letters(raw) {
        return None;
    }
    letters::without_words(util, raw, region).map(|(number, problem)| (Some(number), problem))
}

/// Reason why a valid answer of libphonenumber is not taken.
pub(super) enum Doubt {
    /// The text plainly says another number.
    Other(PhoneNumber, Problem),
    /// Letters were turned into digits, or left out between digits.
    Letters,
}

/// The doubt about `number`, libphonenumber's valid reading of `raw`, if `raw` means something
/// else.
pub(super) fn doubt(
    util: &PhoneNumberUtil,
    raw: &str,
    region: Region,
    number: &PhoneNumber,
) -> Option<Doubt> {
    if letters::holds_letters(raw) {
        return (!letters::is_sound(util, raw, region, number)).then_some(Doubt::Letters);
    }
    if let Some((head, tail)) = raw.rsplit_once('/') {
        let count = |text: &str| text.chars().filter(|&c| is_decimal_digit(c)).count();
        if (1..=3).contains(&count(tail))
            && count(head) >= NUMBER_DIGITS_MIN
            && abbreviated(util, head, &letters::written_digits(tail), region)
        {
            let first = parse(util, head, region).ok()?;
            return Some(Doubt::Other(first, Problem::SeveralNumbers));
        }
    }
    let other = prefixes::with_country_code(util, raw, number)?;
    Some(Doubt::Other(other, Problem::CountryCodeWithoutPlus))
}

/// True if `head` is a valid number, and one again with `digits` for its last ones: `030 1234567`
/// and `68`.
pub(super) fn abbreviated(
    util: &PhoneNumberUtil,
    head: &str,
    digits: &str,
    region: Region,
) -> bool {
    let valid = |text: &str| parse(util, text, region).is_ok_and(|n| is_valid(util, &n));
    let mut all = letters::written_digits(head);
    let Some(kept) = all.len().checked_sub(digits.len()).filter(|kept| *kept >= 2) else {
        return false;
    };
    all.truncate(kept);
    let plus = if head.trim_start().starts_with(['+', '＋']) { "+" } else { "" };
    valid(head) && valid(&format!("{plus}{all}{digits}"))
}

/// The first of several numbers, each of which is valid by itself or has its last digits alone.
fn listed(util: &PhoneNumberUtil, raw: &str, region: Region) -> Option<PhoneNumber> {
    let valid = |text: &str| parse(util, text, region).ok().filter(|n| is_valid(util, n));
    // What a line break parts may be one number.
    let is_one_line = !raw.contains(['\n', '\r']);
    let all = |parts: Vec<&str>| {
        let (first, others) = parts.split_first()?;
        let number = valid(first)?;
        let is_number = |part: &&str| {
            let is_bare = !part.contains(|c: char| c.is_alphabetic() || matches!(c, '+' | '('));
            let digits = letters::written_digits(part);
            valid(part).is_some()
                || is_one_line
                    && is_bare
                    && !digits.is_empty()
                    && abbreviated(util, first, &digits, region)
        };
        others.iter().all(is_number).then_some(number)
    };
    parts(raw).and_then(all).or_else(|| {
        // `(650)253-0000(650)253-0001`
        let (at, _) = raw.match_indices('(').find(|(at, _)| {
            raw.get(..*at).is_some_and(|head| head.trim_end().ends_with(is_decimal_digit))
        })?;
        let (first, second) = raw.split_at_checked(at)?;
        all(vec![first, second])
    })
}

/// `650-253-OOO0` with zeros: no other letters stand in the text.
fn zeros_for_letters(raw: &str) -> Option<String> {
    let is_o = |c: char| matches!(c, 'O' | 'o');
    let is_only = raw.contains(is_o) && raw.chars().all(|c| is_o(c) || !c.is_alphabetic());
    is_only.then(|| raw.replace(is_o, "0"))
}

/// `6,502,530,000`, `650_253_0000` with spaces, `4084568908#` without its sign.
fn without_separators(raw: &str) -> Option<String> {
    let is_separator = |c: char| {
        matches!(c, '_' | ',' | '|' | ';' | ':' | '\'' | '#' | '\\' | '=' | '\n' | '\r' | '\t')
    };
    let is_sign = |c: char| {
        is_decimal_digit(c)
            || is_separator(c)
            || matches!(c, ' ' | '+' | '-' | '.' | '(' | ')' | '/' | '\u{A0}' | '–' | '—')
    };
    let text = raw.trim_end_matches('#');
    let is_joined = !text.contains('#') && text.chars().all(is_sign);
    let is_changed = text != raw || raw.contains(is_separator);
    (is_joined && is_changed).then(|| text.replace(is_separator, " "))
}

/// The first number of a field in which words or white space stand between or beside numbers:
/// `home 650-253-0000 work 650-253-0001`, `650-253-0000 (cell)`. Every digit must belong to a valid
/// number; where one is left over, nobody knows to which it belongs.
fn among_words(raw: &str, region: Region) -> Option<(String, Problem)> {
    let digits = raw.chars().filter(|&c| is_decimal_digit(c)).count();
    let has_words = letters::holds_letters(raw);
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
