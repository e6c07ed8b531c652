//! Fields that hold no address at all.

use super::Problem;
use super::tokens::Token;
use super::{places, words};

/// Texts that stand for a missing value, without punctuation and in small letters.
const PLACEHOLDERS: &[&str] = &[
    "na",
    "n a",
    "none",
    "null",
    "nil",
    "nan",
    "unknown",
    "unk",
    "not available",
    "not applicable",
    "not provided",
    "not given",
    "none given",
    "no address",
    "no address given",
    "address unknown",
    "unknown address",
    "no fixed address",
    "no fixed abode",
    "homeless",
    "tbd",
    "tba",
    "to be determined",
    "to be advised",
    "same",
    "same as above",
    "as above",
    "see above",
    "same as billing",
    "same as shipping",
    "test",
    "testing",
    "test address",
    "x",
    "xx",
    "address",
    "street",
    "street address",
    "undefined",
    "undisclosed",
    "unlisted",
    "confidential",
    "private",
    "withheld",
    "blank",
    "empty",
    "missing",
    "pending",
    "various",
    "no data",
    "n d",
    "dummy",
    "invalid",
    "deleted",
    "do not use",
    "moved",
    "returned mail",
    "return to sender",
    "deceased",
    "无",
    "没有",
    "不详",
    "未知",
    "暂无",
    "不明",
    "なし",
    "desconocido",
    "ninguno",
    "inconnu",
    "unbekannt",
    "keine",
    "sin direccion",
];

/// The reason why a cleaned text is no address, by the text alone.
pub fn by_text(text: &str) -> Option<Problem> {
    if !text.contains(char::is_alphanumeric) {
        return Some(Problem::Empty);
    }
    if is_placeholder(text) {
        return Some(Problem::Placeholder);
    }
    if is_mail_or_web(text) {
        return Some(Problem::Email);
    }
    is_phone(text).then_some(Problem::Phone)
}

fn is_placeholder(text: &str) -> bool {
    let folded: String =
        text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect::<String>();
    let key = folded.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = key.chars();
    let first = chars.next();
    let is_one_sign = key.chars().count() > 2 && chars.all(|c| Some(c) == first);
    // `null null null`
    let first = key.split(' ').next().unwrap_or_default();
    let is_repeated = key.split(' ').all(|word| word == first);
    is_one_sign
        || PLACEHOLDERS.contains(&key.as_str())
        || is_repeated && first.len() > 1 && PLACEHOLDERS.contains(&first)
}

fn is_mail_or_web(text: &str) -> bool {
    let lower = text.to_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("www.") {
        return true;
    }
    let bare = lower.trim_start_matches("mailto:");
    let Some((local, domain)) = bare.split_once('@') else { return false };
    !bare.contains(char::is_whitespace) && !local.is_empty() && domain.contains('.')
}

/// Digits and a phone's punctuation, as many as a phone number has, and not a ZIP+4.
fn is_phone(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut rest = lower.as_str();
    for label in ["telephone", "phone", "tel", "mobile", "cell", "fax"] {
        rest = rest.strip_prefix(label).unwrap_or(rest);
    }
    let number = rest.split(" ext").next().unwrap_or(rest).split(" x").next().unwrap_or(rest);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let is_signs = number
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '.' | '(' | ')' | '/' | ':'));
    let is_local = digits == 7 && number.trim().as_bytes().get(3) == Some(&b'-');
    is_signs && ((10..=15).contains(&digits) || is_local)
}

/// The reason why words are no address: nothing among them is of the kind that addresses are made
/// of.
pub fn by_words(tokens: &[Token]) -> Option<Problem> {
    if let [only] = tokens
        && only.key.chars().all(|c| c.is_ascii_digit())
    {
        let is_zip = matches!(only.key.len(), 5 | 9) && places::states_of(&only.key).is_some();
        return (!is_zip).then_some(Problem::NotAnAddress);
    }
    let is_known = |token: &Token| {
        let key = token.key.as_str();
        key.contains(|c: char| c.is_numeric())
            || words::suffix(key).is_some()
            || words::boxes(key).is_some_and(|kind| kind != "o")
            || words::is_building_cue(key)
            || words::is_military_city(key)
            || words::is_bare_street(key)
            || (tokens.len() > 1 && words::is_number_word(key))
    };
    // `S Stony Island`
    let is_directed = matches!(tokens, [first, _, ..] if words::directional(&first.key).is_some());
    if tokens.iter().any(is_known) || is_directed || ends_in_place(tokens) {
        return None;
    }
    Some(Problem::NotAnAddress)
}

/// True if the last words are a state or a known city.
fn ends_in_place(tokens: &[Token]) -> bool {
    let mut start = tokens.len();
    while start > 0 && tokens.len() - start < places::PLACE_WORDS_MAX {
        start -= 1;
        let span = &tokens[start..];
        let state = span.iter().map(|token| token.key.as_str()).collect::<Vec<_>>().join(" ");
        let mut place = String::new();
        span.iter().for_each(|token| places::extend_place_key(&mut place, &token.key));
        if words::state(&state).is_some() || places::prefixes_of(&place).is_some() {
            return true;
        }
    }
    false
}
