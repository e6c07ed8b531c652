//! Letters in a phone field: numbers spelt with letters, and words beside a number.
//!
//! libphonenumber turns every letter after the first digit into a digit where there are three of
//! them, and drops them where there are fewer. That is right for `1-800-FLOWERS`; in
//! `030 123456 privat` it makes another number, which is valid in countries whose numbers have no
//! fixed length. Here letters count as digits only where the number is not whole without them.

use rlibphonenumber::{PhoneNumber, PhoneNumberType, PhoneNumberUtil};

use super::digits::is_decimal_digit;
use super::repair::abbreviated;
use super::{Problem, Region, is_valid, parse};

/// Words before a number that are no part of it.
const LABELS: &[&str] = &[
    "tel",
    "telephone",
    "phone",
    "ph",
    "call",
    "fax",
    "free",
    "toll",
    "tollfree",
    "freephone",
    "hotline",
    "number",
    "no",
    "nr",
    "dial",
    "vanity",
    "text",
];

/// Words before an extension that libphonenumber does not know.
const EXTENSIONS: &[&str] = &[
    "dial",
    "e",
    "opt",
    "option",
    "press",
    "dw",
    "durchwahl",
    "app",
    "apparat",
    "nst",
    "nebenstelle",
    "poste",
    "interno",
    "interne",
    "ramal",
    "intern",
    "toestel",
    "wew",
    "klapka",
    "linka",
    "xt",
    "ex",
    "extn",
    "exten",
];

/// Words between a number and the last digits of the next.
const OR: &[&str] = &["or", "od", "oder", "and", "und", "y", "o", "e", "et", "ou", "bis", "to"];

/// Words of times of day: `8am-5pm`, `ab 18 Uhr`.
const HOURS: &[&str] = &["am", "pm", "a", "p", "m", "uhr", "h", "hrs", "hours", "oclock", "clock"];

/// Words that stand between hours.
const HOURS_BETWEEN: &[&str] = &[
    "call", "after", "before", "until", "till", "to", "from", "between", "and", "ab", "nach",
    "vor", "bis", "von", "zwischen", "und", "evenings", "weekdays", "only", "mon", "tue", "wed",
    "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so",
];

/// Letters that a number spelt with letters may have too many: they are dialled and not heard.
const SURPLUS_MAX: usize = 4;

/// Digits of a number in the North American plan.
const NANP_DIGITS: usize = 10;

/// True if libphonenumber's valid `number` is what `raw`, which holds letters, means.
pub(super) fn is_sound(
    util: &PhoneNumberUtil,
    raw: &str,
    region: Region,
    number: &PhoneNumber,
) -> bool {
    let inside = inside(raw);
    if inside.is_empty() {
        return true;
    }
    if !written_digits(raw).contains(&national(number)) {
        return is_spelt(util, raw, region, number);
    }
    // The letters were dropped: right after the number, and in the signs that are punctuation.
    let has_extension = number.extension.as_ref().is_some_and(|extension| !extension.is_empty());
    has_extension || !is_between_digits(inside)
}

/// The text after the first digit.
fn inside(raw: &str) -> &str {
    let rest = raw.find(is_decimal_digit).and_then(|at| raw.get(at..)).unwrap_or_default();
    if rest.contains(char::is_alphabetic) { rest } else { "" }
}

/// True if a digit follows a letter, `x` apart.
fn is_between_digits(inside: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() && !matches!(c, 'x' | 'X' | 'ｘ' | 'Ｘ');
    let letter = inside.find(is_letter).and_then(|at| inside.get(at..));
    letter.is_some_and(|rest| rest.contains(is_decimal_digit))
}

/// True if `raw` holds a letter of any script.
pub(super) fn holds_letters(raw: &str) -> bool {
    raw.bytes().any(|byte| byte.is_ascii_alphabetic())
        || !raw.is_ascii() && raw.chars().any(char::is_alphabetic)
}

/// The digits of `raw` in ASCII.
pub(super) fn written_digits(raw: &str) -> String {
    raw.chars().filter_map(ascii_digit).collect()
}

/// The ASCII digit of a decimal digit of any script.
fn ascii_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    if !is_decimal_digit(c) {
        return None;
    }
    // Unicode's digits of one script stand in a row that begins at a multiple of two with zero,
    // so counting back to the first that is no digit gives the value.
    let code = u32::from(c);
    let below = (1..10)
        .take_while(|back| char::from_u32(code.wrapping_sub(*back)).is_some_and(is_decimal_digit));
    char::from_digit(u32::try_from(below.count()).ok()? % 10, 10)
}

/// The national number with its leading zeros.
fn national(number: &PhoneNumber) -> String {
    number.national_number.to_string()
}

/// True if letters stand for digits in `raw`: the number is not whole without them, and it is of a
/// kind that is given out for its letters, or plainly written so.
fn is_spelt(util: &PhoneNumberUtil, raw: &str, region: Region, number: &PhoneNumber) -> bool {
    let before = raw.find(is_decimal_digit).and_then(|at| raw.get(..at)).unwrap_or_default();
    if words(before).any(|word| !LABELS.contains(&word.to_lowercase().as_str())) {
        return false;
    }
    let inside = inside(raw);
    let letters: Vec<char> = inside.chars().filter(|c| c.is_alphabetic()).collect();
    let is_one_letter = letters.iter().all(|letter| Some(letter) == letters.first());
    if is_one_letter || !letters.iter().all(char::is_ascii_alphabetic) {
        return false;
    }
    let digits: String =
        raw.chars().filter(|&c| is_decimal_digit(c) || matches!(c, '+' | ' ')).collect();
    if parse(util, &digits, region).is_ok_and(|number| is_valid(util, &number)) {
        return false;
    }
    let is_capital = letters.len() > 3 && letters.iter().all(char::is_ascii_uppercase);
    match util.get_number_type(number) {
        PhoneNumberType::TollFree
        | PhoneNumberType::SharedCost
        | PhoneNumberType::PremiumRate
        | PhoneNumberType::UAN => true,
        _ => number.country_code == 1 && is_capital,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The number in the field once the words after it are left out, which need not be valid, with the
/// repair made. None where digits are left that belong to nothing.
pub(super) fn without_words(
    util: &PhoneNumberUtil,
    raw: &str,
    region: Region,
) -> Option<(PhoneNumber, Problem)> {
    if let Some(number) = spelt_at_length(util, raw, region) {
        return Some((number, Problem::SurplusLetters));
    }
    let digit = raw.find(is_decimal_digit)?;
    let mut cut = digit + raw.get(digit..)?.find(char::is_alphabetic)?;
    let rest = raw.get(cut..)?;
    // `8am`, `18 Uhr`: the digits before the word are its own.
    let first = words(rest).next().unwrap_or_default().to_lowercase();
    if HOURS.contains(&first.as_str()) {
        let number = raw.get(..cut)?.trim_end();
        let hours = number.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ':'));
        cut = hours.len();
    }
    let head = raw.get(..cut)?.trim_end();
    let rest = raw.get(cut..)?;
    if let Some(spelt) = followed_by_words(util, raw, region) {
        return Some((spelt, Problem::WordsAround));
    }
    let number = parse(util, head, region).ok()?;
    let digits = written_digits(rest);
    if digits.is_empty() || is_hours(rest) {
        return Some((number, Problem::WordsAround));
    }
    let valid = || is_valid(util, &number);
    let is_last = |list: &[&str]| {
        let mut words = words(rest);
        let word = words.next().unwrap_or_default().to_lowercase();
        let (word, glued) = word.split_at(word.find(is_decimal_digit).unwrap_or(word.len()));
        let others = words.filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
        list.contains(&word) && others.count() == 0 && glued.chars().all(is_decimal_digit)
    };
    if is_last(EXTENSIONS) && digits.len() <= 6 && valid() {
        let with = parse(util, &format!("{head} ext. {digits}"), region).ok()?;
        return is_valid(util, &with).then_some((with, Problem::WordsAround));
    }
    let another = is_last(OR) && abbreviated(util, head, &digits, region);
    (another && valid()).then_some((number, Problem::SeveralNumbers))
}

/// True if `rest` says when to call.
fn is_hours(rest: &str) -> bool {
    let mut has_hours = false;
    let is_known = words(rest).all(|word| {
        let word = word.to_lowercase();
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = word.len() - letters.len();
        let is_hour = digits > 0 && HOURS.contains(&letters) || HOURS.contains(&word.as_str());
        has_hours |= is_hour || matches!(word.as_str(), "after" | "before" | "between");
        digits <= 2
            && (letters.is_empty() || HOURS.contains(&letters) || HOURS_BETWEEN.contains(&letters))
    });
    is_known && has_hours
}

/// `1-800-FLOWERS office`: a number spelt with letters and words after it.
fn followed_by_words(util: &PhoneNumberUtil, raw: &str, region: Region) -> Option<PhoneNumber> {
    let mut head = raw.trim_end();
    loop {
        let (rest, last) = head.rsplit_once(char::is_whitespace)?;
        if last.chars().any(is_decimal_digit) {
            return None;
        }
        head = rest.trim_end();
        let number = parse(util, head, region).ok().filter(|number| is_valid(util, number));
        let is_whole = |number: &PhoneNumber| {
            head.contains(char::is_alphabetic) && is_sound(util, head, region, number)
        };
        if let Some(number) = number.filter(is_whole) {
            return Some(number);
        }
    }
}

/// `1-877-KARS-4-KIDS`: a toll-free number of North America with more letters than are dialled.
fn spelt_at_length(util: &PhoneNumberUtil, raw: &str, region: Region) -> Option<PhoneNumber> {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | '(' | ')');
    if !raw.chars().all(is_sign) || !raw.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut digits: String = raw.chars().filter_map(keypad).collect();
    if digits.starts_with('1') {
        digits.remove(0);
    }
    let surplus = digits.len().checked_sub(NANP_DIGITS)?;
    if !(1..=SURPLUS_MAX).contains(&surplus) || !raw.trim_start().starts_with(['1', '8', '+']) {
        return None;
    }
    let number = parse(util, &format!("+1{}", digits.get(..NANP_DIGITS)?), region).ok()?;
    let is_free =
        is_valid(util, &number) && util.get_number_type(&number) == PhoneNumberType::TollFree;
    is_free.then_some(number)
}

/// The digit on the key of a letter.
fn keypad(c: char) -> Option<char> {
    Some(match c.to_ascii_uppercase() {
        'A'..='C' => '2',
        'D'..='F' => '3',
        'G'..='I' => '4',
        'J'..='L' => '5',
        'M'..='O' => '6',
        'P'..='S' => '7',
        'T'..='V' => '8',
        'W'..='Z' => '9',
        digit if digit.is_ascii_digit() => digit,
        _ => return None,
    })
}
