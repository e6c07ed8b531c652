//! Phone numbers inside free text.

use rlibphonenumber::phonenumber_matcher::Leniency;

use super::plans::{matchers, util};
use super::{Region, e164};

/// One number found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Position of the first character, counted from 1.
    pub start: usize,
    /// Position after the last character.
    pub stop: usize,
    /// The number as written.
    pub raw: String,
    /// The number in E.164.
    pub e164: String,
}

/// The valid numbers in `body`, in their order, as libphonenumber's matcher finds them with its
/// leniency VALID: national numbers of `region`, and numbers with their country code. Dates and
/// amounts of money that are valid numbers by chance are left out.
///
/// There is no limit on their count; the work grows with the length of `body`.
pub fn find(body: &str, region: Region) -> Vec<Found> {
    let matcher = matchers()
        .matcher_builder(body)
        .leniency(Leniency::Valid)
        .max_tries(u64::MAX)
        .preferred_region(region.as_library())
        .build();
    let util = util();
    let mut found = Vec::new();
    let (mut byte, mut character) = (0, 1);
    for hit in matcher {
        let Some(before) = body.get(byte..hit.start) else { continue };
        let start = character + before.chars().count();
        let stop = start + hit.raw_string.chars().count();
        (byte, character) = (hit.end(), stop);
        let after = body.get(byte..).unwrap_or_default();
        if is_date(hit.raw_string) || is_amount(before, hit.raw_string, after) {
            continue;
        }
        found.push(Found {
            start,
            stop,
            raw: hit.raw_string.to_owned(),
            e164: e164(util, &hit.number),
        });
    }
    found
}

/// True if `raw` is a day, or two of them: `05.10.1986`, `03.06-07.06.2015`.
fn is_date(raw: &str) -> bool {
    let is_edge = |c: char| !c.is_ascii_digit();
    let numbers: Vec<&str> = raw.split(is_edge).filter(|number| !number.is_empty()).collect();
    if !raw.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '/' | '-' | '–' | ' ')) {
        return false;
    }
    let signs = raw.chars().filter(|c| matches!(c, '.' | '/' | '-' | '–')).count();
    signs + 1 >= numbers.len() && is_days(&numbers)
}

/// True if the numbers are those of one date or of two, years of two or four digits.
fn is_days(numbers: &[&str]) -> bool {
    match *numbers {
        [a, b, c] => is_day_and_month(a, b) && is_year(c) || c.len() < 3 && is_iso(a, b, c),
        [a, b, c, d] => is_day_and_month(a, b) && is_day_and_month(c, d) && d.len() == 2,
        [a, b, c, d, year] => {
            is_day_and_month(a, b) && is_day_and_month(c, d) && year.len() == 4 && is_year(year)
        }
        [a, b, c, d, e, f] => is_days(&[a, b, c]) && is_days(&[d, e, f]) && f.len() == 4,
        _ => false,
    }
}

fn is_iso(year: &str, month: &str, day: &str) -> bool {
    year.len() == 4 && is_year(year) && is_day_and_month(day, month)
}

fn is_day_and_month(day: &str, month: &str) -> bool {
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() <= 2);
    let Some((day, month)) = number(day).zip(number(month)) else { return false };
    let is_pair = |day: u8, month: u8| (1..=31).contains(&day) && (1..=12).contains(&month);
    is_pair(day, month) || is_pair(month, day)
}

fn is_year(year: &str) -> bool {
    year.len() == 2 || year.len() == 4 && matches!(year.get(..2), Some("18" | "19" | "20" | "21"))
}

/// True if a currency stands beside `raw`.
fn is_amount(before: &str, raw: &str, after: &str) -> bool {
    const SIGNS: &[char] = &['$', '€', '£', '¥', '₹', '₽', '₺', '₩', '₫', '₴', '฿', '₪'];
    const CODES: &[&str] = &[
        "EUR", "USD", "GBP", "CHF", "JPY", "INR", "AUD", "CAD", "CNY", "SEK", "NOK", "DKK", "PLN",
        "CZK", "HUF", "BRL", "MXN", "ZAR", "TRY", "RUB", "Euro", "euro", "Rs", "Rs.", "kr", "zł",
    ];
    if raw.contains(['+', '(']) {
        return false;
    }
    let before = before.trim_end();
    let last = before.rsplit(|c: char| c.is_whitespace() || c == ':').next().unwrap_or_default();
    let decimals = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '-' | '–');
    let after = after.trim_start_matches(decimals).trim_start();
    let next = after.split(|c: char| !c.is_alphabetic() && c != '.').next().unwrap_or_default();
    before.ends_with(SIGNS)
        || after.starts_with(SIGNS)
        || CODES.contains(&last)
        || CODES.contains(&next.trim_end_matches('.'))
}
