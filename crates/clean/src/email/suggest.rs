//! Typos of well-known domains.
//!
//! A suggestion is a guess for a person to look at, so it is made only where the domain is close to
//! one of `data/email/common.txt` and is no provider's own domain. The distance is Damerau's in its
//! restricted form: one character more, one less, another one, or two neighbours exchanged.

use super::lists;

const COMMON: &str = include_str!("../../data/email/common.txt");

/// Fewest letters of a brand whose misspellings are looked for: shorter ones (`aol`, `live`) are
/// too close to others' names.
const BRAND_CHARS_MIN: usize = 5;

/// Typos of top-level domains that are no top-level domains themselves (`data/email/tlds.txt`),
/// where they are further away than one slip, or could be two.
const TLD_TYPOS: &[(&str, &str)] = &[
    ("con", "com"),
    ("cmo", "com"),
    ("ocm", "com"),
    ("comm", "com"),
    ("coom", "com"),
    ("ccom", "com"),
    ("vom", "com"),
    ("xom", "com"),
    ("dom", "com"),
    ("clm", "com"),
    ("cim", "com"),
    ("cpm", "com"),
    ("coma", "com"),
    ("conm", "com"),
    ("comn", "com"),
    ("nte", "net"),
    ("ent", "net"),
    ("nett", "net"),
    ("ner", "net"),
    ("ney", "net"),
    ("nrt", "net"),
    ("met", "net"),
    ("ogr", "org"),
    ("rog", "org"),
    ("orgg", "org"),
    ("prg", "org"),
    ("irg", "org"),
    ("couk", "co.uk"),
    ("co.ku", "co.uk"),
    ("co.ik", "co.uk"),
];

/// Countries' domains that are typed for `com`. Believed only after a brand spelt right.
const COUNTRY_TYPOS: &[&str] = &["co", "cm", "om"];

/// The well-known domain that was probably meant by `domain`, which is in lower-case ASCII.
///
/// Asked for disposable domains too: many are such typos, held by somebody else.
pub(super) fn suggest(domain: &str) -> Option<String> {
    if domain.starts_with('[') || lists::is_free(domain) {
        return None;
    }
    let (brand, tld) = domain.split_once('.').unwrap_or((domain, ""));
    let mended_tld = TLD_TYPOS.iter().find(|(typo, _)| *typo == tld).map(|(_, meant)| *meant);
    let found = COMMON.lines().find(|common| {
        let Some((known, known_tld)) = common.split_once('.') else { return false };
        let is_country_typo = COUNTRY_TYPOS.contains(&tld) && known_tld == "com";
        if tld.is_empty() {
            // The dot, or all after it, is missing.
            return brand == known || brand.strip_prefix(known) == Some(known_tld);
        }
        if brand == known {
            return mended_tld == Some(known_tld) || is_country_typo;
        }
        (tld == known_tld || mended_tld == Some(known_tld)) && is_typo(brand, known)
    });
    if let Some(found) = found {
        return Some(found.to_owned());
    }
    // Any name under a top-level domain that does not exist, subdomains too.
    let (name, last) = domain.rsplit_once('.')?;
    if last == "com" && name.ends_with(".com") {
        return Some(name.to_owned());
    }
    let known = TLD_TYPOS.iter().find(|(typo, _)| *typo == last).map(|(_, meant)| *meant);
    let meant = known.or_else(|| nearest_tld(name, domain, last))?;
    Some(format!("{name}.{meant}"))
}

/// The one great top-level domain that is a slip of the fingers away from `last`, which does not
/// exist; after a well-known brand, one that begins so too: `gmail.c`.
fn nearest_tld(name: &str, domain: &str, last: &str) -> Option<&'static str> {
    if !lists::is_tld_unknown(domain) {
        return None;
    }
    if let Some((_, tld)) = COMMON
        .lines()
        .filter_map(|common| common.split_once('.'))
        .find(|(brand, tld)| *brand == name && (tld.starts_with(last) || is_one_edit(last, tld)))
    {
        return Some(tld);
    }
    let mut near = ["com", "net", "org", "edu", "gov"]
        .into_iter()
        .filter(|tld| last.len() > 1 && is_one_edit(last, tld));
    near.next().filter(|_| near.next().is_none())
}

/// The well-known domain in a field that holds no address: `ann@gmail,com`, `ann@gmail..com`.
pub(super) fn suggest_for_fault(raw: &str) -> Option<String> {
    let (local_part, written) = raw.trim().rsplit_once('@')?;
    if local_part.is_empty() || written.len() > 64 || !written.is_ascii() {
        return None;
    }
    let mut domain = String::with_capacity(written.len());
    for c in written.chars() {
        match c {
            '.' | ',' | ';' | ':' | '/' | ' ' if domain.is_empty() || domain.ends_with('.') => {}
            '.' | ',' | ';' | ':' | '/' | ' ' => domain.push('.'),
            'a'..='z' | '0'..='9' | '-' => domain.push(c),
            'A'..='Z' => domain.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    let domain = domain.trim_end_matches('.');
    COMMON.lines().find(|common| *common == domain).map(str::to_owned)
}

/// True if `written` is `known` with one slip of the fingers. The first letter is seldom wrong,
/// and without it `gmail` would be near `email`, and `icloud` near `cloud`.
fn is_typo(written: &str, known: &str) -> bool {
    let exchanged = written.as_bytes().get(..2).zip(known.as_bytes().get(..2));
    let is_same_start = written.as_bytes().first() == known.as_bytes().first()
        || exchanged.is_some_and(|(one, other)| one[0] == other[1] && one[1] == other[0]);
    known.len() >= BRAND_CHARS_MIN && is_same_start && is_one_edit(written, known)
}

/// True if the restricted Damerau distance is exactly one. For ASCII.
fn is_one_edit(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let (short, long) = (short.as_bytes(), long.as_bytes());
    let prefix = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[prefix..], &long[prefix..]);
    match long.len() - short.len() {
        1 => short == &long[1..],
        0 if short.is_empty() => false,
        0 if short[1..] == long[1..] => true,
        0 => {
            short.len() >= 2
                && short[0] == long[1]
                && short[1] == long[0]
                && short[2..] == long[2..]
        }
        _ => false,
    }
}
