//! Numbers, days and forms, read from text.

use crm_ai_clean::dates::{self, Order};

/// The number in `text` as SQL or a spreadsheet writes it; none where there is none.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_digit());
    if !is_plain {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The same with signs of currency, separators of thousands and brackets for minus.
pub fn written_number(text: &str) -> Option<f64> {
    if let Some(plain) = number(text) {
        return Some(plain);
    }
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let sign = if inner.is_some() { -1.0 } else { 1.0 };
    let text = inner.unwrap_or(text);
    let is_sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '%' | ' ');
    let text = text.trim_matches(is_sign);
    let text = ["USD", "EUR", "GBP"]
        .iter()
        .find_map(|code| text.strip_prefix(code).or_else(|| text.strip_suffix(code)))
        .unwrap_or(text)
        .trim();
    let well_parted = text.split_once(',').is_none_or(|(first, rest)| {
        let rest = rest.split('.').next().unwrap_or_default();
        first.trim_start_matches('-').len() <= 3 && rest.split(',').all(|group| group.len() == 3)
    });
    if !well_parted {
        return None;
    }
    number(&text.replace(',', "")).map(|number| sign * number)
}

/// Days since 1970-01-01 of an ISO date at the beginning of `text`, with the time as a fraction.
pub fn iso_day(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let time = match bytes.get(10) {
        None => 0.0,
        Some(b' ' | b'T') => {
            let (hour, minute) = (part(11, 13)?, part(14, 16)?);
            let second = part(17, 19).unwrap_or(0);
            if hour > 23 || minute > 59 || second > 60 {
                return None;
            }
            (f64::from(hour) * 3600.0 + f64::from(minute) * 60.0 + f64::from(second)) / 86_400.0
        }
        Some(_) => return None,
    };
    Some(day_number(year, month, day) + time)
}

/// Days since 1970-01-01 in any form that is read as a date, which plain numbers are not.
pub fn day(text: &str, order: Order) -> Option<f64> {
    let text = text.trim();
    if let Some(day) = iso_day(text) {
        return Some(day);
    }
    let is_candidate = (6..=40).contains(&text.len())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| b"/-. ,".contains(&byte) || byte.is_ascii_alphabetic())
        && number(text).is_none();
    if !is_candidate {
        return None;
    }
    let date = dates::parse_timestamp(text, order);
    date.iso.as_deref().or(date.readings.first().map(String::as_str)).and_then(iso_day)
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a day in the Gregorian calendar.
pub fn day_number(year: u32, month: u32, day: u32) -> f64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) as f64
}

/// Detail of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each digit is `9`, each capital `A`, each other letter `a`.
    Exact,
    /// Each letter and digit is `x`.
    Lengths,
    /// As `Exact`, with each run written once.
    Folded,
}

/// The form of a value; other characters stand for themselves. The first 64 characters count.
pub fn form(value: &str, form: Form) -> String {
    const CHARS_MAX: usize = 64;
    let mut drawn = String::new();
    let mut previous = None;
    for c in value.chars().take(CHARS_MAX) {
        let class = if c.is_ascii_digit() {
            '9'
        } else if c.is_uppercase() {
            'A'
        } else if c.is_alphabetic() {
            'a'
        } else {
            c
        };
        let is_run = previous == Some(class) && class.is_ascii_alphanumeric();
        previous = Some(class);
        match form {
            Form::Folded if is_run => {}
            Form::Lengths if c.is_alphanumeric() => drawn.push('x'),
            _ => drawn.push(class),
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(number(" -1.5e3 "), Some(-1500.0));
        assert_eq!(number("nan"), None);
        assert_eq!(number("-"), None);
        assert_eq!(written_number("$1,234.50"), Some(1234.5));
        assert_eq!(written_number("(12.00)"), Some(-12.0));
        assert_eq!(written_number("1,23"), None);
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(iso_day("1970-01-02"), Some(1.0));
        assert_eq!(iso_day("2000-03-01"), Some(11_017.0));
        assert_eq!(iso_day("1970-01-01 12:00:00"), Some(0.5));
        assert_eq!(iso_day("2023-02-29"), None);
        assert_eq!(day("03/25/2024", Order::MonthFirst), iso_day("2024-03-25"));
        assert_eq!(day("20240325", Order::MonthFirst), None);
    }

    #[test]
    fn forms_are_drawn() {
        assert_eq!(form("AB-12c", Form::Exact), "AA-99a");
        assert_eq!(form("AB-12c", Form::Lengths), "xx-xxx");
        assert_eq!(form("AB-12c", Form::Folded), "A-9a");
    }
}
