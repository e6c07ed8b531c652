//! Addresses of other countries: how they are told, and the forms of their postcodes.
//!
//! Names come from CLDR, forms from libaddressinput; see `data/address/README.md`.

use super::tokens::Token;
use super::{abroad, places, words};
use regex::Regex;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// Longest name of a country, in words.
const COUNTRY_WORDS_MAX: usize = 6;

/// A country with the form of its postcodes, compiled when first needed.
struct Country {
    code: &'static str,
    pattern: &'static str,
    postcode: OnceLock<Option<Regex>>,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    rows().map(|(code, _, pattern)| Country { code, pattern, postcode: OnceLock::new() }).collect()
});

/// Name of a country → its code.
static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    rows().flat_map(|(code, names, _)| names.split('|').map(move |name| (name, code))).collect()
});

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    include_str!("../../data/address/countries.tsv").lines().filter_map(|line| {
        let (code, rest) = line.split_once('\t')?;
        let (names, pattern) = rest.split_once('\t')?;
        Some((code, names, pattern))
    })
}

/// An address of another country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Two letters, none where only this is sure: not the United States.
    pub country: Option<&'static str>,
    pub postcode: Option<String>,
    /// Digits stand where the postcode should, and are not of the country's form.
    pub is_postcode_wrong: bool,
}

/// The number of words at the end that name the United States.
pub fn trailing_us(tokens: &[Token]) -> usize {
    match trailing_country(tokens) {
        Some(("US", words)) => words,
        _ => 0,
    }
}

/// Longest name of a country that the words end with, in two letters, and its number of words.
fn trailing_country(tokens: &[Token]) -> Option<(&'static str, usize)> {
    let most = COUNTRY_WORDS_MAX.min(tokens.len().saturating_sub(1));
    (1..=most)
        .rev()
        .find_map(|words| {
            let span = &tokens[tokens.len() - words..];
            let key = span.iter().map(|token| token.key.as_str()).collect::<Vec<_>>().join(" ");
            // `New Jersey` ends with Jersey, `Georgia` is a state.
            if words::state(&key).is_some() {
                return Some(("", words));
            }
            NAMES.get(key.as_str()).map(|code| (*code, words))
        })
        .filter(|(code, _)| !code.is_empty())
}

/// Tells an address of another country by its name, its script, its postcode or its street words.
/// None for one of the United States, and wherever there is doubt.
pub fn foreign(text: &str, tokens: &[Token]) -> Option<Foreign> {
    if let Some(country) = by_script(text) {
        return Some(with_postcode(country, text, tokens, 0));
    }
    if let Some(code) = abroad::country_code(tokens, code_of, is_foreign_body) {
        return Some(with_postcode(Some(code), text, tokens, 1));
    }
    match trailing_country(tokens) {
        Some(("US", _)) => return None,
        Some((code, words)) if is_trusted(code, words, text, tokens) => {
            return Some(with_postcode(Some(code), text, tokens, words));
        }
        _ => {}
    }
    if let Some(found) = country_before_postcode(text, tokens) {
        return Some(found);
    }
    if let Some(country) = abroad::by_postcode(tokens) {
        return Some(with_postcode(country, text, tokens, 0));
    }
    if has_us_tail(tokens) {
        return None;
    }
    let tail = tokens.len().saturating_sub(2);
    for code in ["CA", "GB"] {
        let tail: String =
            tokens[tail..].iter().map(|token| token.core()).collect::<Vec<_>>().join(" ");
        let at_end = last_postcode(code, &tail).filter(|(_, end)| *end == tail.len());
        if let Some((postcode, _)) = at_end.filter(|_| tokens.len() > 2) {
            return Some(Foreign {
                country: Some(code),
                postcode: Some(spaced(code, &postcode)),
                is_postcode_wrong: false,
            });
        }
    }
    if is_australian(tokens) {
        return Some(with_postcode(Some("AU"), text, tokens, 0));
    }
    if let Some(country) = abroad::by_form(tokens) {
        return Some(with_postcode(country, text, tokens, 0));
    }
    let is_foreign = has_foreign_street(tokens) || has_postcode_before_city(tokens);
    is_foreign.then_some(Foreign { country: None, postcode: None, is_postcode_wrong: false })
}

/// The country of a code in capitals; none for a code that no country has.
fn code_of(code: &str) -> Option<&'static str> {
    if code == "UK" { Some("GB") } else { find(code).map(|country| country.code) }
}

/// True if what stands before a country's code is no American address.
fn is_foreign_body(body: &[Token]) -> bool {
    has_postcode_before_city(body)
        || has_foreign_street(body)
        || abroad::by_form(body).is_some()
        || abroad::by_postcode(body).is_some()
}

/// `Singapore 048616`, `South Africa 8001`: a country's name, and after it its postcode.
fn country_before_postcode(text: &str, tokens: &[Token]) -> Option<Foreign> {
    let is_part = |token: &&Token| token.key.contains(|c: char| c.is_ascii_digit());
    let count = tokens.iter().rev().take_while(is_part).take(2).count();
    let body = tokens.get(..tokens.len() - count).filter(|body| count > 0 && body.len() > 1)?;
    let (code, _) = trailing_country(body).filter(|(code, _)| *code != "US")?;
    let (postcode, end) = last_postcode(code, text)?;
    let is_zip = postcode.len() == 5 && postcode.bytes().all(|byte| byte.is_ascii_digit());
    let is_end = text.get(end..).is_some_and(|rest| !rest.contains(char::is_alphanumeric));
    if !is_end || is_zip || has_us_tail(tokens) {
        return None;
    }
    let postcode = Some(spaced(code, &postcode));
    Some(Foreign { country: Some(code), postcode, is_postcode_wrong: false })
}

/// Countries whose script or own name at the start leaves no doubt; `Some(None)` for a script that
/// several countries write.
fn by_script(text: &str) -> Option<Option<&'static str>> {
    for (start, code) in [
        ("中国", "CN"),
        ("中华人民共和国", "CN"),
        ("日本", "JP"),
        ("〒", "JP"),
        ("대한민국", "KR"),
        ("台湾", "TW"),
        ("台灣", "TW"),
        ("臺灣", "TW"),
        ("香港", "HK"),
        ("澳门", "MO"),
    ] {
        if text.starts_with(start) {
            return Some(Some(code));
        }
    }
    let count = |is: fn(char) -> bool| text.chars().filter(|&c| is(c)).count();
    let letters = count(char::is_alphabetic);
    let is_mostly = |script: usize| script > 0 && script * 2 >= letters;
    if is_mostly(count(|c| matches!(c, '\u{3040}'..='\u{30ff}'))) {
        return Some(Some("JP"));
    }
    if is_mostly(count(|c| matches!(c, '\u{ac00}'..='\u{d7a3}'))) {
        return Some(Some("KR"));
    }
    let han = count(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}'));
    if is_mostly(han) {
        let is_japanese = text.contains(['都', '府', '県', '丁'])
            || count(|c| matches!(c, '\u{3040}'..='\u{30ff}')) > 0;
        // Characters that only the simplified script has.
        let is_simplified = text
            .contains(['号', '区', '县', '镇', '乡', '楼', '东', '广', '门', '龙'])
            && text.contains(['省', '市', '路', '街', '道', '县', '镇', '州']);
        return Some(match (is_japanese && text.contains(['県', '丁', '〒']), is_simplified) {
            (true, _) => Some("JP"),
            (false, true) if !is_japanese => Some("CN"),
            _ => None,
        });
    }
    if is_mostly(count(|c| matches!(c, '\u{e00}'..='\u{e7f}'))) {
        return Some(Some("TH"));
    }
    let latin = count(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}'));
    (letters > 3 && latin * 2 < letters).then_some(None)
}

/// True if a country's name at the end is one. Many are names of towns in the United States too
/// (Lebanon, Mexico, Jordan): then the rest must speak for it.
fn is_trusted(code: &str, words: usize, text: &str, tokens: &[Token]) -> bool {
    let body = &tokens[..tokens.len() - words];
    let mut place = String::new();
    tokens[tokens.len() - words..]
        .iter()
        .for_each(|token| places::extend_place_key(&mut place, &token.key));
    if places::prefixes_of(&place).is_none() {
        return true;
    }
    let parts = body.iter().filter(|token| token.ends_part).count();
    let is_apart = body.last().is_some_and(|token| token.ends_part);
    is_apart && !has_us_tail(body) && (parts > 1 || last_postcode(code, text).is_some())
}

/// True if the words end with a state, or a ZIP after one.
fn has_us_tail(tokens: &[Token]) -> bool {
    let is_zip = |token: &Token| {
        token.key.len() >= 4 && token.key.chars().all(|c| c.is_ascii_digit() || c == '-')
    };
    let end = tokens.len() - tokens.iter().rev().take_while(|token| is_zip(token)).take(2).count();
    (1..=words::STATE_WORDS_MAX.min(end)).any(|words| {
        let span = &tokens[end - words..end];
        let key = span.iter().map(|token| token.key.as_str()).collect::<Vec<_>>().join(" ");
        words::state(&key).is_some()
    })
}

fn with_postcode(
    country: Option<&'static str>,
    text: &str,
    tokens: &[Token],
    name_words: usize,
) -> Foreign {
    let Some(code) = country else {
        return Foreign { country, postcode: None, is_postcode_wrong: false };
    };
    if let Some((postcode, _)) = last_postcode(code, text) {
        let postcode = Some(spaced(code, &postcode));
        return Foreign { country, postcode, is_postcode_wrong: false };
    }
    // After the street, a number of three digits or more can only be the postcode.
    let body = &tokens[..tokens.len() - name_words];
    let street_end = body.iter().position(|token| token.ends_part).map_or(body.len(), |at| at + 1);
    let has_form = find(code).is_some_and(|country| !country.pattern.is_empty());
    let is_postcode_wrong = has_form
        && body[street_end..]
            .iter()
            .any(|token| token.key.chars().filter(char::is_ascii_digit).count() > 2);
    Foreign { country, postcode: None, is_postcode_wrong }
}

fn find(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code)
}

/// Last postcode of a country's form in a text that no letter or digit touches, and where it ends.
/// A number at the very start is a house's.
fn last_postcode(code: &str, text: &str) -> Option<(String, usize)> {
    let country = find(code).filter(|country| !country.pattern.is_empty())?;
    let regex = country
        .postcode
        .get_or_init(|| Regex::new(&format!("(?i)(?:{})", country.pattern)).ok())
        .as_ref()?;
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    regex
        .find_iter(text)
        .filter(|found| {
            let before = text[..found.start()].chars().next_back();
            let after = text[found.end()..].chars().next();
            let is_house = found.start() == 0
                && found.end() < text.len()
                && after != Some(',')
                && text.is_ascii();
            !touches(before) && !touches(after) && !is_house && after != Some('-')
        })
        .last()
        .map(|found| (found.as_str().to_uppercase(), found.end()))
}

/// The one space that British, Canadian and Dutch postcodes are written with.
fn spaced(code: &str, postcode: &str) -> String {
    let bare: String = postcode.chars().filter(|c| !c.is_whitespace()).collect();
    let tail = match code {
        "GB" | "CA" | "IM" | "JE" | "GG" => 3,
        "NL" => 2,
        _ => return postcode.to_owned(),
    };
    match bare.len().checked_sub(tail).and_then(|at| bare.split_at_checked(at)) {
        Some((head, tail)) if !head.is_empty() => format!("{head} {tail}"),
        _ => postcode.to_owned(),
    }
}

/// `NSW 2000` at the end. `WA` and `NT` are left out: Washington's ZIPs can be cut short too.
fn is_australian(tokens: &[Token]) -> bool {
    matches!(tokens, [.., _, state, postcode]
        if matches!(state.key.as_str(), "nsw" | "vic" | "qld" | "tas" | "act")
            && postcode.key.len() == 4
            && postcode.key.chars().all(|c| c.is_ascii_digit()))
}

/// Words for street that American streets do not end with.
fn has_foreign_street(tokens: &[Token]) -> bool {
    const ENDINGS: [&str; 15] = [
        "str", "straße", "strasse", "gasse", "platz", "straat", "laan", "gatan", "vägen", "vej",
        "gade", "katu", "plein", "kade", "allee",
    ];
    const WORDS: [&str; 18] = [
        "rua", "viale", "piazza", "corso", "ulica", "ulitsa", "prospekt", "calle", "avenida",
        "carrer", "str", "largo", "travessa", "jalan", "jl", "chome", "rue", "via",
    ];
    let first = tokens.first().map_or("", |token| token.key.as_str());
    let is_number = |at: usize| {
        tokens.get(at).is_some_and(|token| token.key.starts_with(|c: char| c.is_ascii_digit()))
    };
    // A German number follows its street; an American one comes first.
    let compound = tokens.iter().enumerate().any(|(at, token)| {
        let is_long = token.key.chars().count() > 7;
        is_long && ENDINGS.iter().any(|ending| token.key.ends_with(ending)) && is_number(at + 1)
    });
    let is_word = WORDS.contains(&first);
    compound
        || (is_word
            && tokens.iter().skip(1).any(|token| token.key.contains(|c: char| c.is_ascii_digit())))
}

/// `…, 75001 Paris`: the last part opens with a number that is no ZIP of that city.
fn has_postcode_before_city(tokens: &[Token]) -> bool {
    let body = &tokens[..tokens.len().saturating_sub(1)];
    let Some(comma) = body.iter().rposition(|token| token.ends_part) else { return false };
    let [postcode, city @ ..] = &tokens[comma + 1..] else { return false };
    let is_code = (4..=6).contains(&postcode.key.len())
        && postcode.key.chars().all(|c| c.is_ascii_digit())
        && !city.is_empty()
        && city.iter().all(|token| {
            token.key.chars().all(|c| c.is_alphabetic() || c == '-')
                && words::suffix(&token.key).is_none()
                && words::directional(&token.key).is_none()
        });
    let mut place = String::new();
    city.iter().for_each(|token| places::extend_place_key(&mut place, &token.key));
    let is_ours = postcode.key.len() == 5
        && places::prefixes_of(&place)
            .is_some_and(|mut prefixes| prefixes.any(|prefix| postcode.key.starts_with(prefix)));
    is_code && !is_ours
}
