//! Signs of other countries' addresses: postcodes of other forms, country codes before a postcode,
//! provinces of Canada, words and letters of other languages.

use super::tokens::Token;
use super::{places, words};

/// Country codes before a postcode, as post offices of Europe once asked for: `D-10827`, `A-1010`.
const POSTCODE_PREFIXES: &[(&str, &str, usize)] = &[
    ("d", "DE", 5),
    ("de", "DE", 5),
    ("a", "AT", 4),
    ("at", "AT", 4),
    ("ch", "CH", 4),
    ("f", "FR", 5),
    ("fr", "FR", 5),
    ("i", "IT", 5),
    ("it", "IT", 5),
    ("e", "ES", 5),
    ("es", "ES", 5),
    ("b", "BE", 4),
    ("be", "BE", 4),
    ("nl", "NL", 4),
    ("l", "LU", 4),
    ("lu", "LU", 4),
    ("dk", "DK", 4),
    ("n", "NO", 4),
    ("no", "NO", 4),
    ("s", "SE", 5),
    ("se", "SE", 5),
    ("fi", "FI", 5),
    ("fin", "FI", 5),
    ("h", "HU", 4),
    ("hu", "HU", 4),
    ("si", "SI", 4),
    ("hr", "HR", 5),
    ("lt", "LT", 5),
    ("lv", "LV", 4),
    ("ee", "EE", 5),
    ("gr", "GR", 5),
    ("fl", "LI", 4),
];

/// Provinces and territories of Canada; `NL` is the Netherlands' code too.
const PROVINCES: &[&str] =
    &["on", "bc", "ab", "qc", "pq", "ns", "nb", "mb", "sk", "pe", "pei", "nl", "yt", "nt", "nu"];

/// Words of Vietnamese addresses.
const VIETNAMESE: &[&str] =
    &["quận", "phường", "đường", "huyện", "tỉnh", "phố", "ngõ", "hẻm", "xã", "thị", "thành"];

/// Words of streets and places that no American address has, wherever they stand.
const WORDS: &[&str] = &[
    "ulica",
    "ulitsa",
    "prospekt",
    "sokak",
    "sokağı",
    "caddesi",
    "mahallesi",
    "jalan",
    "jln",
    "lorong",
    "strada",
    "bulevardul",
    "rruga",
    "utca",
    "út",
    "náměstí",
    "třída",
    "iela",
    "gatvė",
    "straße",
    "strasse",
    "platz",
    "gasse",
    "allee",
    "piazza",
    "viale",
    "corso",
    "vicolo",
    "travessa",
    "praça",
    "impasse",
    "chemin",
    "quai",
    "faubourg",
    "arrondissement",
    "cedex",
    "bairro",
    "colonia",
    "delegación",
    "barangay",
    "brgy",
    "thanon",
    "soi",
    "marg",
    "nagar",
    "apto",
    "postfach",
    "plac",
    "osiedle",
    "kebele",
    "ward",
];

/// Letters that stand in no American name of a street or town.
const LETTERS: &[char] = &[
    'ß', 'ł', 'ş', 'ğ', 'ı', 'ő', 'ű', 'ř', 'ě', 'ů', 'ø', 'æ', 'å', 'þ', 'ð', 'ą', 'ę', 'ć', 'ś',
    'ź', 'ż', 'ț', 'ș', 'ă', 'ć', 'č', 'š', 'ž', 'đ', 'ơ', 'ư', 'ģ', 'ķ', 'ļ', 'ņ', 'ė', 'ų', 'ū',
    'ī', 'ē', 'ā', 'õ', 'ã',
];

/// The sign of another country, whatever state or ZIP may follow: a postcode of a form that no ZIP
/// has. The country is none where several have the form.
pub fn by_postcode(tokens: &[Token]) -> Option<Option<&'static str>> {
    let last = tokens.last()?;
    let (body, _) = tokens.split_at(tokens.len() - 1);
    if tokens.iter().skip(1).any(|token| is_form(&token.key, "00000-000")) {
        return Some(Some("BR"));
    }
    let is_row = is_digits(last.core(), 6);
    let before = body.last()?;
    let is_word = before.key.chars().all(char::is_alphabetic) && !is_cue(&before.key);
    if is_row && is_word && tokens.len() > 2 {
        let is_singapore = tokens.iter().any(|token| token.key == "singapore");
        return Some(is_singapore.then_some("SG"));
    }
    None
}

/// The sign of another country where neither state nor ZIP ends the address.
pub fn by_form(tokens: &[Token]) -> Option<Option<&'static str>> {
    prefixed_postcode(tokens)
        .or_else(|| postcode_and_city(tokens))
        .or_else(|| eircode(tokens))
        .or_else(|| province(tokens))
        .or_else(|| by_words(tokens))
}

/// `D-10827 Berlin`: after the street, a country's code and as many digits as its postcodes have.
fn prefixed_postcode(tokens: &[Token]) -> Option<Option<&'static str>> {
    tokens.iter().enumerate().skip(1).find_map(|(at, token)| {
        let (prefix, digits) = token.key.split_once('-')?;
        let (_, country, _) = POSTCODE_PREFIXES
            .iter()
            .find(|(known, _, count)| *known == prefix && is_digits(digits, *count))?;
        let is_city = tokens.get(at + 1).is_some_and(is_name);
        (is_city && !is_cue(&tokens[at - 1].key)).then_some(Some(*country))
    })
}

/// A postcode of a form that ZIPs do not have, and a city after it, at the start of a part.
fn postcode_and_city(tokens: &[Token]) -> Option<Option<&'static str>> {
    tokens.iter().enumerate().skip(1).find_map(|(at, token)| {
        let next = tokens.get(at + 1);
        let is_city = next.is_some_and(is_name);
        let starts_part = tokens[at - 1].ends_part;
        let key = token.key.as_str();
        if is_form(key, "00-000") && !token.ends_part && (is_city || next.is_none()) {
            return starts_part.then_some(Some("PL"));
        }
        if is_form(key, "0000-000") && (is_city || next.is_none()) {
            return Some(Some("PT"));
        }
        if is_form(key, "000-0000") && next.is_none() && is_name(&tokens[at - 1]) {
            return Some(Some("JP"));
        }
        if is_form(key, "0000aa") && is_city && words::directional(&key[4..]).is_none() {
            return Some(Some("NL"));
        }
        // `1012 NX Amsterdam`, `111 51 Stockholm`
        let after = tokens.get(at + 2).is_some_and(is_name);
        let second = next.map(|next| next.key.as_str()).unwrap_or_default();
        let is_dutch = is_form(key, "0000") && is_form(second, "aa") && after;
        let is_free = words::directional(second).is_none() && words::suffix(second).is_none();
        if starts_part && is_dutch && is_free && next.is_some_and(is_upper) {
            return Some(Some("NL"));
        }
        (starts_part && is_form(key, "000") && is_form(second, "00") && after).then_some(None)
    })
}

/// `D12 X8YN` at the end.
fn eircode(tokens: &[Token]) -> Option<Option<&'static str>> {
    let [.., area, unique] = tokens else { return None };
    let bytes = area.key.as_bytes();
    let is_area = bytes.len() == 3
        && bytes[0].is_ascii_lowercase()
        && bytes[1].is_ascii_digit()
        && (bytes[2].is_ascii_digit() || bytes[2] == b'w');
    let is_district = is_digits(&area.key, 1) || is_digits(&area.key, 2);
    let letters = unique.key.bytes().filter(u8::is_ascii_lowercase).count();
    let is_unique = unique.key.len() == 4
        && unique.key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && (if is_area { 1..=3 } else { 2..=3 }).contains(&letters)
        && is_upper(unique);
    ((is_area || is_district) && is_unique && tokens.len() > 2).then_some(Some("IE"))
}

/// `Toronto, ON`: a province in capitals, and a place before it.
fn province(tokens: &[Token]) -> Option<Option<&'static str>> {
    let (last, body) = tokens.split_last()?;
    let before = body.last()?;
    let is_code = PROVINCES.contains(&last.key.as_str()) && is_upper(last);
    (is_code && is_name(before) && body.len() > 2).then_some(Some("CA"))
}

fn by_words(tokens: &[Token]) -> Option<Option<&'static str>> {
    if tokens.iter().any(|token| VIETNAMESE.contains(&token.key.as_str())) {
        return Some(Some("VN"));
    }
    let has_number = tokens.iter().any(|token| token.key.contains(|c: char| c.is_ascii_digit()));
    let is_word = |token: &Token| WORDS.contains(&token.key.as_str());
    let is_letter = |token: &Token| token.key.contains(LETTERS);
    // `12 rue de Rivoli`
    let is_rue = matches!(tokens, [number, rue, _, ..]
        if matches!(rue.key.as_str(), "rue" | "allée" | "ul")
            && number.key.starts_with(|c: char| c.is_ascii_digit()));
    let is_polish = tokens.first().is_some_and(|token| matches!(token.key.as_str(), "ul" | "al"));
    let is_foreign =
        is_rue || is_polish || tokens.iter().any(is_word) || tokens.iter().any(is_letter);
    (is_foreign && has_number && tokens.len() > 1).then_some(None)
}

/// Words before which stands a unit or a box and no postcode.
fn is_cue(key: &str) -> bool {
    key == "#" || words::unit(key).is_some() || words::boxes(key).is_some()
}

fn is_name(token: &Token) -> bool {
    token.key.chars().next().is_some_and(char::is_alphabetic)
        && token.key.chars().all(|c| c.is_alphabetic() || c == '-')
        && !is_cue(&token.key)
}

fn is_upper(token: &Token) -> bool {
    !token.core().contains(char::is_lowercase)
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True if `key` has the form that `form` shows: `0` for a digit, `a` for a letter.
fn is_form(key: &str, form: &str) -> bool {
    key.len() == form.len()
        && key.bytes().zip(form.bytes()).all(|(byte, sign)| match sign {
            b'0' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_lowercase(),
            _ => byte == sign,
        })
}

/// Country of a code in capitals that stands alone after a comma: `…, 10827 Berlin, DE`. Most codes
/// are those of states too; then the rest must be foreign, as `is_foreign` tells.
pub fn country_code(
    tokens: &[Token],
    is_country: impl Fn(&str) -> Option<&'static str>,
    is_foreign: impl Fn(&[Token]) -> bool,
) -> Option<&'static str> {
    let (last, body) = tokens.split_last()?;
    let is_apart = body.last()?.ends_part && body.len() > 1;
    let is_code = last.core().len() == 2 && last.core().bytes().all(|b| b.is_ascii_uppercase());
    if !(is_apart && is_code) || last.core() == "US" {
        return None;
    }
    let code = is_country(last.core())?;
    let mut place = String::new();
    let start = body[..body.len() - 1].iter().rposition(|token| token.ends_part);
    body[start.map_or(0, |at| at + 1)..]
        .iter()
        .for_each(|token| places::extend_place_key(&mut place, &token.key));
    let is_state = words::state(&last.key).is_some();
    (!is_state && code != "PR" || is_foreign(body)).then_some(code)
}
