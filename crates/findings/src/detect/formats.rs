//! One column, several ways to write the same: dates, numbers with signs of currency, postcodes.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::read::{Form, form};
use crate::study::Study;
use crate::table::{Column, SqlType};
use std::collections::HashMap;

const CODE: &str = "mixed_format";

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if column.head.sql_type != SqlType::Text {
            continue;
        }
        match facts.role {
            Role::Date => {
                minority(study, findings, place, column, facts, date_form, Severity::Warning)
            }
            Role::Number => {
                decimals(study, findings, place, column, facts);
                minority(study, findings, place, column, facts, number_form, Severity::Warning)
            }
            Role::Code if facts.title.has("zip zipcode postal") => {
                minority(study, findings, place, column, facts, zip_form, Severity::Warning);
            }
            Role::Phone => {
                minority(study, findings, place, column, facts, phone_form, Severity::Info)
            }
            _ => {}
        }
    }
}

/// Numbers with more decimals than nearly all others have.
fn decimals(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    const NEARLY_ALL: f64 = 0.98;
    const DECIMALS_MAX: usize = 4;
    let decimals = |value: &str| value.trim().split_once('.').map_or(0, |(_, rest)| rest.len());
    let share = |most: usize| facts.share(column, |_, value| decimals(value) <= most);
    let Some(usual) = (1..=DECIMALS_MAX).find(|most| share(*most) >= NEARLY_ALL) else { return };
    let odd = study.values(place, |_, value| decimals(value) > usual);
    findings.values(study, place, ("decimal_places", Severity::Info), &odd, None);
}

/// Notes what is not written in the most frequent way.
fn minority(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
    form_of: fn(&str) -> Option<String>,
    severity: Severity,
) {
    let mut rows: HashMap<String, u64> = HashMap::new();
    for number in study.values(place, |_, _| true) {
        if let Some(form) = form_of(column.value(number).trim()) {
            *rows.entry(form).or_default() += column.counts[number as usize];
        }
    }
    let Some((main, _)) = rows.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else {
        return;
    };
    let odd =
        study.values(place, |_, value| form_of(value.trim()).is_some_and(|form| form != *main));
    // Two accepted ways side by side are a habit, but of dates and numbers they confuse.
    let is_habit = study.rows_of(place, &odd) * 20 >= facts.there;
    let is_code = !matches!(facts.role, Role::Date | Role::Number);
    let severity = if is_habit && is_code { Severity::Info } else { severity };
    let kind = match facts.role {
        Role::Number | Role::Code => None,
        _ => Some(facts.kind.to_string()),
    };
    let mend = kind.and_then(|kind| study.context.names.clean(place, &kind));
    findings.values(study, place, (CODE, severity), &odd, mend);
}

/// The order and the separators of a date, without its digits and names of months.
fn date_form(value: &str) -> Option<String> {
    let drawn = form(value, Form::Folded).replace('a', "A").replace("AA", "A");
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let begins = if digits == 4 { "year " } else { "" };
    // A time of day is no other way to write the day.
    let day = drawn.split([' ', 'T']).next().unwrap_or_default();
    let is_named = drawn.contains('A') && !drawn.contains("9A9") && !drawn.contains(':');
    Some(format!("{begins}{}", if is_named { drawn.as_str() } else { day }))
}

fn number_form(value: &str) -> Option<String> {
    let signs: String = value
        .chars()
        .filter(|c| "$€£¥%(),".contains(*c) || c.is_alphabetic() && *c != 'e' && *c != 'E')
        .collect();
    super::super::read::written_number(value)?;
    Some(signs.replace(',', ""))
}

fn zip_form(value: &str) -> Option<String> {
    let is_zip = matches!(form(value, Form::Exact).as_str(), "99999" | "99999-9999" | "999999999");
    is_zip.then(|| form(value, Form::Exact))
}

fn phone_form(value: &str) -> Option<String> {
    Some(form(value, Form::Folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn ways_to_write_are_told_apart() {
        let sheet = Sheet::new("joined,price,zip").rows(300, |row| {
            let day = 1 + row % 28;
            vec![
                if row % 50 == 3 {
                    format!("{:02}/{day:02}/2024", 1 + row % 12)
                } else {
                    format!("2024-{:02}-{day:02}", 1 + row % 12)
                },
                if row == 9 { "$1,200.00".into() } else { format!("{}.99", 100 + row) },
                if row == 8 { "12345-6789".into() } else { format!("{}", 12_345 + row) },
            ]
        });
        let findings = found(&sheet);
        for column in ["joined", "price", "zip"] {
            assert!(sheet.codes(&findings, column).contains(&CODE), "{column}");
        }
    }

    #[test]
    fn times_of_day_are_no_other_format() {
        assert_eq!(date_form("2024-01-02"), date_form("2024-01-02 10:00:00"));
        assert_eq!(date_form("Jan 2, 2024"), date_form("December 31, 2023"));
        assert_ne!(date_form("2024-01-02"), date_form("01-02-2024"));
        assert_ne!(date_form("2024-01-02"), date_form("02 Jan 2024"));
    }
}
