//! Values of another type than nearly all others of their column, and values that are not valid for
//! what they are.

use crate::dictionary::VALUE_BYTES_MAX;
use crate::facts::{Facts, Role, is_wordy};
use crate::finding::{Findings, Severity};
use crate::read;
use crate::study::Study;
use crate::table::{Column, SqlType};
use crm_ai_clean::email;
use crm_ai_clean::rows::{self, Kind};

/// So large a part of a column has its type.
const NEARLY_ALL: f64 = 0.9;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if column.head.sql_type != SqlType::Text {
            continue;
        }
        match facts.role {
            Role::Number => numbers(study, findings, place),
            Role::Date => dates(study, findings, place),
            Role::Email => emails(study, findings, place),
            Role::Phone => phones(study, findings, place),
            Role::Name | Role::Label => words(study, findings, place, column, facts),
            Role::Code | Role::Text => times(study, findings, place, column, facts),
            Role::Boolean | Role::Empty => {}
        }
    }
}

fn numbers(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let facts = &study.facts[place];
    let odd = study.values(place, |number, value| {
        facts.numbers[number as usize].is_nan() && read::written_number(value).is_none()
    });
    let names = &study.context.names;
    let pattern = "^[[:space:]]*[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?[[:space:]]*$";
    let mend = names.check(&names.matches(place, pattern));
    findings.values(study, place, ("mixed_types", Severity::Error), &odd, mend);
}

fn dates(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let facts = &study.facts[place];
    let odd = study.values(place, |number, _| facts.days[number as usize].is_nan());
    let mend = study.context.names.clean(place, &facts.kind.to_string());
    findings.values(study, place, ("invalid_date", Severity::Error), &odd, mend);
}

fn emails(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let odd = study.values(place, |_, value| {
        let is_empty = rows::clean(value, Kind::Email).problem.is_some_and(rows::is_absence);
        !is_empty && !email::describe(value.trim()).is_valid
    });
    let mend = study.context.names.clean(place, "email");
    let rows = study.rows_of(place, &odd);
    if (rows as f64) < 0.5 * study.facts[place].there as f64 {
        findings.values(study, place, ("invalid_email", Severity::Error), &odd, mend);
    }
}

fn phones(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let (column, facts) = (&study.table.columns[place], &study.facts[place]);
    let kind = facts.kind;
    let can_be_read = |value: &str| rows::clean(value, kind).value.is_some();
    // Where most numbers are invented, or of another region, only their form is judged.
    let are_real = facts.share(column, |_, value| can_be_read(value)) >= NEARLY_ALL;
    let odd = study.values(
        place,
        |_, value| {
            if are_real { !can_be_read(value) } else { !is_dialled(value) }
        },
    );
    let rows = study.rows_of(place, &odd) as f64;
    if rows <= 0.2 * facts.there as f64 {
        let mend = study.context.names.clean(place, &kind.to_string());
        findings.values(study, place, ("invalid_phone", Severity::Error), &odd, mend);
    }
}

/// True if there are as many digits as a telephone number has, and hardly anything else.
fn is_dialled(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.chars().filter(|c| c.is_alphabetic() && !"extEXT".contains(*c)).count();
    (7..=18).contains(&digits) && letters == 0
}

/// Figures, dates, addresses of mail and the web among words.
fn words(study: &Study<'_>, findings: &mut Findings, place: usize, column: &Column, facts: &Facts) {
    const MINORITY_MAX: f64 = 0.05;
    if facts.share(column, |_, value| is_wordy(value)) < NEARLY_ALL {
        return;
    }
    let odd = study.values(place, |number, value| {
        !facts.numbers[number as usize].is_nan()
            || read::iso_day(value).is_some()
            || value.contains('@')
            || value.contains("://")
            || facts.role == Role::Name && value.bytes().any(|byte| byte.is_ascii_digit())
            || !value.chars().any(char::is_alphanumeric)
    });
    if study.rows_of(place, &odd) as f64 <= MINORITY_MAX * facts.there as f64 {
        let names = &study.context.names;
        let mend = names.check(&names.matches(place, "^[^0-9@]+$"));
        findings.values(study, place, ("mixed_types", Severity::Error), &odd, mend);
    }
}

/// A kind of text that a whole column may be of.
struct Kindred {
    code: &'static str,
    is_valid: fn(&str) -> bool,
}

const KINDREDS: [Kindred; 4] = [
    Kindred { code: "invalid_time", is_valid: is_time },
    Kindred { code: "invalid_url", is_valid: is_url },
    Kindred { code: "invalid_ip", is_valid: |value| value.parse::<std::net::IpAddr>().is_ok() },
    Kindred { code: "invalid_json", is_valid: is_json },
];

fn times(study: &Study<'_>, findings: &mut Findings, place: usize, column: &Column, facts: &Facts) {
    for kindred in &KINDREDS {
        if facts.share(column, |_, value| (kindred.is_valid)(value.trim())) >= NEARLY_ALL {
            let odd = study.values(place, |_, value| !(kindred.is_valid)(value.trim()));
            findings.values(study, place, (kindred.code, Severity::Error), &odd, None);
        }
    }
}

fn is_time(value: &str) -> bool {
    let clock = value.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    let mut parts = clock.split(':');
    let mut part = |most: u32| {
        parts.next().is_some_and(|part| {
            part.len() <= 2 && part.parse::<u32>().is_ok_and(|number| number <= most)
        })
    };
    part(23)
        && part(59)
        && clock.split(':').count() <= 3
        && clock
            .split(':')
            .skip(2)
            .all(|second| second.parse::<f64>().is_ok_and(|second| second < 61.0))
}

fn is_url(value: &str) -> bool {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host.contains('.') && !host.starts_with('.') && !rest.contains(char::is_whitespace)
    })
}

/// True if a text is a JSON object or array; of one that was cut only the beginning is known.
fn is_json(value: &str) -> bool {
    let is_begun = value.starts_with(['{', '[']);
    let is_cut = value.len() + 4 > VALUE_BYTES_MAX;
    is_begun && (is_cut || serde_json::from_str::<serde_json::Value>(value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn strangers_in_a_column_are_found() {
        let sheet = Sheet::new("amount,joined,email,city,start").rows(300, |row| {
            vec![
                if row == 9 { "twelve".into() } else { format!("{}.50", row % 90) },
                if row == 8 {
                    "2024-02-31".into()
                } else {
                    format!("2024-0{}-1{}", 1 + row % 9, row % 10)
                },
                if row == 7 {
                    "ann(at)example.com".into()
                } else {
                    format!("ann{row}@example.com")
                },
                if row == 6 { "12345".into() } else { ["Rome", "Oslo", "Bonn"][row % 3].into() },
                if row == 5 { "25:99".into() } else { format!("1{}:{}0", row % 10, row % 6) },
            ]
        });
        let findings = found(&sheet);
        assert_eq!(sheet.codes(&findings, "amount"), ["mixed_types"]);
        assert_eq!(sheet.codes(&findings, "joined"), ["invalid_date"]);
        assert_eq!(sheet.codes(&findings, "email"), ["invalid_email"]);
        assert!(sheet.codes(&findings, "city").contains(&"mixed_types"));
        assert!(sheet.codes(&findings, "start").contains(&"invalid_time"));
    }

    #[test]
    fn times_and_addresses_are_judged() {
        assert!(is_time("23:59") && is_time("9:05 PM") && is_time("10:00:00.5"));
        assert!(!is_time("24:00") && !is_time("12:60") && !is_time("1200"));
        assert!(
            is_url("https://example.com/a?b")
                && !is_url("http://localhost")
                && !is_url("www.a.com")
        );
    }
}
