//! Numbers with a check digit, in columns where nearly all of them pass.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;

/// By chance a tenth pass; so many mean that the column holds such numbers.
const NEARLY_ALL: f64 = 0.85;
/// Fewer values say nothing.
const ROWS_MIN: u64 = 20;

/// A sort of number with a check digit: the digits and letters are given without separators.
struct Sort {
    may_be: fn(&str) -> bool,
    passes: fn(&str) -> bool,
}

const SORTS: [Sort; 8] = [
    Sort { may_be: |text| is_figures(text, 13, 19), passes: luhn },
    Sort { may_be: |text| is_figures(text, 10, 10), passes: |text| luhn(&format!("80840{text}")) },
    Sort { may_be: |text| is_figures(text, 9, 9), passes: luhn },
    Sort { may_be: is_iban_like, passes: iban },
    Sort {
        may_be: |text| {
            is_figures(text, 13, 13) || is_figures(text, 12, 12) || is_figures(text, 8, 8)
        },
        passes: ean,
    },
    Sort { may_be: is_isbn_10_like, passes: isbn_10 },
    Sort { may_be: |text| is_figures(text, 9, 9), passes: routing },
    Sort {
        may_be: |text| text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        passes: vin,
    },
];

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        let may_be = matches!(facts.role, Role::Code | Role::Number | Role::Label | Role::Text);
        if !may_be || facts.there < ROWS_MIN || facts.distinct < ROWS_MIN as usize {
            continue;
        }
        let sort = SORTS.iter().find(|sort| {
            facts.share(column, |_, value| {
                let bare = bare(value);
                (sort.may_be)(&bare) && (sort.passes)(&bare)
            }) >= NEARLY_ALL
        });
        let Some(sort) = sort else { continue };
        let odd = study.values(place, |_, value| {
            let bare = bare(value);
            !((sort.may_be)(&bare) && (sort.passes)(&bare))
        });
        findings.values(study, place, ("checksum", Severity::Error), &odd, None);
    }
}

fn bare(value: &str) -> String {
    value.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect::<String>().to_ascii_uppercase()
}

fn is_figures(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn luhn(text: &str) -> bool {
    let sum: u32 = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            let double = digit * 2;
            if place % 2 == 0 { digit } else { double / 10 + double % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn weighted(text: &str, weights: &[u32]) -> u32 {
    text.bytes()
        .zip(weights.iter().cycle())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum()
}

fn ean(text: &str) -> bool {
    let reversed: String = text.chars().rev().collect();
    weighted(&reversed, &[1, 3]).is_multiple_of(10)
}

fn routing(text: &str) -> bool {
    weighted(text, &[3, 7, 1]).is_multiple_of(10)
}

fn is_isbn_10_like(text: &str) -> bool {
    text.len() == 10
        && is_figures(&text[..9], 9, 9)
        && text.ends_with(|c: char| c.is_ascii_digit() || c == 'X')
}

fn isbn_10(text: &str) -> bool {
    let last = text
        .bytes()
        .last()
        .map_or(0, |byte| if byte == b'X' { 10 } else { u32::from(byte - b'0') });
    let sum = weighted(&text[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) + last;
    sum.is_multiple_of(11)
}

fn is_iban_like(text: &str) -> bool {
    let bytes = text.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

fn iban(text: &str) -> bool {
    let (head, rest) = text.split_at(4);
    let remainder = rest.chars().chain(head.chars()).fold(0_u32, |remainder, c| {
        let value = c.to_digit(36).unwrap_or(0);
        (remainder * if value > 9 { 100 } else { 10 } + value) % 97
    });
    remainder == 1
}

fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'H' => u32::from(byte - b'A') + 1,
        b'J'..=b'R' => u32::from(byte - b'J') + 1,
        b'S'..=b'Z' => u32::from(byte - b'S') + 2,
        _ => 0,
    };
    let sum: u32 = text.bytes().zip(WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    let check = text.as_bytes()[8];
    if sum % 11 == 10 { check == b'X' } else { u32::from(check.wrapping_sub(b'0')) == sum % 11 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn known_numbers_pass() {
        assert!(luhn("4111111111111111") && !luhn("4111111111111112"));
        assert!(luhn("808401234567893"));
        assert!(iban("DE89370400440532013000") && !iban("DE89370400440532013001"));
        assert!(ean("4006381333931") && ean("036000291452"));
        assert!(isbn_10("080442957X") && !isbn_10("0804429571"));
        assert!(routing("021000021") && vin("1M8GDM9AXKP042788"));
    }

    #[test]
    fn wrong_digits_are_found_where_others_are_right() {
        let sheet = Sheet::new("card,other").rows(100, |row| {
            let body = format!("41111111{:07}", row * 991);
            let check = (0..10).find(|check| luhn(&format!("{body}{check}"))).unwrap_or(0);
            let check = if row == 17 { (check + 1) % 10 } else { check };
            vec![format!("{body}{check}"), format!("{}", 4_000_000_000_000 + row * 77_777)]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "card").contains(&"checksum"));
        assert!(!sheet.codes(&findings, "other").contains(&"checksum"));
    }
}
